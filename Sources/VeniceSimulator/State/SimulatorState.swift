import Foundation

/// Everything that the simulated service remembers. A value: told the time, it decides; the shell does the rest.
struct SimulatorState: Sendable {
    static let violationCapacity = 10_000
    static let accountCapacity = 20_000

    let configuration: Configuration
    let pricing: Pricing
    var faults: FaultPlan

    var jobs: [String: SimulatedJob] = [:]
    /// Ids in the order of acceptance.
    var order: [String] = []
    var links: [String: String] = [:]
    var linkWindows: [String: RateWindow] = [:]
    /// Jobs whose file is being made, by the file's name.
    var waitingForMedia: [String: [String]] = [:]
    var accounts: [String: Account] = [:]
    /// By user.
    var wallets: [String: WalletBook] = [:]
    /// Credited payments by what they are.
    var topUps: [String: TopUpReceipt] = [:]
    var topUpWindows: [String: RateWindow] = [:]
    var violations: [Ledger.Violation] = []
    var consents: [String: ConsentBook] = [:]
    var limitLog: [String: [LimitEntry]] = [:]
    /// How often an id that is not known has been asked about, by user and id.
    var invalidIDs: [String: Int] = [:]
    /// By address, or by account, of the endpoints that have limits of their own.
    var otherWindows: [String: RateWindow] = [:]
    var traffic: [String: Traffic] = [:]
    /// Digests of queue and quote bodies that were refused for good, each with the account.
    var refusedBodies = BoundedSet(capacity: 10_000)
    private var struck: [Strike: Int] = [:]
    private var calls: [Call: Int] = [:]
    private var answers = 0

    private struct Call: Hashable, Sendable {
        var endpoint: Endpoint
        var status: Int
    }

    private struct Strike: Hashable, Sendable {
        var endpoint: Endpoint
        var action: String
    }

    init(_ configuration: Configuration) {
        self.configuration = configuration
        pricing = Pricing(
            promotions: configuration.promotions, seed: configuration.seed,
            promotionWindow: 60 * configuration.timeScale)
        faults = FaultPlan(
            seed: configuration.chaosSeed ?? configuration.seed, chaosRate: configuration.chaosRate)
    }

    // MARK: Accounts

    func account(_ bucket: String) -> Account { accounts[bucket] ?? Account(configuration, of: bucket) }

    mutating func withAccount<Result>(_ bucket: String, at now: Date, _ body: (inout Account) -> Result) -> Result {
        if accounts.count >= Self.accountCapacity {
            accounts = accounts.filter { bucket, account in
                !account.isIdle(at: now) || account.balance != Account(configuration, of: bucket).balance
            }
        }
        var account = account(bucket)
        defer { accounts[bucket] = account }
        return body(&account)
    }

    // MARK: Admission

    /// The refusal that comes before anything in the body is looked at, if there is one.
    mutating func admit(_ endpoint: Endpoint, _ credential: Credential, at now: Date) -> Answer? {
        if let end = account(credential.failureBucket).abuse.block(at: now) {
            violate(.calledWhileBlocked, endpoint, at: now, "called while the error budget's block held")
            return blocked(until: end)
        }
        if Self.needsKey(endpoint), let refusal = authenticate(endpoint, credential, at: now) { return refusal }
        guard case .refused(let until) = window(endpoint, credential.bucket, at: now) else { return nil }
        violate(.overLimit, endpoint, at: now, "more calls than the limit allows")
        return RateLimitAnswer.make(
            form: configuration.rateLimitForm ?? drawnForm(), until: until, now: now, limit: limit(endpoint))
    }

    static func needsKey(_ endpoint: Endpoint) -> Bool {
        switch endpoint {
        case .queue, .retrieve, .complete, .rateLimits, .rateLimitsLog, .billingBalance, .usageHistory: true
        // Judged where they are answered.
        case .walletBalance, .walletTransactions, .topUp: false
        case .models, .quote, .transcriptions, .download, .downloadDelete, .connection, .unknown: false
        }
    }

    private mutating func authenticate(_ endpoint: Endpoint, _ credential: Credential, at now: Date) -> Answer? {
        switch credential {
        case .user, .wallet: return nil
        case .none:
            violate(.unauthenticated, endpoint, at: now, "no credential")
            return PaymentAnswers.discovery(endpoint)
        case .bad, .unverified:
            violate(.unauthenticated, endpoint, at: now, "the credential is no inference key")
            return .error(401, "Authentication failed")
        }
    }

    private mutating func window(_ endpoint: Endpoint, _ bucket: String, at now: Date) -> RateWindow.Verdict? {
        note(endpoint, bucket, at: now)
        return switch endpoint {
        case .queue: withAccount(bucket, at: now) { $0.queueWindow.admit(at: now) }
        case .retrieve: withAccount(bucket, at: now) { $0.retrieveWindow.admit(at: now) }
        default: nil
        }
    }

    func limit(_ endpoint: Endpoint) -> Int {
        endpoint == .queue ? configuration.queueLimitPerMinute : configuration.retrieveLimitPerMinute
    }

    mutating func drawnForm() -> RateLimitForm {
        var dice = Dice(seed: configuration.seed, "429|\(answers)")
        return RateLimitForm.allCases.randomElement(using: &dice) ?? .retryAfter
    }

    func blocked(until end: Date) -> Answer {
        let text =
            "Too many failed attempts (> \(configuration.failureLimit)) resulting in a non-success status code. "
            + "Please wait 30s and try again."
        var answer = Answer.error(429, text)
        answer.setHeader("x-ratelimit-remaining", "0")
        answer.setHeader("x-ratelimit-resets", "\(Int(end.timeIntervalSince1970 * 1000))")
        answer.setHeader("x-ratelimit-type", "FAILED_REQUESTS")
        return answer
    }

