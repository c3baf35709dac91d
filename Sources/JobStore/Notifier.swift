import Failpoints
import Foundation
import Logging
import VideoModels

/// Sends wake-ups outside the transactions that they tell of: NOTIFY takes a lock that serialises commits.
///
/// While one batch is on its way the next is gathered, so a busy process sends few, and each name once.
actor Notifier {
    private let pool: ConnectionPool
    private let log: Logger
    private var waiting: Set<String> = []
    private var sending: Task<Void, Never>?

    init(pool: ConnectionPool, log: Logger) {
        self.pool = pool
        self.log = log
    }

    func note(_ payloads: [String]) {
        waiting.formUnion(payloads)
        // Without a parent: the commit has happened, whoever asked for it may be gone, and others still wait for news.
        if sending == nil, !waiting.isEmpty { sending = Task { await send() } }
    }

    func drain() async { await sending?.value }

    private func send() async {
        while !waiting.isEmpty {
            let batch = Value.text("{\(waiting.sorted().joined(separator: ","))}")
            waiting = []
            do {
                Failpoint.notificationWanted.reach()
                try await pool.run { _ = try $0.execute(FeedStatements.notify, [batch]) }
                Failpoint.notificationSent.reach()
            } catch {
                log.debug("wake-up not sent; waiters poll", metadata: ["error": "\(error)"])
            }
        }
        sending = nil
    }
}
