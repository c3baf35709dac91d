public import Foundation

/// One request on its way to a video, as the phone sees it.
public struct Job: Hashable, Sendable, Codable, Identifiable {
    public var id: JobID
    public var status: Open<Status>
    public var request: VideoRequest
    /// The price that was quoted and, from `submitting` on, is being or has been paid.
    public var price: Money?
    public var createdAt: Date
    /// When anything of this object last changed.
    public var updatedAt: Date
    /// For `rendering`: what a progress bar is drawn from.
    public var estimate: Estimate?
    /// The finished video, from `ready` on.
    public var videoID: VideoID?
    /// Why it ended without a video, for `failed`.
    public var failure: Failure?
    /// What a person has to decide, for `attention`.
    public var attention: Attention?
    /// How urgent the job is among its user's own.
    public var priority: Open<Priority>?
    /// What stands in its way, for a job of `waiting` that could not start yet.
    public var waitsFor: Open<Hindrance>?

    /// Where a job is, as a phone needs to know it.
    public enum Status: String, Sendable, CaseIterable {
        /// Taken in; being priced or waiting its turn. Nothing is paid.
        case waiting
        /// Being handed to the upstream; the price may be charged from here on.
        case submitting
        case rendering
        case downloading
        /// The video is here and safe.
        case ready
        case failed
        case cancelled
        /// Waits for a person: see `attention`.
        case attention

        /// Nothing more will happen by itself.
        public var isFinal: Bool {
            switch self {
            case .ready, .failed, .cancelled: true
            case .waiting, .submitting, .rendering, .downloading, .attention: false
            }
        }
    }

    /// How urgent a job is among its user's own; it says nothing about those of others.
    public enum Priority: String, Sendable, CaseIterable {
        case low, normal, high
    }

    /// Why a job waits although nothing went wrong with it. Nothing is paid meanwhile.
    public enum Hindrance: String, Sendable, Codable, CaseIterable {
        /// As many of its user's jobs are under way as may be; it starts when one of them ends.
        case turn
        /// The model is offline or at capacity; it goes on by itself.
        case model
    }

    public init(
        id: JobID, status: Open<Status>, request: VideoRequest, price: Money? = nil, createdAt: Date, updatedAt: Date,
        estimate: Estimate? = nil, videoID: VideoID? = nil, failure: Failure? = nil, attention: Attention? = nil,
        priority: Open<Priority>? = nil, waitsFor: Open<Hindrance>? = nil
    ) {
        self.id = id
        self.status = status
        self.request = request
        self.price = price
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.estimate = estimate
        self.videoID = videoID
        self.failure = failure
        self.attention = attention
        self.priority = priority
        self.waitsFor = waitsFor
    }

    enum CodingKeys: String, CodingKey {
        case id, status, request, price, estimate, failure, attention, priority
        case waitsFor = "waits_for"
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case videoID = "video_id"
    }
}

extension Job {
    /// Why there is no video, and what became of the money.
    public struct Failure: Hashable, Sendable, Codable {
        /// A stable word, for example `content_policy`.
        public var code: String
        /// A sentence for a person.
        public var message: String
        /// Whether the price came back; nil where the upstream did not say.
        public var refunded: Bool?

        public init(code: String, message: String, refunded: Bool? = nil) {
            self.code = code
            self.message = message
            self.refunded = refunded
        }
    }

    /// Something that only a person can decide.
    public struct Attention: Hashable, Sendable, Codable {
        public var kind: Open<Kind>
        public var message: String
        /// For `consent_needed`: what the user has to read before agreeing or giving up.
        public var consent: ConsentPolicy?

        /// What has to be decided.
        public enum Kind: String, Sendable, CaseIterable {
            /// The request may have been accepted and charged, but the answer was lost.
            case unknownOutcome = "unknown_outcome"
            /// The upstream asks for consent before it takes this media.
            case consentNeeded = "consent_needed"
            /// The account that pays has run dry or its key is refused.
            case accountBlocked = "account_blocked"
        }

        public init(kind: Open<Kind>, message: String, consent: ConsentPolicy? = nil) {
            self.kind = kind
            self.message = message
            self.consent = consent
        }
    }

    /// What the upstream wants a person to agree to before it takes media that show people.
    public struct ConsentPolicy: Hashable, Sendable, Codable {
        /// To be shown word for word.
        public var policyText: String
        public var version: String?
        public var docsURL: String?
        /// Which media it is about, in the upstream's words: `image`, `reference_image`, …
        public var media: [String]

        public init(policyText: String, version: String? = nil, docsURL: String? = nil, media: [String] = []) {
            self.policyText = policyText
            self.version = version
            self.docsURL = docsURL
            self.media = media
        }

        enum CodingKeys: String, CodingKey {
            case version, media
            case policyText = "policy_text"
            case docsURL = "docs_url"
        }
    }

    /// A step that the job has taken, oldest first in `JobDetail.timeline`.
    public struct Step: Hashable, Sendable, Codable {
        public var status: Open<Status>
        public var at: Date

        public init(status: Open<Status>, at: Date) {
            self.status = status
            self.at = at
        }
    }
}

/// The answer of `POST /v1/jobs` and `GET /v1/jobs/{id}`.
public struct JobDetail: Hashable, Sendable, Codable {
    public var job: Job
    /// The change feed holds this version of the job, or a later one, from this sequence on.
    public var sequence: Int64
    public var timeline: [Job.Step]

    public init(job: Job, sequence: Int64, timeline: [Job.Step]) {
        self.job = job
        self.sequence = sequence
        self.timeline = timeline
    }
}

/// The body of `POST /v1/jobs`.
public struct JobSubmission: Hashable, Sendable, Codable {
    public var request: VideoRequest
    /// The job is refused, unpaid, if it would cost more.
    public var maxPrice: Money?
    /// How urgent it is among the user's own jobs; `normal` where it is left out.
    public var priority: Open<Job.Priority>?

    public init(request: VideoRequest, maxPrice: Money? = nil, priority: Open<Job.Priority>? = nil) {
        self.request = request
        self.maxPrice = maxPrice
        self.priority = priority
    }

    /// The names of the fields in JSON and in findings.
    public enum CodingKeys: String, CodingKey, CaseIterable {
        case request, priority
        case maxPrice = "max_price"
    }
}

/// The answer of `POST /v1/quotes`. Nothing is reserved, and the price may move.
public struct Quote: Hashable, Sendable, Codable {
    public var price: Money

    public init(price: Money) { self.price = price }
}
