import ArgumentParser
import Foundation
import JobStore
import Logging
import ObjectStorage
import SyncService

/// The whole walk of `gondola storage verify`, rows and objects, against `sha256sum` over the same files.
struct FileWalk {
    let folder: String
    let rounds: Int

    private static let (count, bytes) = (40, 20_000_000)
    private static let user = "01a1fde0-0000-7000-8000-000000000001"

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let database = environment["DATABASE_URL"] else {
            throw ValidationError("verify needs a Postgres of its own; run scripts/bench-files")
        }
        let configuration = try Configuration.resolve(environment: [
            "DATABASE_URL": database, "GONDOLA_STORAGE": "\(folder)/walk", "GONDOLA_STATE_DIR": "\(folder)/state",
        ])
        let store = try LocalObjectStore(root: "\(folder)/walk")
        let paths = try await fill(store, database)
        var (ours, theirs): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
            ours.append(try await seconds(rounds: 1) { try await walk(configuration) })
            theirs.append(try await seconds(rounds: 1) { try await Program.run(["sha256sum"] + paths) })
        }
        try compare(
            "storage verify of \(Self.count) files of 20 MB", FilesBench.median(ours), with: "sha256sum",
            FilesBench.median(theirs), count: Double(Self.count * Self.bytes) / 1e6, unit: "MB", limit: 1.25)
    }

    private func walk(_ configuration: Configuration) async throws {
        let request = VerifyRequest(isRepairing: false, isResuming: false, bytesPerSecond: nil)
        let report = try await configuration.verifyStorage(request, log: Logger(label: "bench")) { _ in }
        guard report.rows == Self.count, report.damage == 0, report.bytes == Self.count * Self.bytes else {
            throw ValidationError("the walk found \(report)")
        }
    }

    /// Files with rows of a user's uploads. Returns where they are.
    private func fill(_ store: LocalObjectStore, _ database: String) async throws -> [String] {
        _ = try await Migrator(conninfo: database).migrate()
        var (sql, paths) = ("insert into users (id, name) values ('\(Self.user)', 'bench');\n", [String]())
        for number in 0..<Self.count {
            let id = UUID().uuidString.lowercased()
            let key = try ObjectKey("\(Self.user)/assets/\(id)")
            let info = try await store.put(key, body: body(number))
            paths.append(store.path(of: key))
            sql += """
                insert into assets (user_id, id, storage_key, content_type, bytes, sha256, expires_at) values
                    ('\(Self.user)', '\(id)', '\(key)', 'video/mp4', \(info.bytes), '\(info.sha256?.hex ?? "")',
                    now() + interval '1 day');

                """
        }
        try await Program.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database], input: sql)
        return paths
    }

    private func body(_ number: Int) -> AsyncStream<[UInt8]> {
        let piece = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number &* 7 &+ $0 >> 8) }
        return AsyncStream { stream in
            for _ in 0..<Self.bytes / piece.count { stream.yield(piece) }
            stream.finish()
        }
    }
}
