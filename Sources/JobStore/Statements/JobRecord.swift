public import Foundation
public import JobLifecycle
public import VideoModels

/// One holding of one job. A job that was lost and claimed again by the same process is another.
public struct Lease: Hashable, Sendable {
    public var job: JobID
    public var token: LeaseToken

    public init(job: JobID, token: LeaseToken) {
        self.job = job
        self.token = token
    }
}

/// A job as the database holds it.
public struct JobRecord: Hashable, Sendable {
    public var user: UserID
    public var id: JobID
    public var request: VideoRequest
    public var progress: JobProgress
    /// What the job costs, from the quote on; kept when the job has ended.
    public var price: Money?
    /// The upstream's handle, once there is one; kept when the job has ended.
    public var rendering: Rendering?
    public var account: String
    public var token: LeaseToken
    /// Counts the steps written so far.
    public var revision: Int64
    public var leasedBy: String?
    public var nextActionAt: Date?
    public var lastSetback: String?
    public var changeSequence: Int64
    public var createdAt: Date
    public var updatedAt: Date
    public var isDeleted: Bool
    /// Among the jobs of its user.
    public var priority: Job.Priority

    /// `secrets` opens the private link, for whoever is going to fetch it. Everybody else reads the row without it, so a
    /// link that was sealed with another key is the worker's trouble and not that of a user's whole feed.
    init(_ row: Row, secrets: SecretBox?) throws {
        let columns = try StateColumns(row, secrets: secrets)
        user = try row.id("user_id")
        id = try row.id("id")
        request = try Wire.decode(VideoRequest.self, from: try row.data("request"))
        progress = JobProgress(
            state: try columns.jobState(), setbacks: try row.int("setbacks"),
            maxPrice: try row.optional("max_price", Row.money), serverErrors: try row.int("server_errors"),
            consent: columns.consent(at: try row.optional("consented_at", Row.date)),
            // Written by this code or by a newer one: what cannot be read is not worth losing the job for.
            outlook: try row.optional("outlook", Row.data).flatMap { try? Wire.decode(JobOutlook.self, from: $0) }
                ?? JobOutlook())
        price = columns.price
        rendering = columns.rendering
        account = try row.text("account")
        token = LeaseToken(try row.int64("lease_token"))
        revision = try row.int64("revision")
        leasedBy = try row.optionalText("leased_by")
        nextActionAt = try row.optional("next_action_at", Row.date)
        lastSetback = try row.optionalText("last_setback")
        changeSequence = try row.int64("change_sequence")
        createdAt = try row.date("created_at")
        updatedAt = try row.date("updated_at")
        isDeleted = try row.optionalText("deleted_at") != nil
        priority = Job.Priority(rank: try row.int("priority"))
    }

    public var lease: Lease { Lease(job: id, token: token) }

    /// The phone's view of the job.
    public var job: Job {
        var job = Job(
            id: id, status: .known(progress.state.status), request: request, price: price, createdAt: createdAt,
            updatedAt: updatedAt, priority: .known(priority),
            waitsFor: (isWaitingForTurn ? .turn : progress.outlook.waitsFor).map { .known($0) })
        switch progress.state {
        case .rendering(let rendering): job.estimate = estimate(of: rendering)
        case .ready(let delivery): job.videoID = delivery.videoID
        case .failed(let failure):
            job.failure = Job.Failure(code: failure.code, message: failure.message, refunded: failure.refunded)
        case .attention(let attention): job.attention = attention.forPhone
        case .accepted, .quoted, .submitting, .downloading, .cancelled: break
        }
        return job
    }
}

extension JobRecord {
    private func estimate(of rendering: Rendering) -> Job.Estimate? {
        guard let expectation = progress.outlook.expectation else {
            return rendering.usual.map { Job.Estimate(startedAt: rendering.submittedAt, usualSeconds: $0) }
        }
        return Job.Estimate(
            startedAt: rendering.submittedAt, usualSeconds: rendering.usual, law: expectation.law,
            deadlineSeconds: expectation.deadline)
    }
}

extension JobState {
    /// What the phone calls this state.
    public var status: Job.Status {
        switch self {
        case .accepted, .quoted: .waiting
        case .submitting: .submitting
        case .rendering: .rendering
        case .downloading: .downloading
        case .ready: .ready
        case .failed: .failed
        case .cancelled: .cancelled
        case .attention: .attention
        }
    }

    static func status(named name: String) -> Open<Job.Status> {
        ["accepted", "quoted"].contains(name) ? .known(.waiting) : Open(name)
    }
}

extension Attention {
    fileprivate var forPhone: Job.Attention {
        switch self {
        case .unknownOutcome(let quotation, _):
            Job.Attention(
                kind: .known(.unknownOutcome),
                message: "The answer to this request was lost. \(quotation.price) may have been charged. "
                    + "Asking again may cost the same once more.")
        case .accountBlocked:
            Job.Attention(
                kind: .known(.accountBlocked),
                message: "The service cannot pay for videos at the moment. Nothing was charged.")
        case .consentNeeded(let quotation, let request):
            Job.Attention(
                kind: .known(.consentNeeded),
                message: "Before this video is made, for \(quotation.price), somebody has to agree to a text. "
                    + "Nothing was charged.", consent: request.policy)
        }
    }
}

extension Video {
    init(_ row: Row) throws {
        self.init(
            id: try row.id("id"), jobID: try row.id("job_id"), model: try row.text("model"),
            contentType: try row.text("content_type"), bytes: try row.int64("bytes"), sha256: try row.text("sha256"),
            durationSeconds: try row.optional("duration_seconds", Row.double),
            width: try row.optional("width", Row.int), height: try row.optional("height", Row.int),
            hasSound: try row.optional("has_sound", Row.bool), createdAt: try row.date("created_at"))
    }
}

extension Asset {
    init(_ row: Row) throws {
        self.init(
            id: try row.id("id"), contentType: try row.text("content_type"), bytes: try row.int64("bytes"),
            sha256: try row.text("sha256"), createdAt: try row.date("created_at"))
    }
}
