import Synchronization

/// Wakes one waiter. A ring that finds nobody waiting is kept, so none is lost between a look and a wait.
final class Bell: Sendable {
    private struct State {
        var rung = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func ring() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            state.rung = state.waiter == nil
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns after a ring, after `duration`, or when the task is cancelled. One task at a time may wait.
    func wait(atMost duration: Duration) async {
        // Without a parent because it has to end with this call, not before it: a child would have to be awaited.
        let timer = Task {
            if (try? await Task.sleep(for: duration)) != nil { ring() }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let rung = state.withLock { state in
                    if !state.rung { state.waiter = continuation }
                    defer { state.rung = false }
                    return state.rung
                }
                if rung { continuation.resume() }
            }
        } onCancel: {
            ring()
        }
        timer.cancel()
    }
}
