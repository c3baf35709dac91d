import ArgumentParser
import Foundation
import JobStore
import Logging
import SyncService

/// Where the operator's commands find the database.
struct StoreOptions: SettingGroup {
    @Option(setting: "database-url") var databaseUrl: String?
    @Option(setting: "state-dir") var stateDir: String?
    @Option(setting: "secret-key-file") var secretKeyFile: String?

    func configuration() throws -> Configuration {
        try Configuration.resolve(flags: given, environment: ProcessInfo.processInfo.environment)
    }

    /// Runs a command's work on the database and closes its connections, whatever comes of it.
    func withStore<T>(_ body: (PostgresStore) async throws -> T) async throws -> T {
        let configuration = try configuration()
        var log = Logger.standardError(configuration)
        log.logLevel = max(log.logLevel, .warning)
        let store = PostgresStore(
            conninfo: configuration.databaseURL.reveal(), secrets: try secrets(configuration), connections: 1, log: log)
        let result: Result<T, any Error>
        do { result = .success(try await body(store)) } catch { result = .failure(error) }
        await store.close()
        return try result.get()
    }

    /// The deployment's key where there is one. Users, tokens and unpaid jobs need none.
    private func secrets(_ configuration: Configuration) throws -> SecretBox {
        let path = configuration.secretKeyFile ?? configuration.stateDirectory + "/secret.key"
        guard FileManager.default.fileExists(atPath: path) else {
            if let named = configuration.secretKeyFile {
                throw CommandFailure(.usage, "\(named): there is no such file; it must hold the deployment's key")
            }
            var generator = SystemRandomNumberGenerator()
            guard let box = SecretBox(key: Data((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }))
            else { throw CommandFailure(.failed, "no key could be made") }
            return box
        }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let key = Data(base64Encoded: text.trimmingCharacters(in: .whitespacesAndNewlines)),
            let box = SecretBox(key: key)
        else { throw CommandFailure(.usage, "\(path): expected a key of 32 bytes in base64") }
        return box
    }
}
