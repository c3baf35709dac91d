public import Foundation
public import JobLifecycle
public import JobStore
public import VideoModels

/// What holds a job now, and what would release it: the answer to "why does this wait?".
public struct Explanation: Encodable, Sendable {
    public var job: JobID
    public var state: String
    /// When the facts were read, by the database's clock.
    public var at: Date
    /// What has to go away first stands first. Never empty.
    public var findings: [Finding]

    /// One thing that holds the job.
    public struct Finding: Encodable, Hashable, Sendable {
        /// A stable word.
        public var code: Code
        /// What it is, in a sentence.
        public var what: String
        /// What makes it go away.
        public var release: String
        /// When it goes away by itself, at the latest; absent where nobody knows or somebody has to do something.
        public var until: Date?

        init(_ code: Code, _ what: String, release: String, until: Date? = nil) {
            (self.code, self.what, self.release, self.until) = (code, what, release, until)
        }
    }

    /// Why a job stands where it stands.
    public enum Code: String, Encodable, Hashable, Sendable, CaseIterable {
        case ended
        case unknownOutcome = "unknown_outcome"
        case accountBlocked = "account_blocked"
        case consent
        case restored
        case paused
        case noWorker = "no_worker"
        case account
        case turn
        case modelPaused = "model_paused"
        case modelOffline = "model_offline"
        case spendingCap = "spending_cap"
        case diskFloor = "disk_floor"
        case breaker
        case upstreamPause = "upstream_pause"
        case rateBudget = "rate_budget"
        case setback
        case dueTime = "due_time"
        case overdue
        case lease
        case leaseOrphaned = "lease_orphaned"
        case upstream
    }

    enum CodingKeys: String, CodingKey {
        case state, at, findings
        case job = "job_id"
    }

    public init(_ facts: ExplainFacts) {
        (job, state, at) = (facts.record.id, facts.record.progress.state.name, facts.at)
        findings = facts.findings
    }
}

/// All that the explanation of one job follows from.
public struct ExplainFacts: Sendable {
    public var record: JobRecord
    /// By the database's clock.
    public var at: Date
    public var limits: LimitReport
    public var processes: [ProcessRecord] = []
    /// Of the job's user, while it waits for its turn.
    public var line = JobLine()
    /// What all users together may spend, and have spent.
    public var cap = Budget(limits: SpendingLimits())
    /// Free bytes for what is arriving, and the floor; nil where this command cannot look.
    public var room: (free: Int64, floor: Int64)?
    /// Whether the account of the job is set up here.
    public var hasAccount = true
    /// Whether the upstream's list names the model as offline.
    public var isModelOffline = false

    public init(record: JobRecord, at: Date, limits: LimitReport) {
        (self.record, self.at, self.limits) = (record, at, limits)
    }
}

extension ExplainFacts {
    /// The whole table. Pure.
    var findings: [Explanation.Finding] {
        switch record.progress.state {
        case .failed(let failure):
            [
                .init(
                    .ended, "the job has failed (\(failure.code)): \(failure.message)",
                    release: "nothing; ask for the video again")
            ]
        case .cancelled: [.init(.ended, "the job was cancelled", release: "nothing; ask for the video again")]
        case .ready(let delivery) where delivery.isCleanedUp:
            [.init(.ended, "the video is here", release: "nothing has to be released")]
        case .attention(let attention): [decision(on: attention)]
        case .accepted where record.isWaitingForTurn: workers + [turn]
        case .accepted, .quoted: workers + account + unpaid + limits(of: step) + schedule
        case .submitting: workers + submitting
        case .rendering, .downloading, .ready: workers + account + limits(of: step) + schedule
        }
    }

    // MARK: - somebody has to do something

    private func decision(on attention: Attention) -> Explanation.Finding {
        switch attention {
        case .unknownOutcome(let quotation, let evidence):
            .init(
                .unknownOutcome,
                "nobody knows whether the submission was paid (\(quotation.price)): \(evidence)\(verdict)",
                release: "`gondola ledger reconcile`, then `gondola jobs decide \(record.id)`; "
                    + "nothing is sent again by itself")
        case .accountBlocked(let evidence):
            .init(
                .accountBlocked, "the upstream refuses the account \"\(record.account)\": \(evidence)",
                release: "mend the account (`gondola accounts test`), then "
                    + "`gondola jobs decide \(record.id) resubmit`; nothing was charged")
        case .consentNeeded(_, let request):
            .init(
                .consent, "the upstream asks for the user's agreement to its text (\(request.flow))",
                release: "the user agrees or gives up in the app; nothing was charged")
        case .restored(_, let evidence):
            .init(
                .restored, "the database was restored, and nobody knows what was paid afterwards: \(evidence)",
                release: "`gondola ledger reconcile`, then `gondola jobs decide \(record.id)`; "
                    + "nothing is sent again by itself")
        }
    }

