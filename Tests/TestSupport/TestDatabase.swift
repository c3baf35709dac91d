import Dispatch
import Foundation
public import JobStore
import Logging

/// A migrated Postgres database of its own for one test, dropped at the test's end.
///
/// Made on the server that `DATABASE_URL` or `PGHOST` names, as a copy of a template that each test process migrates once.
/// Where neither is set the test fails and says what to run: a test that needs Postgres is never skipped.
public struct TestDatabase: Sendable {
    public let conninfo: String
    /// A store on this database, closed at the test's end.
    public let store: PostgresStore

    /// The key that the store seals with.
    public static let secrets = SecretBox(key: Data(repeating: 7, count: 32))!

    /// Runs `body` with a new database. `connections` is the size of the store's pool.
    public static func with<T>(
        connections: Int = 4, isMigrated: Bool = true, _ body: (TestDatabase) async throws -> T
    ) async throws -> T {
        await turnstile.enter()
        defer { Task { await turnstile.leave() } }  // without a parent: leaving is all that it does
        let server = try TestServer.current()
        let name = "gondola_test_\(UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased())"
        let origin = isMigrated ? " template \(try await Template.shared.name(on: server))" : ""
        try await server.sql("create database \(name)\(origin)")
        let conninfo = server.conninfo(database: name)
        var log = Logger(label: "test")
        log.logLevel = .critical
        let store = PostgresStore(conninfo: conninfo, secrets: secrets, connections: connections, log: log)
        let result: Result<T, any Error>
        do {
            result = .success(try await body(TestDatabase(conninfo: conninfo, store: store)))
        } catch {
            result = .failure(error)
        }
        await store.close()
        try await server.sql("drop database \(name) with (force)")
        return try result.get()
    }

    /// A new database of a server that only one test uses: it goes with the server.
    static func with<T>(at url: String, _ body: (TestDatabase) async throws -> T) async throws -> T {
        _ = try await Migrator(conninfo: url).migrate()
        var log = Logger(label: "test")
        log.logLevel = .critical
        let store = PostgresStore(conninfo: url, secrets: secrets, connections: 4, log: log)
        let result: Result<T, any Error>
        do { result = .success(try await body(TestDatabase(conninfo: url, store: store))) } catch {
            result = .failure(error)
        }
        await store.close()
        return try result.get()
    }

    /// The address of this database for a role that is no superuser and owns nothing: what an operator's program has, and
    /// what row-level security binds.
    public func ordinaryConninfo() async throws -> String {
        try await sql(
            """
            do $$ begin create role gondola_ordinary nologin;
            exception when duplicate_object or unique_violation then null; end $$;
            grant usage on schema public to gondola_ordinary;
            grant all on all tables in schema public to gondola_ordinary;
            grant all on all sequences in schema public to gondola_ordinary;
            """)
        let takesRole = "-c role=gondola_ordinary"
        guard conninfo.contains("://") else { return "\(conninfo) options='\(takesRole)'" }
        let escaped = takesRole.replacingOccurrences(of: " ", with: "%20").replacingOccurrences(of: "=", with: "%3D")
        return "\(conninfo)\(conninfo.contains("?") ? "&" : "?")options=\(escaped)"
    }

    /// Runs any SQL with psql and returns its rows, columns parted by `|`. An error is thrown as `psql`'s own words.
    @discardableResult
    public func sql(_ text: String) async throws -> String {
        try await psql(text, conninfo: conninfo)
    }

    /// The schema as pg_dump writes it, without what differs between versions of Postgres.
    public func schema() async throws -> String {
        let dump = try await run(
            ["pg_dump", "--schema-only", "--no-owner", "--no-privileges", "--dbname", conninfo])
        let lines = dump.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
            !["--", "SET ", "SELECT pg_catalog.set_config", "\\"].contains { line.hasPrefix($0) }
        }
        // One empty line between things, wherever comments stood.
        let spaced = lines.reduce(into: [Substring]()) { if !$1.isEmpty || $0.last?.isEmpty == false { $0.append($1) } }
        return spaced.joined(separator: "\n") + "\n"
    }

    /// Tests run side by side and each holds a handful of connections, of which a server has about a hundred.
    private static let turnstile = Turnstile(places: 8)
}

/// A test that needs Postgres cannot run.
public struct NoDatabase: Error, CustomStringConvertible {
    public var description: String
}

/// The server that the environment names.
struct TestServer: Sendable {
    var url: String?

    static func current() throws -> TestServer {
        let environment = ProcessInfo.processInfo.environment
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let url = value("DATABASE_URL") { return TestServer(url: url) }
        if value("PGHOST") != nil { return TestServer(url: nil) }
        throw NoDatabase(
            description: "This test needs Postgres, and neither DATABASE_URL nor PGHOST names one. Run `make test`, "
                + "which starts a private one.")
    }

    /// The address of another database of the server; what comes last counts.
    func conninfo(database: String) -> String {
        guard let url else { return "dbname=\(database)" }
        guard url.contains("://") else { return "\(url) dbname=\(database)" }
        return "\(url)\(url.contains("?") ? "&" : "?")dbname=\(database)"
    }

    func sql(_ text: String) async throws {
        try await psql(
            text, conninfo: url ?? "dbname=\(ProcessInfo.processInfo.environment["PGDATABASE"] ?? "postgres")")
    }
}

/// The migrated database that the others are copies of, made by the first test that needs it.
private actor Template {
    static let shared = Template()
    private var making: Task<String, any Error>?

    func name(on server: TestServer) async throws -> String {
        if let making { return try await making.value }
        let task = Task { try await Self.make(on: server) }  // without a parent: every later test uses its result
        making = task
        return try await task.value
    }

    private static func make(on server: TestServer) async throws -> String {
        let name = "gondola_template_\(ProcessInfo.processInfo.processIdentifier)"
        try await server.sql("drop database if exists \(name)")
        try await server.sql("create database \(name)")
        _ = try await Migrator(conninfo: server.conninfo(database: name)).migrate()
        atexit { Template.drop() }
        return name
    }

    /// As the process ends.
    private static func drop() {
        let name = "gondola_template_\(ProcessInfo.processInfo.processIdentifier)"
        guard let server = try? TestServer.current() else { return }
        let address = server.url ?? "dbname=postgres"
        _ = try? runNow(["psql", "-X", "-q", "-d", address, "-c", "drop database if exists \(name) with (force)"])
    }
}

/// Lets so many in at a time, in the order in which they came.
private actor Turnstile {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(places: Int) { free = places }

    func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

@discardableResult
func psql(_ text: String, conninfo: String) async throws -> String {
    try await run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-c", text])
}

/// A program that did not end well, with what it said.
public struct ProgramFailed: Error, CustomStringConvertible {
    public var description: String
}

/// Runs a program on a thread that may block and returns its output.
func run(_ words: [String]) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try runNow(words) }) }
    }
}

/// Runs a program to its end and returns its output. Blocks its thread.
@discardableResult
public func runNow(_ words: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    var text = String(decoding: data, as: UTF8.self)
    while text.last?.isNewline == true { text.removeLast() }
    guard process.terminationStatus == 0 else { throw ProgramFailed(description: "\(words[0]): \(text)") }
    return text
}
