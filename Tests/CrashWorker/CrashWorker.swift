import Failpoints
import Foundation
import Logging
import SyncService

/// `gondola run` for tests that kill it: starts in a fraction of a second, and its leases follow the time scale too, so
/// that a dead worker's jobs move on as fast as everything else does.
@main
enum CrashWorker {
    static func main() async {
        do {
            if let task = try await backupTask() { return print(task) }
            var configuration = try Configuration.resolve(environment: ProcessInfo.processInfo.environment)
            configuration.lease *= configuration.timeScale
            configuration.leaseRenewal *= configuration.timeScale
            configuration.claimInterval *= configuration.timeScale
            let service = GondolaService(
                configuration: configuration, roles: [.api, .worker], log: Logger.standardError(configuration))
            try await service.run { _, _ in }
        } catch {
            FileHandle.standardError.write(Data("crash-worker: \(error)\n".utf8))
            exit(1)
        }
    }

    /// `gondola backup` or `gondola restore` of the directory that the environment names, instead of a worker.
    private static func backupTask() async throws -> String? {
        let environment = ProcessInfo.processInfo.environment
        if let directory = environment["CRASH_WORKER_BACKUP"] {
            var request = BackupRequest(directory: directory)
            request.keep = 1
            return "\(try await Configuration.resolve(environment: environment).backUp(request) { _ in })"
        }
        guard let directory = environment["CRASH_WORKER_RESTORE"] else { return nil }
        let request = RestoreRequest(directory: directory)
        return "\(try await Configuration.resolve(environment: environment).restore(request) { _ in })"
    }
}
