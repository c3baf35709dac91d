import CLibpq
import Failpoints
import Foundation

/// One libpq connection. Its calls block and it is not thread-safe: it never leaves the thread that made it.
final class Connection {
    private let handle: OpaquePointer

    /// Connects to whatever `conninfo` names: a URI, key words, several hosts.
    init(_ conninfo: String, applicationName: String) throws(PostgresError) {
        // UTC and ISO dates are what Row reads. The rest bounds every wait, unless the caller's own string says more.
        let settings = [
            ("fallback_application_name", applicationName), ("connect_timeout", "5"), ("keepalives_idle", "30"),
            ("tcp_user_timeout", "20000"), ("dbname", conninfo), ("client_encoding", "UTF8"),
        ]
        // expand_dbname: later keys override earlier ones, so only those go after the caller's string that must.
        let handle = Self.withKeysAndValues(settings) { keys, values in PQconnectdbParams(keys, values, 1) }
        guard let handle else { throw .unavailable("out of memory") }
        guard PQstatus(handle) == CONNECTION_OK else {
            let message = String(cString: PQerrorMessage(handle))
            PQfinish(handle)
            throw .unavailable(message.trimmingNewline)
        }
        self.handle = handle
        _ = PQsetNoticeProcessor(handle, { _, _ in }, nil)
        try run(
            "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set statement_timeout = '30s'; set lock_timeout = '10s'")
    }

    deinit { PQfinish(handle) }

    var isBroken: Bool { PQstatus(handle) != CONNECTION_OK }
    var socket: Int32 { PQsocket(handle) }

    /// Runs text that takes no parameters, several statements included.
    func run(_ sql: String) throws(PostgresError) {
        Failpoint.reach(before: sql)
        _ = try check(PQexec(handle, sql))
        Failpoint.reach(after: sql)
    }

    @discardableResult
    func execute(_ statement: Statement, _ values: [Value] = []) throws(PostgresError) -> Rows {
        let texts = values.map { value in
            if case .text(let text) = value { text } else { nil as String? }
        }
        // Unnamed: the same through PgBouncer's transaction pooling, where a named statement may be another server's.
        let result = Self.withCStrings(texts) { pointers in
            PQexecParams(handle, statement.sql, Int32(values.count), nil, pointers, nil, nil, 0)
        }
        let rows = try check(result)
        Failpoint.reach(statement: statement.name)
        return rows
    }

    /// Asks the server to parse a statement, for tests: it must fit the schema.
    func prepare(_ statement: Statement) throws(PostgresError) {
        _ = try check(PQprepare(handle, statement.name, statement.sql, 0, nil))
    }

    /// Notifications that have arrived, without waiting.
    func notifications() throws(PostgresError) -> [String] {
        guard PQconsumeInput(handle) == 1 else { throw .unavailable(lastError) }
        var payloads: [String] = []
        while let notification = PQnotifies(handle) {
            payloads.append(String(cString: notification.pointee.extra))
            PQfreemem(notification)
        }
        return payloads
    }

    private var lastError: String { String(cString: PQerrorMessage(handle)).trimmingNewline }

    private func check(_ result: OpaquePointer?) throws(PostgresError) -> Rows {
        guard let result else { throw .unavailable(lastError) }
        let status = PQresultStatus(result)
        if [PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY].contains(status) { return Rows(owning: result) }
        defer { PQclear(result) }
        func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
        // The codes are postgres_ext.h's: C SQLSTATE, M primary message, n constraint.
        guard !isBroken, let state = field(Int32(UInt8(ascii: "C"))) else { throw .unavailable(lastError) }
        throw PostgresError(
            state: state, constraint: field(Int32(UInt8(ascii: "n"))), message: field(Int32(UInt8(ascii: "M"))) ?? "")
    }

    private static func withCStrings<T>(_ texts: [String?], _ body: ([UnsafePointer<CChar>?]) -> T) -> T {
        let pointers = texts.map { $0.flatMap { strdup($0) } }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers.map { UnsafePointer($0) })
    }

    private static func withKeysAndValues<T>(
        _ settings: [(String, String)], _ body: ([UnsafePointer<CChar>?], [UnsafePointer<CChar>?]) -> T
    ) -> T {
        withCStrings(settings.map(\.0) + [nil]) { keys in
            withCStrings(settings.map(\.1) + [nil]) { values in body(keys, values) }
        }
    }
}

extension String {
    var trimmingNewline: String {
        var text = self
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}
