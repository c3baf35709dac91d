import Foundation
import Synchronization
import VideoModels

/// Group commit: steps that arrive while others are being written go into one transaction.
///
/// Cancelling a caller does not touch its step: it is written, or refused, like any other, and the caller gets the answer.
final class StepWriter: Sendable {
    typealias Outcome = Result<JobRecord, any Error>

    /// Steps that came together, and the answers so far. Answered once all have theirs.
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

    private typealias Queue = StepQueue<(call: Call, place: Int)>

    private let pool: ConnectionPool
    private let secrets: SecretBox?
    private let notifier: Notifier
    private let queue = Mutex(Queue())

    init(pool: ConnectionPool, secrets: SecretBox?, notifier: Notifier) {
        self.pool = pool
        self.secrets = secrets
        self.notifier = notifier
    }

    /// Writes steps and returns what became of each, in their order.
    func write(_ steps: [JobStep]) async -> [Outcome] {
        if steps.isEmpty { return [] }
        return await withCheckedContinuation { continuation in
            let call = Call(count: steps.count, continuation)
            var entries: [Queue.Entry] = []
            for (place, step) in steps.enumerated() {
                do {
                    entries.append(.init(row: try StepRow(step, secrets: secrets), caller: (call, place)))
                } catch {
                    call.answer(place, .failure(error))
                }
            }
            if let batches = queue.withLock({ $0.add(entries) }) {
                for batch in batches { send(batch) }
            } else {
                for entry in entries { call.answer(entry.caller.place, .failure(PostgresError.busy)) }
            }
        }
    }

    private func send(_ batch: [Queue.Entry]) {
        pool.hand { [self] connection in
            let rows = batch.map(\.row)
            let outcomes: [Outcome]
            do {
                outcomes = try connection().write(each: rows, secrets: secrets)
            } catch {
                outcomes = rows.map { _ in .failure(error) }
            }
            // First the next batch, so that the server does not wait for whoever is told.
            for next in queue.withLock({ $0.finish(batch) }) { send(next) }
            for (entry, outcome) in zip(batch, outcomes) { entry.caller.call.answer(entry.caller.place, outcome) }
            tell(rows, outcomes)
        }
    }

    private func tell(_ rows: [StepRow], _ outcomes: [Outcome]) {
        let users = zip(rows, outcomes).filter { $0.step.publishes && $1.isSuccess }.map(\.0.step.record.user)
        if !users.isEmpty { notifier.note(users: users) }
    }
}

extension Result {
    fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}
