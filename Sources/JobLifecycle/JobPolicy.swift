public import Foundation

/// The numbers that decide when a job does its next step. Times are seconds.
public struct JobPolicy: Hashable, Sendable {
    public var polling = PollPolicy()
    public var backoff = Backoff()
    public var retries = RetryPolicy()
    public var modelPause = ModelPausePolicy()
    /// A rendering job is given up this long after submission; upstream ids die after 24 h (PROTOCOL §2).
    public var deadline: TimeInterval = 24 * 3600
    /// So many 500s in a row on a retrieve mean that the job is dead (PROTOCOL §12.2: three to five).
    public var serverErrorLimit = 5
    /// So many failed tries to remove the upstream's copies, then they are left to expire.
    public var cleanUpLimit = 4
    public var unknownOutcome = UnknownOutcomePolicy.hold
    /// A job that is held back is looked at again so often.
    public static let holdRecheck: TimeInterval = 300

    public init() {}

    /// How long a job waits after its `attempt`th setback in a row. Jobs that were told the same time to come back are
    /// spread behind it.
    public func wait(after setback: Setback, attempt: Int, jitter: Double) -> TimeInterval {
        backoff.after(setback.kind).delay(attempt: attempt, jitter: jitter) + max(0, setback.retryAfter ?? 0)
    }

    /// The same policy for an upstream whose clock runs `1 / factor` times as fast.
    public func scaled(by factor: Double) -> Self {
        var policy = self
        policy.polling = polling.scaled(by: factor)
        policy.backoff = backoff.scaled(by: factor)
        policy.retries = retries.scaled(by: factor)
        policy.modelPause = modelPause.scaled(by: factor)
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

/// What looking at renderings goes by beside `PollPlanner`. Times are seconds.
public struct PollPolicy: Hashable, Sendable {
    /// No rendering is looked at more often than this, however much budget is left.
    public var leastGap: TimeInterval = 2
    /// Between two looks at a job that answers 500, which is only believed once it has stood for a minute or so
    /// (PROTOCOL §12.2).
    public var serverErrorGap: TimeInterval = 15
    /// A job of up to this age that the upstream does not know is asked for once more before it is believed.
    public var recheckAge: TimeInterval = 60
    /// The P80 that a job is taken to have before the upstream has told one (PROTOCOL §5: 1 to 5 minutes).
    public var unknownUsual: TimeInterval = 180

    public init() {}

    func scaled(by factor: Double) -> Self {
        var copy = self
        copy.leastGap *= factor
        copy.serverErrorGap *= factor
        copy.recheckAge *= factor
        copy.unknownUsual *= factor
        return copy
    }
}
