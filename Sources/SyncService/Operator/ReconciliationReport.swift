public import Foundation
import JobLifecycle
public import VideoModels

/// What a comparison with the upstream's record is about.
public struct ReconciliationRequest: Sendable {
    /// Nil for all accounts.
    public var account: String?
    /// Requests that began from here on; nil goes back to the oldest one that still waits for a decision.
    public var since: Date?
    /// And before this; nil means all.
    public var until: Date?
    /// Seconds between our clock and the upstream's, at most.
    public var clockSkew: TimeInterval
    /// Seconds after the end of a request in which its charge is entered, at most; nil for what is usual for the account.
    public var lateness: TimeInterval?
    /// A key of the same upstream user that may read the billing history, where the account's own may not.
    public var adminKey: Redacted<String>?

    public init(
        account: String? = nil, since: Date? = nil, until: Date? = nil, clockSkew: TimeInterval = 120,
        lateness: TimeInterval? = nil, adminKey: Redacted<String>? = nil
    ) {
        self.account = account
        self.since = since
        self.until = until
        self.clockSkew = clockSkew
        self.lateness = lateness
        self.adminKey = adminKey
    }
}

extension ReconciliationRequest {
    /// Reads a key from a file that holds nothing else.
    public static func key(inFile path: String) throws(InvalidSettings) -> Redacted<String> {
        let expected: String
        do {
            if let key = ValueFormat.key.redacted().parse(try SecretFile.read(path)) { return key }
            expected = "a file that holds \(ValueFormat<String>.key.expected)"
        } catch {
            expected = SecretFile.expectation(after: error)
        }
        throw InvalidSettings(findings: [.init(source: "--admin-key-file", given: path, expected: expected)])
    }
}

/// What came of it for one account.
public struct ReconciliationReport: Encodable, Sendable {
    public var account: String
    public var verdicts: [Verdict] = []
    /// Why the account's record could not be compared at all, in words.
    public var problem: String?
    /// Whether asking again later may help.
    public var isPassing = false

    public init(account: String) { self.account = account }

    /// On one lost answer.
    public struct Verdict: Encodable, Sendable {
        public var job: JobID
        public var user: UserID
        public var model: String
        public var price: Money
        public var startedAt: Date
        public var verdict: String
        /// When asking again may tell more.
        public var askAgainAt: Date?
        /// Whether the job still waits with it for a person.
        public var isUndecided: Bool
        public var evidence: [String]

        public init(
            job: JobID, user: UserID, model: String, price: Money, startedAt: Date, verdict: Job.Attention.Verdict,
            askAgainAt: Date?, isUndecided: Bool, evidence: [String]
        ) {
            self.job = job
            self.user = user
            self.model = model
            self.price = price
            self.startedAt = startedAt
            self.verdict = verdict.rawValue
            self.askAgainAt = askAgainAt
            self.isUndecided = isUndecided
            self.evidence = evidence
        }

        enum CodingKeys: String, CodingKey {
            case model, price, verdict, evidence
            case job = "job_id"
            case user = "user_id"
            case startedAt = "started_at"
            case askAgainAt = "ask_again_at"
            case isUndecided = "is_undecided"
        }
    }

    enum CodingKeys: String, CodingKey {
        case account, verdicts, problem
        case isPassing = "is_passing"
    }
}

extension ReconciliationReport.Verdict {
    init(_ finding: ReconciliationFinding) {
        let attempt = finding.attempt
        self.init(
            job: attempt.id.job, user: attempt.id.user, model: attempt.models.sorted().joined(separator: ", "),
            price: attempt.price, startedAt: attempt.startedAt, verdict: finding.verdict,
            askAgainAt: finding.askAgainAt, isUndecided: attempt.isUndecided, evidence: finding.evidence)
    }
}
