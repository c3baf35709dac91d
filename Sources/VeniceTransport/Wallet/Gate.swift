import Synchronization

/// Lets so many through at once; the rest wait in line.
final class Gate: Sendable {
    enum Passage: Hashable, Sendable {
        /// There was a place.
        case atOnce
        case afterWaiting
        /// The task was cancelled before there was one; no place was taken.
        case cancelled
    }

    private struct State {
        var free: Int
        var tickets = 0
        var line: [(ticket: Int, continuation: CheckedContinuation<Passage, Never>)] = []
    }

    private let state: Mutex<State>

    init(places: Int) { state = Mutex(State(free: places)) }

    /// Takes a place, in the order of asking. Whoever gets one gives it back with `leave()`.
    func enter() async -> Passage {
        let ticket = state.withLock { state in
            state.tickets += 1
            return state.tickets
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let passage = queue(ticket, continuation) { continuation.resume(returning: passage) }
            }
        } onCancel: {
            cancel(ticket)
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Passage, Never>? in
            if state.line.isEmpty {
                state.free += 1
                return nil
            }
            return state.line.removeFirst().continuation
        }
        next?.resume(returning: .afterWaiting)
    }

    /// How many wait.
    var waiting: Int { state.withLock { $0.line.count } }

    /// Nil: the continuation stands in line now.
    private func queue(_ ticket: Int, _ continuation: CheckedContinuation<Passage, Never>) -> Passage? {
        state.withLock { state in
            // A cancellation that came before this found nobody in line.
            if Task.isCancelled { return .cancelled }
            if state.free > 0 {
                state.free -= 1
                return .atOnce
            }
            state.line.append((ticket, continuation))
            return nil
        }
    }

    private func cancel(_ ticket: Int) {
        let waiter = state.withLock { state in
            state.line.firstIndex { $0.ticket == ticket }.map { state.line.remove(at: $0).continuation }
        }
        waiter?.resume(returning: .cancelled)
    }
}
