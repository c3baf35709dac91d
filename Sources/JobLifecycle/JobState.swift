public import Foundation
public import VideoModels

/// Where a job is. Each case holds exactly what that stage needs, so a stage cannot be entered without it.
public enum JobState: Hashable, Sendable {
    /// Validated and durable; nothing is priced or paid. Leads to `quoted`, `failed`, `cancelled`, `attention`.
    case accepted
    /// Priced, and within the limits of job and user. Leads to `submitting`, `failed`, `cancelled`.
    case quoted(Quotation)
    /// The intent to pay is durable; the request may have left. Leads to `rendering`, `quoted`, `failed`, `attention`.
    ///
    /// `by` is the lease token of the worker that formed the intent. Another token in hand means that worker is gone.
    case submitting(Quotation, by: LeaseToken)
    /// Accepted upstream and paid. Leads to `downloading`, `failed`.
    case rendering(Rendering)
    /// The video is finished upstream and not yet safe here. Leads to `ready`, `rendering`, `failed`.
    case downloading(Rendering)
    /// The video is durable here and visible. Upstream copies may remain to be removed. Final for the phone.
    case ready(Delivery)
    case failed(Failure)
    case cancelled
    /// A person decides. Leads to `quoted`, `accepted`, `failed`, `cancelled`.
    case attention(Attention)
}

/// The fencing token of a lease: grows by one with each claim of the job, so every holder has its own.
public struct LeaseToken: RawRepresentable, Hashable, Sendable {
    public var rawValue: Int64
    public init(rawValue: Int64) { self.rawValue = rawValue }
    public init(_ value: Int64) { rawValue = value }
}

/// What the upstream asked for the job.
public struct Quotation: Hashable, Sendable {
    public var price: Money
    public init(price: Money) { self.price = price }
}

/// The only handle on a paid job: the upstream can neither list jobs nor look one up (PROTOCOL §18).
public struct Rendering: Hashable, Sendable {
    public var price: Money
    /// The model that the upstream named in its answer, which every later call must repeat.
    public var model: String
    public var queueID: String
    /// Where a private model delivers. Given once, so it is stored in the same commit.
    public var link: Redacted<String>?
    public var submittedAt: Date
    /// How long the upstream's jobs of this kind take: its P80, from the latest poll that said so.
    public var usual: TimeInterval?
    public var polls: Int

    public init(
        price: Money, model: String, queueID: String, link: Redacted<String>? = nil, submittedAt: Date,
        usual: TimeInterval? = nil, polls: Int = 0
    ) {
        self.price = price
        self.model = model
        self.queueID = queueID
        self.link = link
        self.submittedAt = submittedAt
        self.usual = usual
        self.polls = polls
    }
}

/// A finished video's bytes, durable under a key.
public struct StoredVideo: Hashable, Sendable {
    public var id: VideoID
    public var key: String
    public var contentType: String
    public var bytes: Int64
    public var sha256: String
    public var durationSeconds: Double?
    public var width: Int?
    public var height: Int?
    public var hasSound: Bool?
    public var frameRate: Double?
    public var videoCodec: String?
    public var audioCodec: String?
    /// SHA-256 of the bytes as the upstream gave them, where those that are kept differ: the index was moved to the front.
    public var originalSHA256: String?

    /// Facts that cannot be are left out: whatever a file says of itself, it must not keep a paid video from being stored.
    public init(
        id: VideoID, key: String, contentType: String, bytes: Int64, sha256: String, durationSeconds: Double? = nil,
        width: Int? = nil, height: Int? = nil, hasSound: Bool? = nil, frameRate: Double? = nil,
        videoCodec: String? = nil, audioCodec: String? = nil, originalSHA256: String? = nil
    ) {
        self.id = id
        self.key = key
        self.contentType = contentType
        self.bytes = bytes
        self.sha256 = sha256
        self.durationSeconds = CredibleFact.seconds(durationSeconds)
        self.width = CredibleFact.side(width)
        self.height = CredibleFact.side(height)
        self.hasSound = hasSound
        self.frameRate = CredibleFact.frameRate(frameRate)
        self.videoCodec = CredibleFact.codec(videoCodec)
        self.audioCodec = CredibleFact.codec(audioCodec)
        self.originalSHA256 = originalSHA256
    }
}

