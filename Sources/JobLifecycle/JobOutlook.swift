public import Foundation
public import VideoModels

/// What is known of a job's further way beside its state. Kept with the job; none of it decides about money.
public struct JobOutlook: Hashable, Sendable, Codable {
    /// What has gone wrong since the last step forward, as far as a bound counts it.
    public var trouble: Trouble?
    /// While it renders: how long that takes.
    public var expectation: Expectation?

    public init(
        trouble: Trouble? = nil, expectation: Expectation? = nil
    ) {
        self.trouble = trouble
        self.expectation = expectation
    }

    /// How long a rendering is expected to take, and when it is given up; in seconds after its submission.
    public struct Expectation: Hashable, Sendable, Codable {
        public var law: DurationLaw
        public var deadline: TimeInterval

        public init(law: DurationLaw, deadline: TimeInterval) {
            self.law = law
            self.deadline = deadline
        }
    }

    /// Nothing that would have to be written down.
    public var isEmpty: Bool { self == JobOutlook() }

}

extension JobProgress {
    /// Notes how long the rendering is expected to take. Told with what is written anyway: it is no news by itself, since
    /// the phone narrows it down as time goes by.
    public mutating func expect(_ law: DurationLaw, policy: JobPolicy) {
        guard case .rendering = state else { return }
        outlook.expectation = JobOutlook.Expectation(law: law, deadline: policy.deadline)
    }
}
