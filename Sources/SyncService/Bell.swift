import NIOCore
import NIOPosix
import Synchronization

/// Wakes one waiter. A ring that finds nobody waiting is kept, so none is lost between a look and a wait.
///
/// A wait's timer is left running when the wait ends early, and serves the next: thousands of feeds that wait again after
/// each change set no timer for it.
final class Bell: Sendable {
    private struct State {
        var rung = false
        var waiter: CheckedContinuation<Bool, Never>?
        /// When the wait under way is over.
        var end: ContinuousClock.Instant?
        /// Fires no later than `end`. On an event loop, since a task that sleeps takes more memory than all else of a wait.
        var timer: Scheduled<Void>?
        var timerDue = ContinuousClock.now
        /// Tells a timer that was replaced from the one that counts.
        var timers = 0

        mutating func endWait() -> CheckedContinuation<Bool, Never>? {
            defer { (waiter, end) = (nil, nil) }
            return waiter
        }
    }

    private let state = Mutex(State())

    deinit {
        let timer = state.withLock { $0.timer }
        timer?.cancel()
    }

    func ring() {
        let waiter = state.withLock { state in
            let waiter = state.endWait()
            state.rung = waiter == nil
            return waiter
        }
        waiter?.resume(returning: true)
    }

    /// Returns after a ring, or when the task is cancelled: true; or after `duration`: false. One task at a time may wait.
    @discardableResult
    func wait(atMost duration: Duration) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    defer { state.rung = false }
                    if state.rung || duration <= .zero { return state.rung }
                    let end = ContinuousClock.now + duration
                    (state.waiter, state.end) = (continuation, end)
                    setTimer(&state, end)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            ring()
        }
    }

    private func setTimer(_ state: inout State, _ due: ContinuousClock.Instant) {
        if state.timer != nil, state.timerDue <= due { return }
        state.timer?.cancel()
        state.timers += 1
        state.timerDue = due
        // One that fires early is set again.
        let delay = min(max(.zero, ContinuousClock.now.duration(to: due)), .seconds(86_400))
        let number = state.timers
        state.timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: TimeAmount(delay)) { [weak self] in
            guard let self else { return }
            timerFired(number)
        }
    }

    private func timerFired(_ number: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard state.timers == number else { return nil }
            state.timer = nil
            guard let end = state.end else { return nil }
            if end <= .now { return state.endWait() }
            setTimer(&state, end)
            return nil
        }
        waiter?.resume(returning: false)
    }
}
