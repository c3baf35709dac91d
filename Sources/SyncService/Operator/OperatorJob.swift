public import Foundation
import JobLifecycle
public import JobStore
public import VideoModels

/// A job as the operator's commands tell it. Holds no secret.
public struct OperatorJob: Encodable, Sendable {
    public var id: JobID
    public var user: UserID
    public var userName: String?
    /// The state in the database's own words, finer than what the phone sees.
    public var state: String
    public var request: VideoRequest
    public var price: Money?
    public var maxPrice: Money?
    public var account: String
    /// The upstream's name of the job, once it is paid.
    public var queueID: String?
    public var usualSeconds: Double?
    public var polls: Int?
    public var setbacks: Int
    public var lastSetback: String?
    /// Why it failed, or what a person has to decide.
    public var reason: String?
    /// For `failed`: the machine's word, what became of the money, and what may help.
    public var failure: Job.Failure?
    /// For `attention`: since when, what is at risk, and what can be decided.
    public var attention: Job.Attention?
    /// Why it waits although it could go on.
    public var hold: Job.Hold?
    /// What happens next.
    public var next: String
    /// When; for a job that a worker holds, when its lease ends.
    public var nextAt: Date?
    public var leasedBy: String?
    public var createdAt: Date
    public var updatedAt: Date
    public var priority: String

    enum CodingKeys: String, CodingKey {
        case id, state, request, price, account, polls, setbacks, reason, failure, attention, hold, next, priority
        case user = "user_id"
        case userName = "user_name"
        case maxPrice = "max_price"
        case queueID = "queue_id"
        case usualSeconds = "usual_seconds"
        case lastSetback = "last_setback"
        case nextAt = "next_at"
        case leasedBy = "leased_by"
        case createdAt = "created_at"
        case updatedAt = "updated_at"
    }

    public init(_ record: JobRecord, userName: String? = nil) throws {
        id = record.id
        user = record.user
        self.userName = userName
        state = record.progress.state.name
        request = try record.request
        price = record.price
        maxPrice = record.progress.maxPrice
        account = record.account
        queueID = record.rendering?.queueID
        usualSeconds = record.rendering?.usual
        polls = record.rendering?.polls
        setbacks = record.progress.setbacks
        lastSetback = record.lastSetback
        reason = record.hold?.message ?? record.progress.state.reason
        (failure, attention, hold) = (record.failure, record.attention, record.hold)
        next = record.hold?.next ?? record.progress.state.outlook
        nextAt = record.nextActionAt
        leasedBy = record.leasedBy
        createdAt = record.createdAt
        updatedAt = record.updatedAt
        priority = record.priority.rawValue
    }
}

/// Everything about one job, for `jobs show`.
public struct OperatorJobReport: Encodable, Sendable {
    public var job: OperatorJob
    public var timeline: [Step]
    public var attempts: [AttemptRecord]

    public struct Step: Encodable, Sendable {
        public var state: String
        public var at: Date
    }

    public init(_ report: JobReport) throws {
        job = try OperatorJob(report.record)
        timeline = report.steps.map { Step(state: $0.state, at: $0.at) }
        attempts = report.attempts
    }
}

extension JobState {
    /// What happens next, for a person.
    var outlook: String {
        switch self {
        case .accepted: "ask the upstream for the price"
        case .quoted: "submit and pay"
        case .submitting: "the answer to the submission; without one, a person decides"
        case .rendering(let rendering): "look whether it is finished (poll \(rendering.polls + 1))"
        case .downloading: "bring the video home"
        case .ready(let delivery): delivery.isCleanedUp ? "nothing" : "remove the upstream's copy"
        case .failed, .cancelled: "nothing"
        case .attention(.consentNeeded): "the user decides: agree or give up"
        case .attention: "a person decides: resubmit or give up"
        }
    }

    /// Why a job stands still.
    fileprivate var reason: String? {
        switch self {
        case .failed(let failure): "\(failure.code): \(failure.message)"
        case .attention(.unknownOutcome(let quotation, let evidence)):
            "the submission's outcome is unknown and \(quotation.price) may be spent: \(evidence)"
        case .attention(.accountBlocked(let evidence)): "the account is refused: \(evidence)"
        case .attention(.consentNeeded(_, let request)):
            "the upstream asks for the user's consent (\(request.flow) \(request.policy.version ?? "")); nothing is charged"
        case .attention(.restored(_, let evidence)): "it may have been paid in the time that is lost: \(evidence)"
        case .accepted, .quoted, .submitting, .rendering, .downloading, .ready, .cancelled: nil
        }
    }
}

/// The states that a job can be in, in the database's words and in the order of its way.
public let operatorJobStates = [
    "accepted", "quoted", "submitting", "rendering", "downloading", "ready", "failed", "cancelled", "attention",
]

extension Job.Hold {
    /// What comes next, in an operator's words.
    fileprivate var next: String {
        switch kind.known {
        case .turn: "begin when another job of its user ends"
        case .model: "ask whether the model is there again"
        case .paused: "go on when an operator lets the user or the account go on"
        case .spendingCap, nil: "look whether there is room again"
        }
    }
}
