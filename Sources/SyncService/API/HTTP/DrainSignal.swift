import Synchronization

/// Goes off once: the server stops, and what waits or streams should come to its end.
final class DrainSignal: Sendable {
    private struct State {
        var isSet = false
        var nextID = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var watchers: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    var isSet: Bool { state.withLock { $0.isSet } }

    func set() {
        let (waiters, watchers) = state.withLock { state in
            state.isSet = true
            defer { (state.waiters, state.watchers) = ([:], [:]) }
            return (Array(state.waiters.values), Array(state.watchers.values))
        }
        for waiter in waiters { waiter.resume() }
        for watcher in watchers { watcher() }
    }

    /// Has `act` called when the signal goes off, or at once if it has, until `forget`. Much lighter than a task that waits.
    func watch(_ act: @escaping @Sendable () -> Void) -> Int {
        let (id, isOver) = state.withLock { state in
            state.nextID += 1
            if !state.isSet { state.watchers[state.nextID] = act }
            return (state.nextID, state.isSet)
        }
        if isOver { act() }
        return id
    }

    func forget(_ watcher: Int) { state.withLock { _ = $0.watchers.removeValue(forKey: watcher) } }

    /// Returns when the signal goes off or the task is cancelled.
    func wait() async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isSet || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
