public import Foundation
public import VideoModels

/// What has happened to a job.
public enum JobEvent: Hashable, Sendable {
    case priced(Money)
    /// The upstream, or a limit of ours, refused before anything was paid.
    case refused(Failure)
    case submissionIntended(by: LeaseToken)
    case submissionAccepted(Receipt)
    /// Provably no byte of the request left, or the upstream said that it made no job (429).
    case submissionNotSent(Setback)
    /// The upstream refused the request, made no job, and said what the next one has to hold: worth one more try, unpaid
    /// so far. Where it was tried before, this is a refusal.
    case submissionCorrectable(Failure)
    /// The request may have left, and no answer came back.
    case submissionLost(evidence: String)
    /// The upstream made no job and wants the user's agreement to a text first.
    case consentAsked(ConsentRequest)
    /// The upstream refused the account, not the request.
    case accountBlocked(evidence: String)
    case stillRendering(usual: TimeInterval?)
    /// The video is finished; `link` where the answer named one.
    case videoAnnounced(link: Redacted<String>?)
    case videoStored(StoredVideo)
    /// The upstream gave up on the job, for good.
    case renderingFailed(Failure)
    case cleanedUp
    /// Nothing went wrong, but it is not this job's turn, for example for want of rate budget.
    case postponed(TimeInterval)
    /// A limit of the deployment has no room for the job at the moment.
    case held(Job.Hold)
    /// Something passing went wrong on the way.
    case setback(Setback)
    case cancelRequested
    case decided(Decision)
}

/// The answer to a submission.
public struct Receipt: Hashable, Sendable {
    public var model: String
    public var queueID: String
    public var link: Redacted<String>?

    public init(model: String, queueID: String, link: Redacted<String>?) {
        self.model = model
        self.queueID = queueID
        self.link = link
    }
}

/// A passing trouble: what it was, and when the other side said to come back.
public struct Setback: Hashable, Sendable {
    public var kind: Kind
    public var message: String
    public var retryAfter: TimeInterval?

    public enum Kind: Hashable, Sendable, CaseIterable {
        /// Too many requests.
        case throttled
        /// No connection, a broken transfer, 502, 503, 504.
        case unreachable
        /// A 500, which the upstream repeats for a job that it has given up on (PROTOCOL §12.2).
        case serverError
        /// Our own disk or object store.
        case storage
        /// The account is refused for now; what is paid goes on once that is mended.
        case accountRefused
        /// The model is offline or at capacity; others are not.
        case modelUnavailable
    }

    public init(_ kind: Kind, _ message: String, retryAfter: TimeInterval? = nil) {
        self.kind = kind
        self.message = message
        self.retryAfter = retryAfter
    }
}

/// What a person decides about a job that needs attention.
public enum Decision: String, Hashable, Sendable, CaseIterable {
    /// Ask again, knowing that a lost submission may have been paid already.
    case resubmit
    /// Agree to the text that the upstream has shown, and go on.
    case agree
    /// End the job.
    case giveUp = "give_up"
}

/// What is written together with the new state, in one transaction.
public enum JobEffect: Hashable, Sendable {
    /// The phone sees a difference: draw the user's next sequence.
    case publish
    case reserve(Money)
    case settle(Money)
    case release(Money)
    /// The upstream gave the money back after it had been settled.
    case refund(Money)
    case addVideo(StoredVideo)
    /// Give the job back and look again after this time. Without it the holder carries on at once.
    case snooze(TimeInterval)
}

/// An event that makes no sense in the state, for example because the row is older than the code.
public struct InvalidEvent: Error, Hashable, Sendable {
    public var event: JobEvent
    public var state: JobState

    public init(_ event: JobEvent, in state: JobState) {
        self.event = event
        self.state = state
    }
}
