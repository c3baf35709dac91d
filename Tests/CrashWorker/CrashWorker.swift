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
}
