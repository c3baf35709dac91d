import Failpoints
import Foundation
import Logging
import Synchronization
import VideoModels

/// Sends wake-ups outside the transactions that they tell of: NOTIFY takes a lock that serialises commits.
///
/// While one batch is on its way the next is gathered, so a busy process sends few, and each name once. Who listens on the
/// same store is told directly and at once; the NOTIFY that comes back later is one hint too many, which does no harm.
final class Notifier: Sendable {
    private struct State {
        var users: Set<UserID> = []
        var hasJobs = false
        var sending: Task<Void, Never>?
        var listeners: [UUID: @Sendable (Wakeup) -> Void] = [:]

        var isNews: Bool { hasJobs || !users.isEmpty }

        mutating func take() -> [String] {
            defer { (users, hasJobs) = ([], false) }
            return users.map(\.description) + (hasJobs ? ["jobs"] : [])
        }
    }

    private let pool: ConnectionPool
    private let log: Logger
    private let state = Mutex(State())

    init(pool: ConnectionPool, log: Logger) {
        self.pool = pool
        self.log = log
    }

    /// Things of these users changed; `jobs` says whether a job may have come due.
    func note(users: some Sequence<UserID>, jobs: Bool = false) {
        let users = Set(users)
        let listeners = state.withLock { state in
            state.users.formUnion(users)
            if jobs { state.hasJobs = true }
            // Without a parent: the commit has happened, whoever asked for it may be gone, and others still wait for news.
            // It goes on for others, so nothing of the one who began it goes with it either.
            if state.sending == nil, state.isNews { state.sending = Task.detached { await self.send() } }
            return state.listeners.values
        }
        for receive in listeners {
            for user in users { receive(.user(user)) }
            if jobs { receive(.jobs) }
        }
    }

    /// Calls `receive` with each hint, on whatever thread it comes up, until `detach`.
    func attach(_ receive: @escaping @Sendable (Wakeup) -> Void) -> UUID {
        let place = UUID()
        state.withLock { $0.listeners[place] = receive }
        return place
    }

    /// Passes a hint on within this process, at once.
    func tell(_ wakeup: Wakeup) {
        let listeners = state.withLock { Array($0.listeners.values) }
        for receive in listeners { receive(wakeup) }
    }

    func detach(_ place: UUID) { state.withLock { _ = $0.listeners.removeValue(forKey: place) } }

    func drain() async { await state.withLock(\.sending)?.value }

    private func send() async {
        while let payloads = next() {
            do {
                let values = [Value.texts(payloads) { $0 }]
                Failpoint.notificationWanted.reach()
                try await pool.run { _ = try $0.execute(FeedStatements.notify, values) }
                Failpoint.notificationSent.reach()
            } catch {
                log.debug("wake-up not sent; waiters poll", metadata: ["error": "\(error)"])
            }
            // A busy process tells many things together. Whoever is cancelled by then is not waited for.
            try? await Task.sleep(for: .microseconds(500))
        }
    }

    /// What to send next; nil ends the sending.
    private func next() -> [String]? {
        state.withLock { state in
            let payloads = state.take()
            if payloads.isEmpty { state.sending = nil }
            return payloads.isEmpty ? nil : payloads
        }
    }
}