    private var verdict: String {
        switch record.progress.verdict {
        case .charged: "; the upstream's record shows a charge"
        case .notCharged: "; the upstream's record shows no charge"
        case .undecidable: "; the upstream's record does not tell"
        case nil: ""
        }
    }

    /// Nothing moves without a worker.
    private var workers: [Explanation.Finding] {
        let workers = processes.filter { $0.roles.contains(.worker) }
        guard !workers.contains(where: \.takesJobs) else { return [] }
        let others = workers.map { "\($0.name) is \($0.standing.rawValue)" }.joined(separator: ", ")
        return [
            .init(
                .noWorker, "no worker takes jobs" + (others.isEmpty ? ": none is in the register" : ": \(others)"),
                release: "start one with `gondola work` or `gondola run`, and look at `gondola doctor`")
        ]
    }

    private var account: [Explanation.Finding] {
        guard !hasAccount else { return [] }
        return [
            .init(
                .account, "its account \"\(record.account)\" is not set up here, and no other can go on with the job",
                release: "add the account to the settings of a worker; `gondola accounts list` shows which there are")
        ]
    }

    // MARK: - its turn, and what is needed before money is spent

    private var turn: Explanation.Finding {
        let room = line.limit - line.active
        let ahead = line.ahead == 0 ? "it is the next" : "\(line.ahead) of the user's jobs come before it"
        let release =
            room > 0
            ? "a worker's sweep admits it within seconds: there is room"
            : line.limit == 0
                ? "raise the user's limit, which is 0"
                : "one of the user's jobs ends, or the user's limit is raised"
        return .init(
            .turn, "its user has \(line.active) jobs under way of \(line.limit) that may be, and \(ahead)",
            release: release)
    }

    private var unpaid: [Explanation.Finding] { paused + model + money + disk }

    /// Looked at again when an operator lets go, and now and then.
    private var paused: [Explanation.Finding] {
        guard record.hold?.kind.known == .paused else { return [] }
        return [
            .init(
                .paused, "an operator has paused its user or the account \"\(record.account)\": nothing is paid",
                release:
                    "`gondola users resume`, or `gondola accounts resume`; `users show` and `accounts limits` tell which"
            )
        ]
    }

    private var model: [Explanation.Finding] {
        guard let name = try? record.request.model else { return [] }
        if let pause = limits.models.first(where: { $0.model == name }) {
            let end = pause.pausedSeconds.map { at.addingTimeInterval($0) }
            let release =
                end != nil
                ? "then one job tries the model, and its answer decides for all"
                : pause.probe == record.id.description
                    ? "this job tries the model now" : "the job that tries the model hears that it is there"
            return [
                .init(
                    .modelPaused, "the model \(name) is paused (\(pause.failures) in a row): \(pause.reason)",
                    release: release, until: end)
            ]
        }
        guard isModelOffline else { return [] }
        return [
            .init(
                .modelOffline, "the upstream lists the model \(name) as offline",
                release: "the upstream's list names it as there again; `gondola models list` shows it")
        ]
    }

    private var money: [Explanation.Finding] {
        guard case .quoted(let quotation) = record.progress.state else { return [] }
        let period = cap.exceeded(by: quotation.price)
        let isHeld = record.hold?.kind.known == .spendingCap
        guard period != nil || isHeld else { return [] }
        let limit = period.flatMap { cap.limits[$0] }
        let what =
            period.map { period in
                "all users together have spent \(cap.spent(period)) of \(limit ?? .zero) a \(period.rawValue), and it "
                    + "costs \(quotation.price)"
            } ?? "it was held back by the spending cap, which has room again"
        return [
            .init(
                .spendingCap, what,
                release: period == nil
                    ? "the next look at it" : "the period ends, money comes back, or the cap is raised",
                until: period?.renewal(after: at) ?? record.nextActionAt)
        ]
    }

    private var disk: [Explanation.Finding] {
        // Looked at when the submission is to be written down, and never again: what is paid is brought home.
        guard case .quoted = record.progress.state, let room, room.free < room.floor else { return [] }
        return [
            .init(
                .diskFloor,
                "only \(SizeText.rounded(room.free)) are free for videos, less than the floor of "
                    + "\(SizeText.rounded(room.floor)): nothing new is begun",
                release: "make room (`gondola storage usage`), or lower GONDOLA_STORAGE_FLOOR")
        ]
    }
}

extension ProcessRecord {
    /// Whether it is a worker that claims: one does so although another of its loops stands still.
    var takesJobs: Bool {
        guard roles.contains(.worker) else { return false }
        return standing == .working || standing == .stuck && Loops.claiming.isDisjoint(with: stuckLoops)
    }
}
