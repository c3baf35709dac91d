import CLibpq
import Failpoints
import Foundation
import VideoModels

/// One libpq connection. Its calls block and it is not thread-safe: it never leaves the thread that made it.
final class Connection {
    private let handle: OpaquePointer
    /// Hot statements that the server has parsed for this connection.
    private var prepared: Set<String> = []
    private var plans = PlanAge(madeAt: .now)
    private let settings: SessionSettings
    private let doubts = CommitDoubts()
    /// Something stands between, such as PgBouncer, and may give each transaction another server connection.
    private(set) var isPooled = false
    /// The server refused a write because it is a standby, or has become one, or it takes writes where a standby was
    /// wanted: another host is the right one now.
    var isMisplaced = false

    /// Connects to whatever `conninfo` names: a URI, key words, several hosts.
    init(_ conninfo: String, applicationName: String, kind: SessionSettings = .plain) throws(PostgresError) {
        // All but the encoding only where the caller's own string does not say it. The times bound every wait; and of
        // several hosts only the one that takes writes is of use, also when that changes.
        let settings = [
            ("fallback_application_name", applicationName), ("connect_timeout", kind.connectTimeout),
            ("keepalives_idle", "30"),
            ("tcp_user_timeout", "20000"), ("target_session_attrs", kind.target), ("dbname", conninfo),
            ("client_encoding", "UTF8"),
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
        self.settings = kind
        doubts.watch(handle)
        // A pooler answers with a process number of its own making. Nothing has been set yet: through a pooler it would
        // be set for somebody else.
        let server = try execute(Statement("server", "select pg_backend_pid() as pid")).first {
            row throws(PostgresError) in
            try row.int("pid")
        }
        isPooled = server != Int(PQbackendPID(handle))
        if !isPooled { try run(kind.ofSession) }
    }

    deinit { PQfinish(handle) }

    /// Of no use any more.
    var isBroken: Bool { isMisplaced || PQstatus(handle) != CONNECTION_OK }
    var socket: Int32 { PQsocket(handle) }

    /// The settings have to come with the next statement, because they last for a transaction only.
    private var isUnset: Bool { isPooled && PQtransactionStatus(handle) == PQTRANS_IDLE }

    /// Whether the server has said nothing unasked: an idle connection that can be read from is one that was closed.
    var isQuiet: Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) == 0
    }

    /// Runs text that takes no parameters, several statements included.
    func run(_ sql: String) throws(PostgresError) {
        Failpoint.reach(before: sql)
        let isBare = isUnset && !sql.isEmpty
        _ = try check(PQexec(handle, isBare ? "\(settings.ofTransaction); \(sql)" : sql))
        Failpoint.reach(after: sql)
    }

    @discardableResult
    func execute(_ statement: Statement, _ values: [Value] = []) throws(PostgresError) -> Rows {
        if isUnset {
            guard let rows = try trip([(statement, values)]).first else { throw .unavailable("no answer") }
            Failpoint.reach(statement: statement.name)
            return rows
        }
        let isPrepared = try prepareOnce(statement)
        let form: Int32 = statement.isHot ? 1 : 0
        let result = Parameters.with(values) { count, pointers, lengths, formats in
            // Unnamed unless it pays: the same through a pooler, where a named statement may be another server's.
            isPrepared
                ? PQexecPrepared(handle, statement.name, count, pointers, lengths, formats, form)
                : PQexecParams(handle, statement.sql, count, nil, pointers, lengths, formats, form)
        }
        let rows = try check(result)
        Failpoint.reach(statement: statement.name)
        return rows
    }

    /// Runs statements on one trip, in one transaction, each with a snapshot of its own. Only for answers that fit into the
    /// socket's buffers while the questions are still being sent.
    func pipeline(_ statements: [(Statement, [Value])]) throws(PostgresError) -> [Rows] {
        let rows = try trip(statements) { Failpoint.transactionWritten.reach() }
        Failpoint.transactionCommitted.reach()
        for (statement, _) in statements { Failpoint.reach(statement: statement.name) }
        return rows
    }

    /// Runs statements for one user, on one trip and in one transaction: row-level security hides everybody else's rows from
    /// them, and keeps them from writing any.
    func execute(as user: UserID, _ statements: [(Statement, [Value])]) throws(PostgresError) -> [Rows] {
        let rows = try trip([(UserStatements.see, [.id(user)])] + statements)
        for (statement, _) in statements { Failpoint.reach(statement: statement.name) }
        return Array(rows.dropFirst())
    }

    /// Reads for one user, on one trip: all statements see the same snapshot of the database, and nobody else's rows. In a
    /// transaction that the caller has begun so, they belong to that.
    func execute(reading user: UserID, _ statements: [(Statement, [Value])]) throws(PostgresError) -> [Rows] {
        guard PQtransactionStatus(handle) == PQTRANS_IDLE else { return try trip(statements) }
        let before = [(FeedStatements.begin, []), (UserStatements.see, [.id(user)])] as [(Statement, [Value])]
        let result = Result { () throws(PostgresError) in
            // A pooler's transaction has to be given its settings too, of which a query before `begin` would be too many.
            if isPooled { try run(Self.begin(as: user, "isolation level repeatable read read only")) }
            return try trip((isPooled ? [] : before) + statements + [(FeedStatements.commit, [])])
        }
        // After an error the transaction is still open, and of no more use.
        if case .failure = result, !isBroken { try? run("rollback") }
        let rows = try result.get()
        for (statement, _) in statements { Failpoint.reach(statement: statement.name) }
        return Array(rows.dropLast().suffix(statements.count))
    }

    /// What begins a transaction that sees and changes the rows of this user alone, on one trip. The setting ends with the
    /// transaction, so behind PgBouncer it reaches nobody else.
    static func begin(as user: UserID, _ mode: String = "") -> String {
        "begin \(mode); select set_config('gondola.user_id', '\(user)', true)"
    }

    private func trip(
        _ wanted: [(Statement, [Value])], beforeSync: () -> Void = {}
    ) throws(PostgresError) -> [Rows] {
        let statements = isUnset ? [(settings.statement, [])] + wanted : wanted
        let arePrepared = try statements.map { statement, _ throws(PostgresError) in try prepareOnce(statement) }
        guard PQenterPipelineMode(handle) == 1 else { throw .unavailable(lastError) }
        for ((statement, values), isPrepared) in zip(statements, arePrepared) {
            send(statement, values, isPrepared: isPrepared)
        }
        beforeSync()
        PQpipelineSync(handle)
        // Every answer is fetched, also after an error: only then is the connection of use again.
        let results = statements.map { _ in
            let result = PQgetResult(handle)
            if result != nil { PQclear(PQgetResult(handle)) }
            return result
        }
        PQclear(PQgetResult(handle))
        PQexitPipelineMode(handle)
        return Array(try rows(results).suffix(wanted.count))
    }

    private func send(_ statement: Statement, _ values: [Value], isPrepared: Bool) {
        let form: Int32 = statement.isHot ? 1 : 0
        _ = Parameters.with(values) { count, pointers, lengths, formats in
            isPrepared
                ? PQsendQueryPrepared(handle, statement.name, count, pointers, lengths, formats, form)
                : PQsendQueryParams(handle, statement.sql, count, nil, pointers, lengths, formats, form)
        }
    }

    /// The first error is the one that tells; those behind it were only skipped.
    private func rows(_ results: [OpaquePointer?]) throws(PostgresError) -> [Rows] {
        let checked = results.map { result in Result { () throws(PostgresError) in try check(result) } }
        return try checked.map { result throws(PostgresError) in try result.get() }
    }

    private func prepareOnce(_ statement: Statement) throws(PostgresError) -> Bool {
        guard statement.isHot, !isPooled else { return false }
        if plans.areStale(at: .now) { try run("discard plans") }
        if prepared.contains(statement.name) { return true }
        try prepare(statement)
        prepared.insert(statement.name)
        return true
    }

    /// Asks the server to parse a statement: it must fit the schema.
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
        if [PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY].contains(status) {
            let rows = Rows(owning: result)
            if doubts.take() { throw .unavailable("committed here, but no standby has confirmed it") }
            return rows
        }
        defer { PQclear(result) }
        func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
        // The codes are postgres_ext.h's: C SQLSTATE, M primary message, n constraint.
        guard !isBroken, let state = field(Int32(UInt8(ascii: "C"))) else { throw .unavailable(lastError) }
        if state == PostgresError.readOnly { isMisplaced = true }
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
