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
    /// Since when the job waits for a person.
    public var attentionSince: Date?
    /// Among the jobs of its user.
    public var priority: Job.Priority
    /// The attempt that was under way when the row was read, whatever has been made of `progress` since.
    var openAttempt: LeaseToken?
    private let stored: StoredRequest

    /// Reads a row that begins with `JobColumn.list`.
    ///
    /// `secrets` opens the private link, for whoever is going to fetch it. Everybody else reads the row without it, so a
    /// link that was sealed with another key is the worker's trouble and not that of a user's whole feed.
    init(_ row: Row, secrets: SecretBox?) throws(PostgresError) {
        let columns = try StateColumns(row, secrets: secrets)
        user = try row.job(.userId, Row.id)
        id = try row.job(.id, Row.id)
        stored = StoredRequest(json: try row.job(.request, Row.data))
        progress = JobProgress(
            state: try columns.jobState(), setbacks: try row.job(.setbacks, Row.int),
            maxPrice: try row.jobOptional(.maxPrice, Row.money), serverErrors: try row.job(.serverErrors, Row.int),
            consent: columns.consent(at: try row.jobOptional(.consentedAt, Row.date)),
            hold: try row.jobOptional(.hold, Row.data).flatMap { try? Wire.decode(Job.Hold.self, from: $0) },
            verdict: try row.job(.attentionVerdict, Row.optionalText).flatMap(Job.Attention.Verdict.init(rawValue:)),
            // Written by this code or by a newer one: what cannot be read is not worth losing the job for.
            outlook: try row.jobOptional(.outlook, Row.data).flatMap { try? Wire.decode(JobOutlook.self, from: $0) }
                ?? JobOutlook())
        openAttempt = columns.submittingToken.map { LeaseToken($0) }
        price = columns.price
        rendering = columns.rendering
        account = try row.job(.account, Row.text)
        token = LeaseToken(try row.job(.leaseToken, Row.int64))
        revision = try row.job(.revision, Row.int64)
        leasedBy = try row.job(.leasedBy, Row.optionalText)
        nextActionAt = try row.jobOptional(.nextActionAt, Row.date)
        lastSetback = try row.job(.lastSetback, Row.optionalText)
        changeSequence = try row.job(.changeSequence, Row.int64)
        createdAt = try row.job(.createdAt, Row.date)
        updatedAt = try row.job(.updatedAt, Row.date)
        isDeleted = try !row.job(.deletedAt, Row.isNull)
        attentionSince = try row.jobOptional(.attentionSince, Row.date)
        priority = Job.Priority(rank: try row.job(.priority, Row.int))
    }

    /// A job as it is taken in.
    init(new job: NewJob, json: Data, sequence: Int64, isSeated: Bool, at moment: Date) {
        user = job.user
        id = job.id
        stored = StoredRequest(json: json, value: job.submission.request)
        progress = JobProgress(maxPrice: job.submission.maxPrice)
        account = job.account
        token = LeaseToken(0)
        revision = 0
        nextActionAt = isSeated ? moment : nil
        priority = job.submission.priority?.known ?? .normal
        changeSequence = sequence
        createdAt = moment
        updatedAt = moment
        isDeleted = false
    }

    /// The job as it was when it was taken in.
    func asTakenIn(sequence: Int64, isSeated: Bool) -> JobRecord {
        var record = self
        record.progress = JobProgress(maxPrice: progress.maxPrice)
        (record.price, record.rendering, record.attentionSince) = (nil, nil, nil)
        (record.changeSequence, record.updatedAt, record.isDeleted) = (sequence, createdAt, false)
        record.nextActionAt = isSeated ? createdAt : nil
        return record
    }

    /// The answer that this job's submission got.
    var detailAsTakenIn: JobDetail {
        get throws {
            let step = Job.Step(status: .known(progress.state.status), at: createdAt)
            return JobDetail(job: try job, sequence: changeSequence, timeline: [step])
        }
    }

    /// What the user asked for. Throws `PostgresError.unexpectedRow` if the row holds what this version cannot read.
    public var request: VideoRequest { get throws { try stored.value() } }

    /// Why the job waits although nothing went wrong with it.
    public var hold: Job.Hold? { isWaitingForTurn ? .turn : progress.hold }

    public var lease: Lease { Lease(job: id, token: token) }

    /// The phone's view of the job. Throws like `request`.
    public var job: Job { get throws { try view(showing: request) } }

    /// Stands where a request is not wanted.
    static let noRequest = VideoRequest(model: "")

    /// The request in JSON, as it goes to a phone.
    var requestJSON: [UInt8] { get throws { try stored.wire() } }

    /// The phone's view of the job, with this request in place of its own.
    func view(showing request: VideoRequest) throws -> Job {
        var job = Job(
            id: id, status: .known(progress.state.status), request: request, price: price, createdAt: createdAt,
            updatedAt: updatedAt, hold: hold, priority: .known(priority))
        switch progress.state {
        case .rendering(let rendering): job.estimate = estimate(of: rendering)
        case .ready(let delivery): job.videoID = delivery.videoID
        case .failed: job.failure = failure
        case .attention: job.attention = attention
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

extension Video {
    /// Reads a row that was has the columns of `VideoColumn.list`.
    init(_ row: Row) throws {
        let pictures = try row.optional("pictures", Row.data).map { try Wire.decode([String: Picture].self, from: $0) }
        self.init(
            id: try row.id("id"), jobID: try row.id("job_id"), model: try row.text("model"),
            contentType: try row.text("content_type"), bytes: try row.int64("bytes"), sha256: try row.text("sha256"),
            durationSeconds: try row.optional("duration_seconds", Row.double),
            width: try row.optional("width", Row.int), height: try row.optional("height", Row.int),
            hasSound: try row.optional("has_sound", Row.bool), frameRate: try row.optional("frame_rate", Row.double),
            videoCodec: try row.optionalText("video_codec"), audioCodec: try row.optionalText("audio_codec"),
            poster: pictures?["poster"], preview: pictures?["preview"], createdAt: try row.date("created_at"))
    }
}
