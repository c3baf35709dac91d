public import JobStore
import Logging

extension Configuration {
    /// Runs an operator's work on the database and closes its connections, whatever comes of it.
    public func withStore<T>(
        secrets: SecretBox? = nil, _ body: (PostgresStore) async throws -> T
    ) async throws -> T {
        let store = operatorStore(secrets: secrets)
        let result: Result<T, any Error>
        do { result = .success(try await body(store)) } catch { result = .failure(error) }
        await store.close()
        return try result.get()
    }

    /// For an operator's work. Whoever takes it closes it.
    public func operatorStore(secrets: SecretBox? = nil) -> PostgresStore {
        var log = Logger.standardError(self)
        log.logLevel = max(log.logLevel, .warning)
        return PostgresStore(
            conninfo: databaseURL.reveal(), direct: databaseDirectURL?.reveal(), secrets: secrets, connections: 1,
            activeJobs: activeJobs, log: log)
    }
}
