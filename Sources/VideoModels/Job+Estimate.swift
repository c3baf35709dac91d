public import Foundation

extension Job {
    /// When rendering began and how long it may take. The phone extrapolates; no message says "41 %".
    public struct Estimate: Hashable, Sendable, Codable {
        public var startedAt: Date
        /// Four of five such jobs are done after this many seconds.
        public var usualSeconds: Double
        /// The same with its doubt, as it stood when rendering began.
        public var range: Span?
        /// How long such jobs take, to be narrowed down as time goes by: `timeLeft(at:)`.
        public var law: DurationLaw?
        /// The job is given up so many seconds after it began.
        public var deadlineSeconds: Double?

        public init(startedAt: Date, usualSeconds: Double) {
            self.startedAt = startedAt
            self.usualSeconds = usualSeconds
        }

        /// - Parameter usualSeconds: the upstream's own figure, where it told one.
        public init(startedAt: Date, usualSeconds: Double? = nil, law: DurationLaw, deadlineSeconds: Double? = nil) {
            self.startedAt = startedAt
            self.usualSeconds = usualSeconds ?? law.quantile(0.8)
            self.law = law
            self.deadlineSeconds = deadlineSeconds
            range = law.span(since: 0, until: deadlineSeconds)
        }

        enum CodingKeys: String, CodingKey {
            case range, law
            case startedAt = "started_at"
            case usualSeconds = "usual_seconds"
            case deadlineSeconds = "deadline_seconds"
        }

        /// A fraction for a progress bar, in 0 ..< 1: it slows down past the estimate and never claims to be done.
        ///
        /// At `usualSeconds` it stands at 0.8, the share of jobs that are done by then.
        public func progress(at now: Date) -> Double {
            let elapsed = max(0, now.timeIntervalSince(startedAt))
            return usualSeconds > 0 ? min(0.99, 1 - pow(0.2, elapsed / usualSeconds)) : 0
        }

        /// What is left from `now` on for a job that is known to render still; nil where no law was told.
        ///
        /// Knowing that it has not ended yet moves the whole span: the end that is expected never comes nearer than it was
        /// said before.
        public func timeLeft(at now: Date) -> Span? {
            let elapsed = max(0, now.timeIntervalSince(startedAt))
            return law?.span(since: elapsed, until: deadlineSeconds)
        }
    }

    /// Seconds that something takes, honest about the doubt.
    public struct Span: Hashable, Sendable, Codable {
        /// One in ten takes less.
        public var early: Double
        /// As many take less as more.
        public var likely: Double
        /// One in ten takes more.
        public var late: Double

        public init(early: Double, likely: Double, late: Double) {
            self.early = early
            self.likely = likely
            self.late = late
        }

        enum CodingKeys: String, CodingKey {
            case early = "early_seconds"
            case likely = "likely_seconds"
            case late = "late_seconds"
        }
    }
}

extension DurationLaw {
    /// What is left for a job that still renders `elapsed` seconds after its beginning, and that ends at the deadline at
    /// the latest.
    func span(since elapsed: Double, until deadline: Double?) -> Job.Span {
        let end = max(elapsed, deadline ?? Self.longest)
        func left(_ share: Double) -> Double { min(quantile(share, since: elapsed), end) - elapsed }
        return Job.Span(early: left(0.1), likely: left(0.5), late: left(0.9))
    }
}
