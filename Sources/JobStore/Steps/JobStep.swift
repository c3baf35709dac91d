public import Foundation
public import JobLifecycle
import VideoModels

/// How a paid request ended, for the job's record.
public struct AttemptEvidence: Hashable, Sendable {
    public var outcome: Outcome
    public var httpStatus: Int?
    /// The upstream's own name for the request (`CF-RAY`).
    public var requestID: String?
    /// The account's balance as the answer's header told it.
    public var balance: String?
    public var message: String?
    /// SHA-256 of the request body.
    public var requestHash: Data?
    /// Whose attempt it was, where that is no longer in the job's state.
    public var token: LeaseToken?

    public enum Outcome: String, Sendable, CaseIterable {
        case accepted, refused, lost, blocked
        case notSent = "not_sent"
    }

    public init(
        _ outcome: Outcome, httpStatus: Int? = nil, requestID: String? = nil, balance: String? = nil,
        message: String? = nil, requestHash: Data? = nil, token: LeaseToken? = nil
    ) {
        self.outcome = outcome
        self.httpStatus = httpStatus
        self.requestID = requestID
        self.balance = balance
        self.message = message
        self.requestHash = requestHash
        self.token = token
    }
}

/// One step of one job: the job as it shall stand, and all that is written with it in one transaction.
public struct JobStep: Sendable {
    /// The job after the event. Its token and revision are those of the row that the step starts from.
    public var record: JobRecord
    public var effects: [JobEffect]
    public var evidence: AttemptEvidence?
    /// Why there was no way forward, for the operator.
    public var setback: String?
    /// The token from now on: another than the row's takes the lease from whoever holds it.
    var token: LeaseToken

    public init(
        _ record: JobRecord, _ effects: [JobEffect], evidence: AttemptEvidence? = nil,
        setback: String? = nil
    ) {
        self.record = record
        self.effects = effects
        self.evidence = evidence
        self.setback = setback
        token = record.token
    }

    var publishes: Bool { effects.contains(.publish) }

    /// What the step holds money for, for the check of budgets.
    var reservation: Reservation? {
        effects.lazy.compactMap { effect in
            if case .reserve(let amount) = effect {
                Reservation(user: record.user, job: record.id, account: record.account, amount: amount)
            } else {
                nil
            }
        }.first
    }
}

/// A step as its columns hold it. What cannot be written at all is found here, where it hurts no other step.
///
/// A class, since every column of a batch goes over all of its steps, and copying one costs more than reading it.
final class StepRow: Grouped {
    let step: JobStep
    let key: LockKey
    let columns: StateColumns
    /// The job as it will stand, but for what the database adds.
    let after: JobRecord
    let schedule: Schedule
    let ledger: [(kind: String, amount: Money)]
    let video: StoredVideo?
    let model: String?
    let sealedLink: [UInt8]?
    let consentRequest: Data?
    let failureNotes: Data?
    let hold: Data?
    let outlook: Data?

    /// When the job is looked at next.
    enum Schedule: Hashable, Sendable {
        /// At the end of the lease that it is under.
        case keep
        case snooze(TimeInterval)
        /// Never: nothing is left to do.
        case rest
    }

