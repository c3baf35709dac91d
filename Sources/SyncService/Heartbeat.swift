import Synchronization

/// When a loop last went round. Health means that the loops advance, not that the process lives.
final class Heartbeat: Sendable {
    let name: String
    private let last: Mutex<ContinuousClock.Instant>

    init(_ name: String) {
        self.name = name
        last = Mutex(.now)
    }

    func beat() { last.withLock { $0 = .now } }

    var age: Duration { last.withLock { $0.duration(to: .now) } }
}
