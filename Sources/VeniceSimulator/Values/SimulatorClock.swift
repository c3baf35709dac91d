public import Foundation
import Synchronization

/// Tells the simulator the time. Everything that it measures (rendering, windows, expiry) it measures with this.
public protocol SimulatorClock: Sendable {
    var now: Date { get }
}

/// The machine's clock, read once and then carried on monotonically: a stepped system clock moves no job.
public final class WallClock: SimulatorClock {
    private let start = Date()
    private let origin = ContinuousClock.now

    public init() {}

    public var now: Date { start.addingTimeInterval((ContinuousClock.now - origin) / .seconds(1)) }
}

/// A clock that only a test moves.
public final class HandClock: SimulatorClock {
    private let time: Mutex<Date>

    public init(_ start: Date = Date(timeIntervalSince1970: 1_800_000_000)) { time = Mutex(start) }

    public var now: Date { time.withLock { $0 } }

    public func advance(seconds: Double) { time.withLock { $0 += seconds } }
}