public struct Delivery: Hashable, Sendable {
    public var rendering: Rendering
    public var videoID: VideoID
    /// The upstream's copies are removed, or trying has been given up.
    public var isCleanedUp: Bool

    public init(rendering: Rendering, videoID: VideoID, isCleanedUp: Bool) {
        self.rendering = rendering
        self.videoID = videoID
        self.isCleanedUp = isCleanedUp
    }
}

/// Why a job ended without a video.
public struct Failure: Hashable, Sendable {
    /// A stable word; those that this module gives are in `Failure.Code`, others come from the upstream's refusals.
    public var code: String
    public var message: String
    /// Whether the upstream gave the money back; nil where it did not say.
    public var refunded: Bool?
    public var notes = FailureNotes()

    public init(code: String, message: String, refunded: Bool? = nil, notes: FailureNotes = FailureNotes()) {
        self.code = code
        self.message = message
        self.refunded = refunded
        self.notes = notes
    }

    public init(_ code: Code, _ message: String, refunded: Bool? = nil) {
        self.init(code: code.rawValue, message: message, refunded: refunded)
    }

    public enum Code: String, Sendable, CaseIterable {
        case priceAboveLimit = "price_above_limit"
        case budgetExceeded = "budget_exceeded"
        /// The user's videos have no room for another.
        case quotaExceeded = "quota_exceeded"
        case contentPolicy = "content_policy"
        case refused
        case consentNeeded = "consent_needed"
        case upstreamError = "upstream_error"
        case mediaGone = "media_gone"
        case deadlineExceeded = "deadline_exceeded"
        case givenUp = "given_up"
        /// Tried as often and as long as the policy says, and nothing was paid.
        case upstreamUnavailable = "upstream_unavailable"
        case modelUnavailable = "model_unavailable"
        case accountUnavailable = "account_unavailable"
    }
}

/// What may help after a failure. Written with it, in one column.
public struct FailureNotes: Hashable, Sendable, Codable {
    /// The upstream's: another model to try, for a person to choose.
    public var recommendedModel: String?
    /// The upstream's: a prompt that it would take.
    public var suggestedPrompt: String?
    /// The upstream's.
    public var hint: String?
    /// The budget that had no room.
    public var budget: Job.Failure.Budget?

    public init(
        recommendedModel: String? = nil, suggestedPrompt: String? = nil, hint: String? = nil,
        budget: Job.Failure.Budget? = nil
    ) {
        self.recommendedModel = recommendedModel
        self.suggestedPrompt = suggestedPrompt
        self.hint = hint
        self.budget = budget
    }

    public var isEmpty: Bool { self == FailureNotes() }

    enum CodingKeys: String, CodingKey {
        case hint, budget
        case recommendedModel = "recommended_model"
        case suggestedPrompt = "suggested_prompt"
    }
}

/// What a person has to decide, with what is needed to go on.
public enum Attention: Hashable, Sendable {
    /// The request may have been accepted and charged, but the answer was lost.
    case unknownOutcome(Quotation, evidence: String)
    /// The account that pays is refused (key, balance, permission). Nothing was charged.
    case accountBlocked(evidence: String)
    /// The upstream wants the user's agreement to a text first (PROTOCOL §15.4). Nothing was charged.
    case consentNeeded(Quotation, ConsentRequest)
    /// The database came back from a backup in which the job was not paid: whether it was paid in the time that is lost,
    /// nobody knows. Without a quotation where it had none then.
    case restored(Quotation?, evidence: String)
}

/// What the upstream asked the user to agree to.
public struct ConsentRequest: Hashable, Sendable, Codable {
    /// The upstream's name for the kind of consent: `seedance`, so far.
    public var flow: String
    public var policy: Job.ConsentPolicy

    public init(flow: String, policy: Job.ConsentPolicy) {
        self.flow = flow
        self.policy = policy
    }
}

/// The user's agreement to exactly that text, and when it was given.
public struct ConsentGiven: Hashable, Sendable {
    public var request: ConsentRequest
    public var at: Date

    public init(_ request: ConsentRequest, at: Date) {
        self.request = request
        self.at = at
    }
}
