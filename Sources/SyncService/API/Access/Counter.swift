import Synchronization

/// Counts up to a limit.
final class Counter: Sendable {
    private let count = Mutex(0)

    /// False, and nothing taken, where all are taken.
    func take(atMost limit: Int) -> Bool {
        count.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }

    var value: Int { count.withLock { $0 } }

    func giveBack() { count.withLock { $0 -= 1 } }
}
