import ArgumentParser
import Foundation
import JobStore
import SyncService

/// Where the operator's commands find the database.
struct StoreOptions: SettingGroup {
    @Option(setting: "database-url") var databaseUrl: String?

    func configuration() throws -> Configuration {
        try Configuration.resolve(flags: given, environment: ProcessInfo.processInfo.environment)
    }

    /// Runs a command's work on the database and closes its connections, whatever comes of it.
    func withStore<T>(_ body: (PostgresStore) async throws -> T) async throws -> T {
        try await configuration().withStore(body)
    }
}