    init(_ step: JobStep, secrets: SecretBox?) throws {
        var columns = StateColumns(step.record.progress.state)
        columns.rendering?.submittedAt.cutToMicroseconds()
        self.step = step
        key = LockKey(step.record)
        self.columns = columns
        schedule = Schedule(step)
        ledger = step.effects.compactMap(\.ledgerRow)
        let videos = step.effects.compactMap {
            if case .addVideo(let video) = $0 { video } else { nil }
        }
        // A row of `videos` is a job's only one.
        guard videos.count <= 1 else { throw PostgresError.unexpectedRow("a job has one video") }
        video = videos.first
        model = video == nil ? nil : try columns.rendering?.model ?? step.record.request.model
        // Sealed when it is new; the one that is there stays as it is.
        let link = columns.rendering?.link.flatMap { $0 == step.record.rendering?.link ? nil : $0 }
        if link != nil, secrets == nil {
            throw PostgresError.unexpectedRow("no key to seal a link with")
        }
        sealedLink = try link.flatMap { try secrets?.seal($0, for: step.record.id.description) }
        consentRequest = try columns.consentRequest.map { try Wire.encode($0) }
        failureNotes = try columns.failure.flatMap { try $0.notes.isEmpty ? nil : Wire.encode($0.notes) }
        hold = try step.record.progress.hold.map { try Wire.encode($0) }
        let outlook = step.record.progress.outlook
        self.outlook = try outlook.isEmpty ? nil : Wire.encode(outlook)
        after = try step.record.after(step, columns, schedule)
    }

    /// How many of the user's sequences the step draws: the job's own is the last of them.
    var draws: Int { step.publishes ? 1 + (video == nil ? 0 : 1) : 0 }

    /// Whether the step writes its job and the timeline, and nothing else.
    var isPlain: Bool {
        step.evidence == nil && step.record.openAttempt == nil && columns.submittingToken == nil && ledger.isEmpty
            && video == nil
    }

    /// Whether the user's feed goes on with it: by what it publishes, or since it changes what the user has spent.
    var isOfFeed: Bool { draws > 0 || ledger.contains { $0.kind != "settle" } }

    /// One step of a job at a time: the next one starts from what this one leaves.
    var name: JobID? { step.record.id }

    var owner: UInt8 { step.record.user.lastByte }

    /// A rough size, for the bound of a batch.
    var bytes: Int {
        500 + (columns.attentionEvidence?.utf8.count ?? 0) + (columns.failure?.message.utf8.count ?? 0)
            + (consentRequest?.count ?? 0) + (failureNotes?.count ?? 0) + (hold?.count ?? 0)
            + (outlook?.count ?? 0) + (sealedLink?.count ?? 0)
    }
}

extension StepRow.Schedule {
    fileprivate init(_ step: JobStep) {
        let state = step.record.progress.state
        self = state.isUnderWay ? .keep : .rest
        for case .snooze(let seconds) in step.effects where state.isUnderWay { self = .snooze(seconds) }
    }
}

extension JobRecord {
    /// What the row will hold after the step, as a reader of the row would see it. What was paid, to whom and for what
    /// stays with the job to its end.
    fileprivate func after(
        _ step: JobStep, _ columns: StateColumns, _ schedule: StepRow.Schedule
    ) throws -> JobRecord {
        var after = self
        after.progress.state = try columns.jobState()
        after.progress.consent?.at.cutToMicroseconds()
        after.price = columns.price ?? (columns.state == "accepted" ? nil : price)
        after.rendering = columns.rendering ?? rendering
        after.token = step.token
        after.openAttempt = columns.submittingToken.map { LeaseToken($0) }
        // A verdict is about the attempt that the job waits with.
        if columns.attentionKind != .unknownOutcome { after.progress.verdict = nil }
        after.revision += 1
        if schedule != .keep { after.leasedBy = nil }
        if schedule == .rest { after.nextActionAt = nil }
        if let setback = step.setback { after.lastSetback = String(setback.prefix(500)) }
        return after
    }
}

extension Date {
    /// What Postgres keeps.
    fileprivate mutating func cutToMicroseconds() {
        self = Date(timeIntervalSince1970: Double(microsecondsSince2000 + Cell.epoch2000) / 1_000_000)
    }
}

extension JobEffect {
    fileprivate var ledgerRow: (kind: String, amount: Money)? {
        switch self {
        case .reserve(let amount): ("reserve", amount)
        case .settle(let amount): ("settle", amount)
        case .release(let amount): ("release", amount)
        case .refund(let amount): ("refund", amount)
        case .publish, .addVideo, .snooze: nil
        }
    }
}
