import ArgumentParser
import Foundation
import JobStore
import Logging
import SyncService

/// Where the operator's commands find the database.
struct StoreOptions: SettingGroup {
    @Option(setting: "database-url") var databaseUrl: String?

    func configuration() throws -> Configuration {
        try Configuration.resolve(flags: given, environment: ProcessInfo.processInfo.environment)
    }

    /// Runs a command's work on the database and closes its connections, whatever comes of it.
    func withStore<T>(_ body: (PostgresStore) async throws -> T) async throws -> T {
        try await Self.withStore(configuration(), body)
    }

    static func withStore<T>(
        _ configuration: Configuration, _ body: (PostgresStore) async throws -> T
    ) async throws -> T {
        var log = Logger.standardError(configuration)
        log.logLevel = max(log.logLevel, .warning)
        let store = PostgresStore(
            conninfo: configuration.databaseURL.reveal(), secrets: nil, connections: 1,
            activeJobs: configuration.activeJobs, log: log)
        let result: Result<T, any Error>
        do { result = .success(try await body(store)) } catch { result = .failure(error) }
        await store.close()
        return try result.get()
    }
}
