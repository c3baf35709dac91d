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
    /// Something stands between, such as PgBouncer, and may give each transaction another server connection.
    private(set) var isPooled = true

    /// How a connection is set up beside what all have in common.
    enum Kind: Sendable {
        case plain
        /// For the statements of the hot path. Planned once, they have to go by the indexes also where a table was empty
        /// when that was.
        case hot

        var settings: String {
            switch self {
            case .plain: ""
            case .hot:
                "; set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_hashjoin = off"
                    + "; set enable_mergejoin = off; set enable_bitmapscan = off"
            }
        }
    }

    /// Connects to whatever `conninfo` names: a URI, key words, several hosts.
    init(_ conninfo: String, applicationName: String, kind: Kind = .plain) throws(PostgresError) {
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
        // Nothing here runs for so long that code compiled for it would pay: a page of the feed took 14 ms instead of one.
        let common =
            "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set statement_timeout = '30s'; set lock_timeout = '10s'"
            + "; set jit = off"
        try run(common + kind.settings)
        // A pooler answers with a process number of its own making.
        let server = try execute(Statement("server", "select pg_backend_pid() as pid")).first {
            row throws(PostgresError) in
            try row.int("pid")
        }
        isPooled = server != Int(PQbackendPID(handle))
    }

    deinit { PQfinish(handle) }

    var isBroken: Bool { PQstatus(handle) != CONNECTION_OK }
    var socket: Int32 { PQsocket(handle) }

    /// Whether the server has said nothing unasked: an idle connection that can be read from is one that was closed.
    var isQuiet: Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) == 0
    }

    /// Runs text that takes no parameters, several statements included.
    func run(_ sql: String) throws(PostgresError) {
        Failpoint.reach(before: sql)
        _ = try check(PQexec(handle, sql))
        Failpoint.reach(after: sql)
    }

    @discardableResult
    func execute(_ statement: Statement, _ values: [Value] = []) throws(PostgresError) -> Rows {
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

    /// Reads for one user, on one trip: all statements see the same snapshot of the database, and nobody else's rows.
    func execute(reading user: UserID, _ statements: [(Statement, [Value])]) throws(PostgresError) -> [Rows] {
        let around = [(FeedStatements.begin, []), (UserStatements.see, [.id(user)])] as [(Statement, [Value])]
        let result = Result { () throws(PostgresError) in try trip(around + statements + [(FeedStatements.commit, [])])
        }
        // After an error the transaction is still open, and of no more use.
        if case .failure = result, !isBroken { try? run("rollback") }
        let rows = try result.get()
        for (statement, _) in statements { Failpoint.reach(statement: statement.name) }
        return Array(rows.dropFirst(around.count).dropLast())
    }

    /// What begins a transaction that sees and changes the rows of this user alone, on one trip. The setting ends with the
    /// transaction, so behind PgBouncer it reaches nobody else.
    static func begin(as user: UserID, _ mode: String = "") -> String {
        "begin \(mode); select set_config('gondola.user_id', '\(user)', true)"
    }

    private func trip(
        _ statements: [(Statement, [Value])], beforeSync: () -> Void = {}
    ) throws(PostgresError) -> [Rows] {
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
        return try rows(results)
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

/// When plans are made anew. One that was made while a table was small may go through all of a user's rows instead of to
/// one of them, and nobody tells before the table has been analysed. So plans live longer the older the connection is, up
/// to a few seconds, which costs some milliseconds each time.
struct PlanAge {
    static let longest = Duration.seconds(10)

    private var madeAt: ContinuousClock.Instant
    private var life = Duration.milliseconds(50)

    init(madeAt: ContinuousClock.Instant) { self.madeAt = madeAt }

    mutating func areStale(at now: ContinuousClock.Instant) -> Bool {
        guard now - madeAt >= life else { return false }
        (madeAt, life) = (now, min(life * 2, Self.longest))
        return true
    }
}
