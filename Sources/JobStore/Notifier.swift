import Foundation
import Logging
import Synchronization
import VideoModels

/// Sends wake-ups outside the transactions that they tell of: NOTIFY takes a lock that serialises commits.
///
/// While one batch is on its way the next is gathered, so a busy process sends few, and each name once.
final class Notifier: Sendable {
    private struct State {
        var users: Set<UserID> = []
        var hasJobs = false
        var sending: Task<Void, Never>?

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
        state.withLock { state in
            state.users.formUnion(users)
            if jobs { state.hasJobs = true }
            // Without a parent: the commit has happened, whoever asked for it may be gone, and others still wait for news.
            if state.sending == nil, state.isNews { state.sending = Task { await send() } }
        }
    }

    func drain() async { await state.withLock(\.sending)?.value }

    private func send() async {
        while let payloads = next() {
            do {
                let values = [Value.texts(payloads) { $0 }]
                try await pool.run { _ = try $0.execute(FeedStatements.notify, values) }
            } catch {
                log.debug("wake-up not sent; waiters poll", metadata: ["error": "\(error)"])
            }
            // A busy process tells many things together. Whoever is cancelled by then is not waited for.
            try? await Task.sleep(for: .milliseconds(2))
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
