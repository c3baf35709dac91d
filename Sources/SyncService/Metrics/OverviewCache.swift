import JobStore
import Synchronization

/// What metrics tell of the whole deployment. The database is asked once in a few seconds, however many scrape, and whoever
/// scrapes waits no longer than a moment for it.
final class OverviewCache: Sendable {
    struct Seen: Sendable {
        var overview: EngineOverview
        var limits: LimitReport
        var processes: [ProcessRecord]
    }

    private struct State {
        var seen: Seen?
        var at: ContinuousClock.Instant?
        var look: Task<Seen, any Error>?
    }

    private let freshness: Duration
    private let patience: Duration
    private let read: @Sendable () async throws -> Seen
    private let state = Mutex(State())

    init(
        freshness: Duration = .seconds(5), patience: Duration = .seconds(3),
        read: @escaping @Sendable () async throws -> Seen
    ) {
        (self.freshness, self.patience, self.read) = (freshness, patience, read)
    }

    /// No older than `freshness`; nil where the database does not answer in time.
    func current() async -> Seen? {
        let (seen, look) = state.withLock { state -> (Seen?, Task<Seen, any Error>?) in
            if let seen = state.seen, let at = state.at, .now - at < freshness { return (seen, nil) }
            let look = state.look ?? Task { try await self.look() }
            state.look = look
            return (nil, look)
        }
        guard let look else { return seen }
        return try? await within(patience) { try await look.value }
    }

    /// Without a parent: several wait for it, and none of them until its end.
    private func look() async throws -> Seen {
        defer { state.withLock { $0.look = nil } }
        let seen = try await read()
        state.withLock { ($0.seen, $0.at) = (seen, .now) }
        return seen
    }
}
