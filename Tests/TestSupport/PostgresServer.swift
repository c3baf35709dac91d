public import Foundation
import Synchronization

/// A Postgres server of one test's own, which may be stopped, killed and started again under whoever is connected.
public final class PostgresServer: Sendable {
    public let directory: URL
    /// The address of its database `postgres`.
    public let url: String
    private let refusals = Mutex<Refusals?>(nil)

    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
        path: "../../scripts/postgres"
    ).standardized.path

    init(_ directory: URL, url: String) { (self.directory, self.url) = (directory, url) }

    /// Runs `body` with a server, which is gone afterwards.
    public static func with<T: Sendable>(_ body: @Sendable (PostgresServer) async throws -> T) async throws -> T {
        let directory = FileManager.default.temporaryDirectory.appending(path: "gondola-server-\(UUID())")
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let server = PostgresServer(directory, url: try await run([script, "url", directory.path]))
        let result: Result<T, any Error>
        do {
            try await server.start()
            // Only the machine's own crash would need it.
            try await psql("alter system set fsync = off", conninfo: server.url)
            try await psql("select pg_reload_conf()", conninfo: server.url)
            result = .success(try await body(server))
        } catch {
            result = .failure(error)
        }
        _ = try? await server.control("stop")
        try? FileManager.default.removeItem(at: directory)
        return try result.get()
    }

    /// Runs `body` with a new migrated database on it.
    public func withDatabase<T>(_ body: (TestDatabase) async throws -> T) async throws -> T {
        let name = "gondola_\(UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased())"
        try await psql("create database \(name)", conninfo: url)
        return try await TestDatabase.with(at: url.replacingOccurrences(of: "///postgres?", with: "///\(name)?"), body)
    }

    public func start() async throws {
        refusals.withLock { refusals in
            refusals?.stop()
            refusals = nil
        }
        try await control("start")
    }

    /// Not Foundation's `Process`, nor a pipe: both take what the server inherits for a sign that the script still runs.
    func control(_ action: String) async throws {
        let path = directory.path
        let status = try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<CInt, any Error>) in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result { try ChildProcess("\(Self.script) \(action) \(path)", in: "/").wait() })
            }
        }
        if status == 0 { return }
        let log = (try? String(contentsOfFile: path + "/log", encoding: .utf8)) ?? "no log"
        throw ProgramFailed(description: "scripts/postgres \(action): status \(status): \(log.suffix(2000))")
    }

    public enum Ending: String, Sendable, CaseIterable {
        /// Sessions are broken off, and the server ends in order.
        case fast
        /// As a crash: it recovers with the next start.
        case immediate
    }

    /// Returns once it is gone. Until the next start every connection that is tried is counted and refused.
    public func stop(_ ending: Ending) async throws {
        let file = directory.appending(path: "data/postmaster.pid")
        let line = try String(contentsOf: file, encoding: .utf8).prefix { !$0.isNewline }
        guard let process = pid_t(line) else { throw ProgramFailed(description: "\(file.path) names no process") }
        kill(process, ending == .fast ? SIGINT : SIGQUIT)
        while Self.runs(process) { try await Task.sleep(for: .milliseconds(10)) }  // nobody tells of another's child
        let refusals = try Refusals(at: socket)
        self.refusals.withLock { $0 = refusals }
    }

    /// Not one that has ended and that nobody has asked about, which may be for ever.
    private static func runs(_ process: pid_t) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return status.split(separator: ")").last?.hasPrefix(" Z") == false
    }

    /// Connections that were refused since it was stopped.
    public var refused: Int { refusals.withLock { $0?.count ?? 0 } }

    /// Returns once so many were.
    public func waitForRefusals(_ count: Int) async throws {
        while refused < count { try await Task.sleep(for: .milliseconds(20)) }
    }

    private var socket: String {
        let host = url.split(separator: "host=").last?.prefix { $0 != "&" } ?? ""
        return "\(host)/.s.PGSQL.5432"
    }
}

/// Stands where the server stood, and hangs up on everybody.
private final class Refusals: Sendable {
    private let listener: Int32
    private let path: String
    private let accepted = Mutex(0)

    init(at path: String) throws {
        self.path = path
        unlink(path)
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
        let isBound = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 && listen(listener, 128) == 0
            }
        }
        guard isBound else { throw POSIXError(.init(rawValue: errno) ?? .EADDRINUSE) }
        Thread { [self] in
            while case let client = accept(listener, nil, nil), client >= 0 {
                accepted.withLock { $0 += 1 }
                close(client)
            }
        }.start()
    }

    var count: Int { accepted.withLock { $0 } }

    func stop() {
        unlink(path)
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }
}
