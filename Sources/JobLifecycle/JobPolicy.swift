public import Foundation

/// The numbers that decide when a job does its next step. Times are seconds.
public struct JobPolicy: Hashable, Sendable {
    public var polling = PollPolicy()
    public var backoff = Backoff()
    /// A rendering job is given up this long after submission; upstream ids die after 24 h (PROTOCOL §2).
    public var deadline: TimeInterval = 24 * 3600
    /// So many 500s in a row on a retrieve mean that the job is dead (PROTOCOL §12.2: three to five).
    public var serverErrorLimit = 5
    /// So many failed tries to remove the upstream's copies, then they are left to expire.
    public var cleanUpLimit = 4
    public var unknownOutcome = UnknownOutcomePolicy.hold

    public init() {}

    /// The same policy for an upstream whose clock runs `1 / factor` times as fast.
    public func scaled(by factor: Double) -> Self {
        var policy = self
        policy.polling = polling.scaled(by: factor)
        policy.backoff = backoff.scaled(by: factor)
        policy.deadline *= factor
        return policy
    }
}

/// What becomes of a submission whose answer was lost.
public enum UnknownOutcomePolicy: String, Hashable, Sendable, CaseIterable {
    /// A person decides.
    case hold
    /// The job fails; the money is counted as spent.
    case fail
    /// The job is submitted again, and may be paid twice.
    case resubmit
}

/// Waiting times after trouble: doubling from `first` to `longest`, drawn evenly from the upper half.
///
/// The figures are PROTOCOL §12.3's; the spread keeps many jobs that failed together from coming back together.
public struct Backoff: Hashable, Sendable {
    public var first: TimeInterval = 0.5
    public var longest: TimeInterval = 30

    public init() {}

    /// `attempt` counts from 1; `jitter` is in 0 ..< 1.
    public func delay(attempt: Int, jitter: Double) -> TimeInterval {
        let full = min(longest, first * pow(2, Double(min(max(attempt, 1), 32) - 1)))
        return full * (0.5 + 0.5 * jitter)
    }

    func scaled(by factor: Double) -> Self {
        var copy = self
        copy.first *= factor
        copy.longest *= factor
        return copy
    }
}

/// How often a rendering job is looked at: `early` until the usual time, then more slowly up to `late`.
///
/// The figures are PROTOCOL §5's: about 5 s early, 15 s past the average.
public struct PollPolicy: Hashable, Sendable {
    public var early: TimeInterval = 5
    public var late: TimeInterval = 15
    /// What a job is taken to need before the upstream has given an estimate (PROTOCOL §5: 1 to 5 minutes).
    public var unknownUsual: TimeInterval = 120

    public init() {}

    /// The wait before the next poll of a job that has rendered for `elapsed`; `jitter` in 0 ..< 1 adds up to a tenth.
    public func delay(elapsed: TimeInterval, usual: TimeInterval?, jitter: Double) -> TimeInterval {
        // Comparisons that hold for no NaN: whatever the upstream says, the wait stays in bounds.
        let given = usual ?? unknownUsual
        let ratio = elapsed / (given > early ? given : early)
        let lateness = ratio > 1 ? min(ratio - 1, 1) : 0
        return (early + (late - early) * lateness) * (1 + 0.1 * jitter)
    }

    func scaled(by factor: Double) -> Self {
        var copy = self
        copy.early *= factor
        copy.late *= factor
        copy.unknownUsual *= factor
        return copy
    }
}
