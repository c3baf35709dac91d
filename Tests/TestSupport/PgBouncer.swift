import Foundation

/// A PgBouncer before one database, in transaction mode as `deploy/pgbouncer` sets it up. Ends with the test.
public struct PgBouncer: Sendable {
    /// The database as its clients reach it.
    public var conninfo: String

    /// Runs `body` with one that holds at most `servers` connections to the server, as a role that owns nothing and that
    /// row-level security binds, or as the superuser.
    public static func with<T>(
        before database: TestDatabase, servers: Int, asSuperuser: Bool = false, _ body: (PgBouncer) async throws -> T
    ) async throws -> T {
        let directory = FileManager.default.temporaryDirectory.appending(path: "gondola-bouncer-\(UUID())")
        // Whoever it runs as has to make its socket there.
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o777])
        defer { try? FileManager.default.removeItem(at: directory) }
        let role = try await asSuperuser ? "postgres" : database.pooledRole()
        let settings = directory.appending(path: "pgbouncer.ini")
        try await text(database, directory, role, servers).write(to: settings, atomically: true, encoding: .utf8)
        let process = try Lifeline(settings)
        defer { process.cut() }
        let bouncer = PgBouncer(conninfo: "postgresql:///pooled?host=\(directory.path)&port=6432&user=\(role)")
        while (try? await bouncer.sql("select 1")) == nil {
            try process.check()
            try await Task.sleep(for: .milliseconds(20))  // nobody tells
        }
        return try await body(bouncer)
    }

    /// Runs any SQL as another client of it.
    @discardableResult
    public func sql(_ text: String) async throws -> String { try await psql(text, conninfo: conninfo) }

    private static func text(
        _ database: TestDatabase, _ directory: URL, _ role: String, _ servers: Int
    ) async throws -> String {
        // Not by `%include`: PgBouncer 1.18 takes no notice of what such a file sets.
        let example = try String(
            contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appending(path: "../../deploy/pgbouncer/pgbouncer.ini"), encoding: .utf8)
        let place = try await database.sql(
            """
            select 'host=' || split_part(current_setting('unix_socket_directories'), ',', 1) || ' port='
                || current_setting('port') || ' dbname=' || current_database()
            """)
        return """
            [databases]
            pooled = \(place) user=\(role) pool_size=\(servers)
            \(example)
            auth_type = any
            listen_addr =
            query_wait_timeout = 1000
            unix_socket_dir = \(directory.path)
            logfile = \(directory.path)/log
            pidfile =
            """
    }
}

extension TestDatabase {
    /// A role for a pooler to log in as, with the rights of the ordinary one.
    fileprivate func pooledRole() async throws -> String {
        _ = try await ordinaryConninfo()
        try await sql(
            """
            do $$ begin create role gondola_pooled login in role gondola_ordinary;
            exception when duplicate_object or unique_violation then null; end $$;
            """)
        return "gondola_pooled"
    }
}

/// A process that ends when this end of a connection is closed, whoever closes it.
private final class Lifeline {
    private let process: ChildProcess
    private let end: CInt
    private let log: URL

    init(_ settings: URL) throws {
        log = settings.deletingLastPathComponent().appending(path: "log")
        var ends: [CInt] = [0, 0]
        // At once, or a child that another test starts in between keeps it open.
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw POSIXError(.EMFILE) }
        let user = geteuid() == 0 ? "-u postgres " : ""
        let command = """
            PATH=$PATH:/usr/sbin; pgbouncer -q \(user)\(settings.path) &
            while read -r -t 1 _; [ $? -gt 128 ]; do
                kill -0 $! || { echo FATAL: it is not there or has ended >>\(log.path); exit 1; }
            done
            kill -KILL $!; wait
            """
        process = try ChildProcess(["bash", "-c", command], in: "/", input: ends[0])
        close(ends[0])
        end = ends[1]
    }

    /// Throws what it has said if that was a complaint.
    func check() throws {
        let said = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        if said.contains("FATAL") { throw ProgramFailed(description: "pgbouncer: \(said.suffix(2000))") }
    }

    func cut() {
        close(end)
        _ = process.wait()
    }
}
