import Foundation
import Synchronization

/// Writes what comes from many callers in few transactions.
///
/// Cancelling a caller does not touch what it gave: it is written, or refused, like any other, and the caller gets the
/// answer.
final class GroupCommit<Item: Grouped, Output: Sendable>: Sendable {
    typealias Outcome = Result<Output, any Error>

    /// What came together, and the answers so far. Answered once all have theirs.
    private final class Call: Sendable {
        private let state: Mutex<(outcomes: [Outcome?], left: Int)>
        private let continuation: CheckedContinuation<[Outcome], Never>

        init(count: Int, _ continuation: CheckedContinuation<[Outcome], Never>) {
            state = Mutex((Array(repeating: nil, count: count), count))
            self.continuation = continuation
        }

        func answer(_ place: Int, _ outcome: Outcome) {
            let all = state.withLock { state -> [Outcome]? in
                state.outcomes[place] = outcome
                state.left -= 1
                return state.left == 0 ? state.outcomes.compactMap { $0 } : nil
            }
            if let all { continuation.resume(returning: all) }
        }
    }

    private typealias Queue = GroupQueue<Item, (call: Call, place: Int)>

    private let pool: ConnectionPool
    private let body: @Sendable ([Item], Connection) -> [Outcome]
    private let tell: @Sendable ([Item], [Outcome]) -> Void
    private let queue = Mutex(Queue())

    /// `body` writes a batch; `tell` hears what became of it, before its callers do.
    init(
        pool: ConnectionPool, _ body: @escaping @Sendable ([Item], Connection) -> [Outcome],
        tell: @escaping @Sendable ([Item], [Outcome]) -> Void
    ) {
        self.pool = pool
        self.body = body
        self.tell = tell
    }

    /// Writes items and returns what became of each, in their order. One that could not be made ready is its own failure.
    func write(_ items: [Result<Item, any Error>]) async -> [Outcome] {
        if items.isEmpty { return [] }
        return await withCheckedContinuation { continuation in
            let call = Call(count: items.count, continuation)
            var entries: [Queue.Entry] = []
            for (place, item) in items.enumerated() {
                switch item {
                case .success(let item): entries.append(.init(item: item, caller: (call, place)))
                case .failure(let error): call.answer(place, .failure(error))
                }
            }
            let ready = entries
            if let lanes = queue.withLock({ $0.add(ready) }) {
                for lane in lanes { order(lane) }
            } else {
                for entry in ready { call.answer(entry.caller.place, .failure(PostgresError.busy)) }
            }
        }
    }

    private func order(_ lane: Int) {
        pool.hand { self.writeBatch(lane, $0) }
    }

    /// On a connection's thread.
    private func writeBatch(_ lane: Int, _ connection: () throws -> Connection) {
        let batch = queue.withLock { $0.take(lane) }
        let items = batch.map(\.item)
        let outcomes: [Outcome]
        do { outcomes = body(items, try connection()) } catch {
            outcomes = items.map { _ in .failure(error) }
        }
        // First the next batch, so that the server does not wait for whoever is told.
        if queue.withLock({ $0.finish(lane) }) { order(lane) }
        // Before the callers go on: who listens here has heard of what they know to be written.
        tell(items, outcomes)
        for (entry, outcome) in zip(batch, outcomes) {
            entry.caller.call.answer(entry.caller.place, outcome)
        }
    }
}

extension Result {
    var isSuccess: Bool { if case .success = self { true } else { false } }
}
