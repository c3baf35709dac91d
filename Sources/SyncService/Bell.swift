import Synchronization

/// Wakes one waiter. A ring that finds nobody waiting is kept, so none is lost between a look and a wait.
final class Bell: Sendable {
    private struct State {
        var rung = false
        var waiter: CheckedContinuation<Bool, Never>?
        /// Tells one wait's timer from the next, which wait's time is over from one that has just begun.
        var wait = 0
        var over = 0
    }

    private let state = Mutex(State())

    func ring() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            state.rung = state.waiter == nil
            return state.waiter
        }
        waiter?.resume(returning: true)
    }

    /// Returns after a ring, or when the task is cancelled: true; or after `duration`: false. One task at a time may wait.
    @discardableResult
    func wait(atMost duration: Duration) async -> Bool {
        let number = state.withLock { state in
            state.wait += 1
            return state.wait
        }
        // Without a parent because it has to end with this call, not before it: a child would have to be awaited.
        let timer = Task {
            if (try? await Task.sleep(for: duration)) != nil { end(number) }
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    defer { state.rung = false }
                    if state.rung || state.over == number { return state.rung }
                    state.waiter = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            ring()
        }
    }

    /// The wait of this number is over, if it is still the one under way.
    private func end(_ number: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard state.wait == number else { return nil }
            state.over = number
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: false)
    }
}