    // MARK: After the answer is known

    /// Counts the answer and puts the service's own headers on it. Status 0 stands for no answer.
    mutating func close(_ endpoint: Endpoint, _ credential: Credential, _ answer: inout Answer, at now: Date) {
        let isFailure = (400..<500).contains(answer.status) && answer.status != 429 && answer.countsAsFailure
        if isFailure && !endpoint.isOfShareHost {
            withAccount(credential.failureBucket, at: now) { $0.abuse.recordFailure(at: now) }
            withTraffic(credential.failureBucket) { $0.failures.record(at: now) }
        }
        answers += 1
        guard !endpoint.isOfShareHost else { return }
        if answer.header("X-Request-ID") == nil {
            var dice = Dice(seed: configuration.seed, "request|\(answers)")
            answer.setHeader("X-Request-ID", "req-\(dice.uuid())")
        }
        var dice = Dice(seed: configuration.seed, "ray|\(answers)")
        answer.setHeader("CF-RAY", String(dice.next() | 1 << 60, radix: 16) + "-FRA")
        answer.setHeader("x-venice-version", "simulator-1")
        answer.setHeader("x-venice-host-name", "simulator")
        answer.setHeader("x-venice-timestamp", now.formatted(Ledger.time))
        if case .user(let user) = credential { decorate(&answer, endpoint, account(user), at: now) }
    }

    private func decorate(_ answer: inout Answer, _ endpoint: Endpoint, _ account: Account, at now: Date) {
        if answer.header("x-ratelimit-remaining") == nil {
            answer.setHeader("x-ratelimit-remaining", "\(account.abuse.remaining(at: now))")
        }
        guard answer.status != 429, endpoint == .queue || endpoint == .retrieve else { return }
        let window = endpoint == .queue ? account.queueWindow : account.retrieveWindow
        answer.setHeader("x-ratelimit-limit-requests", "\(window.limit)")
        answer.setHeader("x-ratelimit-remaining-requests", "\(window.remaining(at: now))")
        let reset = Int(window.reset(at: now).timeIntervalSince1970 * 1000)
        answer.setHeader("x-ratelimit-reset-requests", "\(reset)")
    }

    mutating func noteStrike(_ action: Fault.Action, _ endpoint: Endpoint) {
        struck[Strike(endpoint: endpoint, action: action.name), default: 0] += 1
    }

    mutating func count(_ endpoint: Endpoint, status: Int) {
        calls[Call(endpoint: endpoint, status: status), default: 0] += 1
    }

    mutating func violate(
        _ kind: Ledger.Violation.Kind, _ endpoint: Endpoint, at now: Date, _ detail: String, queueID: String? = nil
    ) {
        guard violations.count < Self.violationCapacity else { return }
        violations.append(
            Ledger.Violation(kind: kind, at: now, endpoint: endpoint, queueID: queueID, detail: detail))
    }

    // MARK: Ledger

    /// The books as they stand. Refunds that have fallen due are entered first.
    mutating func ledger(at now: Date) -> Ledger {
        for id in order { settleRefund(id, at: now) }
        var ledger = Ledger()
        let wallets = walletEntries(at: now)
        for job in order.compactMap({ jobs[$0] }) { enter(job, in: &ledger, at: now) }
        ledger.calls = calls.map { Ledger.CallCount(endpoint: $0.endpoint, status: $0.status, count: $1) }
            .sorted { ($0.endpoint.rawValue, $0.status) < ($1.endpoint.rawValue, $1.status) }
        ledger.violations = violations
        ledger.wallets = wallets
        ledger.accounts = Set(accounts.keys).union(traffic.keys).sorted().map(books)
        ledger.faults = struck.map { Ledger.FaultCount(endpoint: $0.endpoint, action: $0.action, count: $1) }
            .sorted { ($0.endpoint.rawValue, $0.action) < ($1.endpoint.rawValue, $1.action) }
        return ledger
    }

    private func books(_ bucket: String) -> Ledger.Account {
        let traffic = traffic[bucket] ?? Traffic(configuration)
        return Ledger.Account(
            account: bucket, usd: account(bucket).balance, queuePeak: traffic.queue.peak,
            retrievePeak: traffic.retrieve.peak, failurePeak: traffic.failures.peak, failures: traffic.failures.total)
    }

    private func enter(_ job: SimulatedJob, in ledger: inout Ledger, at now: Date) {
        if let at = job.paidAt {
            ledger.charges.append(
                Ledger.Charge(
                    queueID: job.id, model: job.model, usd: job.price, at: at, requestSHA256: job.requestSHA256))
        }
        if let at = job.refundedAt { ledger.refunds.append(Ledger.Refund(queueID: job.id, usd: job.price, at: at)) }
        ledger.jobs.append(
            Ledger.Job(
                queueID: job.id, model: job.model, state: job.stateName(at: now, lifetime: configuration.lifetime),
                createdAt: job.createdAt, finishedAt: job.finishedAt(by: now), firstDetectedAt: job.firstDetectedAt,
                deliveredSHA256: job.deliveredSHA256, deliveries: job.deliveries, deleted: job.deletedAt != nil))
    }

    mutating func settleRefund(_ id: String, at now: Date) {
        guard var job = jobs[id], let failure = job.failure, failure.refunds, job.refundedAt == nil,
            let finished = job.finishedAt(by: now)
        else { return }
        if job.isOfWallet {
            settleCharges(of: job.user, at: now)
            refundWallet(job, at: finished)
            job.chargedAt = jobs[id]?.chargedAt
        } else {
            withAccount(job.user, at: now) { $0.balance = $0.balance + job.price }
        }
        job.refundedAt = finished
        jobs[id] = job
    }
}
