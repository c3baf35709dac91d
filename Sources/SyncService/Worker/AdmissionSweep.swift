import Foundation
import JobStore
import Logging
import Synchronization

/// Looks now and then for jobs that wait although their users have room: after a limit was raised, or by a mistake. The
/// ordinary way is that the end of one job admits the next.
final class AdmissionSweep: Sendable {
    private let store: PostgresStore
    private let interval: TimeInterval
    private let log: Logger
    private let bell = Bell()
    private let isStopped = Atomic(false)

    init(store: PostgresStore, interval: TimeInterval = 15, log: Logger) {
        self.store = store
        self.interval = interval
        self.log = log
    }

    /// Sweeps until `stop()`.
    func run(_ heartbeat: Heartbeat? = nil) async {
        defer { heartbeat?.end() }
        while !isStopped.load(ordering: .acquiring) {
            heartbeat?.beat()
            do {
                let count = try await store.admitLeftBehind()
                if count > 0 { log.notice("admitted jobs that were left behind", metadata: ["users": "\(count)"]) }
            } catch {
                log.debug("cannot look for jobs that wait", metadata: ["error": "\(error)"])
            }
            await bell.wait(atMost: .seconds(interval))
        }
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        bell.ring()
    }
}
