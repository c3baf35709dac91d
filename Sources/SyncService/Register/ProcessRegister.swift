import Foundation
import JobStore
import Logging
import Synchronization

/// Tells the database's register every few seconds that this process is there, and hears from it whether it should drain.
///
/// Nothing hangs on it: while the database is away the process is only not seen.
final class ProcessRegister: Sendable {
    /// What is true at the moment.
    struct Now: Hashable, Sendable {
        var feedClients = 0
        var jobsInHand = 0
        var stuckLoops: [String] = []
        /// Since the start.
        var figures = RecentFigures()
    }

    private let store: PostgresStore
    private let identity: ProcessBeat
    private let log: Logger
    private let bell = Bell()
    private let isDraining = Atomic(false)

    init(store: PostgresStore, identity: ProcessBeat, log: Logger) {
        (self.store, self.identity, self.log) = (store, identity, log)
    }

    /// Until cancelled; then its row goes. `drain` is called once, when the register says so.
    func run(_ heartbeat: Heartbeat, now: @Sendable () -> Now, drain: @Sendable () -> Void) async {
        var (wasAsked, isFailing) = (false, false)
        var window = RecentWindow()
        while !Task.isCancelled {
            do {
                let now = now()
                let recent = window.take(now.figures, at: .now)
                let isAsked = try await store.beat(beat(now, recent))
                if isAsked, !wasAsked { drain() }
                (wasAsked, isFailing) = (wasAsked || isAsked, false)
            } catch {
                if !isFailing { log.warning("cannot write into the register", metadata: ["error": "\(error)"]) }
                isFailing = true
            }
            heartbeat.beat()
            await bell.wait(atMost: .seconds(identity.interval))
        }
        heartbeat.end()
        // Where that cannot be written, the process's silence will tell.
        try? await store.end(identity.id)
    }

    /// The process takes nothing new any more, and says so at once.
    func noteDraining() {
        isDraining.store(true, ordering: .releasing)
        bell.ring()
    }

    private func beat(_ now: Now, _ recent: RecentFigures) -> ProcessBeat {
        var beat = identity
        beat.recent = recent
        (beat.feedClients, beat.jobsInHand, beat.stuckLoops) = (now.feedClients, now.jobsInHand, now.stuckLoops)
        beat.isDraining = isDraining.load(ordering: .acquiring)
        return beat
    }
}
