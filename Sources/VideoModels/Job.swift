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
    /// Why it waits although it could go on, while `waiting`.
    public var hold: Hold?
    /// How urgent the job is among its user's own.
    public var priority: Open<Priority>?

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

    public init(
        id: JobID, status: Open<Status>, request: VideoRequest, price: Money? = nil, createdAt: Date, updatedAt: Date,
        estimate: Estimate? = nil, videoID: VideoID? = nil, failure: Failure? = nil, attention: Attention? = nil,
        hold: Hold? = nil, priority: Open<Priority>? = nil
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
        self.hold = hold
        self.priority = priority
    }

    enum CodingKeys: String, CodingKey {
        case id, status, request, price, estimate, failure, attention, hold, priority
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case videoID = "video_id"
    }
}

extension Job {
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
        /// What a person chose, where that left the job as it was: `wait`.
        public var decision: Open<Attention.Choice.Word>?

        public init(status: Open<Status>, at: Date, decision: Open<Attention.Choice.Word>? = nil) {
            self.status = status
            self.at = at
            self.decision = decision
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
