import Foundation

extension PostgresServer {
    /// Runs `body` with a standby of this server, which follows it and is gone afterwards.
    public func withStandby<T: Sendable>(_ body: @Sendable (PostgresServer) async throws -> T) async throws -> T {
        let directory = FileManager.default.temporaryDirectory.appending(path: "gondola-standby-\(UUID())")
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let standby = PostgresServer(directory, url: try await run([Self.script, "url", directory.path]))
        let result: Result<T, any Error>
        do {
            try await copy(to: directory.appending(path: "data").path)
            try await standby.start()
            result = .success(try await body(standby))
        } catch {
            result = .failure(error)
        }
        _ = try? await standby.control("stop")
        try? FileManager.default.removeItem(at: directory)
        return try result.get()
    }

    private func copy(to data: String) async throws {
        _ = try await run(["pg_basebackup", "-d", url, "-D", data, "-R", "-c", "fast", "--no-sync"])
        // The server does not run as root.
        if geteuid() == 0 { _ = try await run(["chown", "-R", "postgres:", data]) }
    }

    /// Runs any SQL on its database `postgres`.
    @discardableResult
    public func sql(_ text: String) async throws -> String { try await psql(text, conninfo: url) }

    /// Returns once this standby has replayed all that `primary` has written.
    public func catchUp(with primary: PostgresServer) async throws {
        let end = try await primary.sql("select pg_current_wal_flush_lsn()")
        while try await sql("select pg_last_wal_replay_lsn() >= '\(end)'::pg_lsn") != "t" {
            try await Task.sleep(for: .milliseconds(20))  // nobody tells
        }
    }

    /// Its address for libpq as one host of several.
    public var host: String { url.split(separator: "host=").last?.prefix { $0 != "&" }.description ?? "" }

    /// The address of another server for the same database.
    public func address(like other: String) -> String {
        guard let question = other.firstIndex(of: "?") else { return other }
        return other[..<question] + "?host=\(host)&port=5432&user=postgres"
    }
}
