import Crypto
import Foundation
import Logging
import Synchronization

/// The service without its sockets: a request in, an answer out, and everything remembered in between.
final class Service: Sendable {
    let configuration: Configuration
    let catalogue: Catalogue
    let media: MediaLibrary
    let log: Logger
    let journal: Journal?
    let state: Mutex<SimulatorState>
    private let address = Mutex("")

    init(_ configuration: Configuration, log: Logger) throws {
        try configuration.check()
        self.configuration = configuration
        self.log = log
        catalogue = try Catalogue.bundled()
        media = try MediaLibrary(directory: configuration.mediaDirectory, encoder: VideoEncoder.find(), log: log)
        var state = SimulatorState(configuration)
        if let directory = configuration.stateDirectory {
            let (journal, jobs) = try Journal.open(in: directory)
            self.journal = journal
            for job in jobs { state.restore(job, at: configuration.clock.now) }
        } else {
            journal = nil
        }
        self.state = Mutex(state)
        requestMediaOfRestoredJobs()
    }

    var baseURL: String {
        get { address.withLock { $0 } }
        set { address.withLock { $0 = newValue } }
    }

    var now: Date { configuration.clock.now }

    // MARK: One call

    func begin(_ endpoint: Endpoint) -> (ticket: FaultPlan.Ticket, action: Fault.Action?) {
        state.withLock { state in
            let ticket = state.faults.begin(endpoint)
            let action = state.faults.earlyAction(ticket)
            if let action { state.noteStrike(action, endpoint) }
            return (ticket, action)
        }
    }

    /// A call that ended before its request was whole, or a connection that was cut: no answer.
    func countUnanswered(_ endpoint: Endpoint) { state.withLock { $0.count(endpoint, status: 0) } }

    func answer(_ request: APIRequest, _ ticket: FaultPlan.Ticket) -> Answer {
        if request.path.hasPrefix("/_simulator/") { return administer(request) }
        let parsed = Parsed(request)
        let action = state.withLock { $0.faults.action(ticket, model: parsed.json?["model"]?.string) }
        if let action { state.withLock { $0.noteStrike(action, ticket.endpoint) } }
        var answer: Answer
        if let action, action.preventsProcessing {
            answer = replace(request, ticket.endpoint, action)
        } else {
            answer = process(request, parsed, ticket.endpoint, action)
            let slot = answer.slot
            for dialect in Dialect.allCases where configuration.dialects.contains(dialect) {
                dialect.spell(&answer, of: ticket.endpoint)
            }
            if let action { spoil(&answer, of: ticket.endpoint, with: action) }
            answer.slot = slot
        }
        code(&answer, for: request)
        settle(request, ticket.endpoint, answer)
        return answer
    }

    /// The answer that a fault puts in the place of the service's own.
    private func replace(_ request: APIRequest, _ endpoint: Endpoint, _ action: Fault.Action) -> Answer {
        let (now, credential) = (now, presumed(request, endpoint))
        if case .block(let seconds) = action {
            return state.withLock { $0.block(credential.bucket, seconds: seconds, at: now) }
        }
        var answer = replacement(for: action)
        if case .refuse = action {
            state.withLock { $0.close(endpoint, credential, &answer, at: now) }
        } else {
            answer.countsAsFailure = false
            state.withLock { $0.close(endpoint, .none, &answer, at: now) }
        }
        return answer
    }

    /// Codes what is text for a client that offers it.
    private func code(_ answer: inout Answer, for request: APIRequest) {
        guard configuration.gzips, Gzip.isAccepted(request.headers["accept-encoding"]),
            case .bytes(let bytes) = answer.body, !bytes.isEmpty, answer.header("Content-Encoding") == nil
        else { return }
        answer.body = .bytes(Gzip.code(bytes))
        answer.setHeader("Content-Encoding", "gzip")
        answer.setHeader("Vary", "Accept-Encoding")
    }

    /// Enters the outcome into the books.
    private func settle(_ request: APIRequest, _ endpoint: Endpoint, _ answer: Answer) {
        let isSilent = answer.delivery == .lost || answer.delivery == .never
        let status = isSilent ? 0 : answer.status
        let digest = [.queue, .quote].contains(endpoint) ? SHA256.hash(data: request.body).hex : nil
        let (now, bucket) = (now, Credential(request.headers).bucket)
        state.withLock {
            $0.count(endpoint, status: status)
            if let digest { $0.noteOutcome(endpoint, bucket, bodySHA256: digest, status: status, at: now) }
        }
    }

    /// The refusal of a body that is too long to be read.
    func tooLarge(_ endpoint: Endpoint) -> Answer {
        var answer = Answer.json(
            413, ["code": "PAYLOAD_TOO_LARGE", "error": "The request body exceeds the maximum allowed size of 35 MB."])
        answer.countsAsFailure = false
        let now = now
        state.withLock {
            if endpoint == .queue { $0.violate(.queueRefused, .queue, at: now, "413: the body is over 35 MB") }
            $0.close(endpoint, .none, &answer, at: now)
            $0.count(endpoint, status: 413)
        }
        return answer
    }

    /// Hears what became of an answer.
    func delivered(_ receipt: Receipt, whole: Bool, sha256: String?) {
        let now = now
        change { $0.delivered(receipt, whole: whole, sha256: sha256, at: now) }
    }

    // MARK: Processing

    private struct Parsed {
        var json: JSONValue?

        init(_ request: APIRequest) { json = request.body.isEmpty ? nil : JSONValue.parse(request.body) }
    }

    private func process(
        _ request: APIRequest, _ parsed: Parsed, _ endpoint: Endpoint, _ action: Fault.Action?
    ) -> Answer {
        let (credential, signInRefusal) = identify(request, endpoint)
        let slot = takeSlot(credential)
        let caller = Caller(request, credential, configuration.world)
        let now = now
        let balance = state.withLock { $0.account(credential.bucket).balance }
        var answer =
            signInRefusal ?? crowdRefusal(credential, slot) ?? admit(caller, parsed, endpoint)
            ?? paymentRefusal(request, endpoint) ?? bodyRefusal(request, parsed, endpoint)
            ?? walletRefusal(credential, endpoint) ?? route(request, parsed, endpoint, caller, action)
        answer.slot = slot
        state.withLock { $0.close(endpoint, credential, &answer, at: now) }
        if case .user = credential, endpoint != .download, endpoint != .downloadDelete {
            answer.setHeader("x-venice-balance-usd", String(format: "%.2f", balance.dollars))
        }
        return answer
    }

    /// The refusal that comes before anything else in the body than its model is looked at, if there is one.
    private func admit(_ caller: Caller, _ parsed: Parsed, _ endpoint: Endpoint) -> Answer? {
        let now = now
        return state.withLock { state in
            let refusal = state.admit(endpoint, caller.credential, at: now) ?? keyRefusal(caller, endpoint)
            if refusal?.status == 429, let key = caller.key {
                state.noteLimit(key, endpoint, model: parsed.json?["model"]?.string, at: now)
            }
            return refusal
        }
    }

    private func keyRefusal(_ caller: Caller, _ endpoint: Endpoint) -> Answer? {
        guard let key = caller.key else { return nil }
        // On a public route a bad key is no key.
        guard SimulatorState.needsKey(endpoint) else { return nil }
        if let end = caller.rule.expiresAt, now >= end { return .error(401, "The API key has expired") }
        if caller.rule.disabled == true { return RefusalAnswers.make(.accessDisabled) }
        return endpoint.needsAdmin && !key.isAdmin ? .error(401, "Admin API key required") : nil
    }

    private func bodyRefusal(_ request: APIRequest, _ parsed: Parsed, _ endpoint: Endpoint) -> Answer? {
        guard [.quote, .queue, .retrieve, .complete].contains(endpoint) else { return nil }
        if let coding = request.headers["content-encoding"], coding.lowercased() != "identity" {
            return .error(415, "Unsupported content encoding '\(coding.prefix(40))'")
        }
        let type = request.headers["content-type"]?.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces)
            .lowercased()
        var refusal: Answer
        if type != "application/json" {
            refusal = .error(400, "Invalid content type. Expected application/json")
        } else if parsed.json == nil {
            refusal = .error(400, "Invalid JSON")
        } else {
            return nil
        }
        refusal.countsAsFailure = false
        if endpoint == .queue { noteRefusal(refusal) }
        return refusal
    }

    private func route(
        _ request: APIRequest, _ parsed: Parsed, _ endpoint: Endpoint, _ caller: Caller, _ action: Fault.Action?
    ) -> Answer {
        let body = parsed.json ?? .null
        return switch (endpoint, caller.credential.asUser) {
        case (.models, _): models(request, caller)
        case (.quote, _): quote(body, caller)
        case (.queue, .user(let user)): queue(body, request.body, user, caller, action)
        case (.retrieve, .user(let user)): retrieve(body, user, action)
        case (.complete, .user(let user)): complete(body, user)
        case (.rateLimits, .user(let user)): rateLimits(user, caller)
        case (.rateLimitsLog, .user(let user)): rateLimitsLog(user)
        case (.billingBalance, .user(let user)): billingBalance(user)
        case (.usageHistory, .user(let user)): usageHistory(request, user)
        case (.transcriptions, _): transcriptions(caller)
        case (.walletBalance, _): walletBalance(request, caller.credential)
        case (.walletTransactions, _): walletTransactions(request, caller.credential)
        case (.topUp, _): topUp(request)
        case (.download, _): download(request)
        case (.downloadDelete, _): revoke(request)
        case (.queue, _), (.retrieve, _), (.complete, _), (.rateLimits, _), (.rateLimitsLog, _),
            (.billingBalance, _), (.usageHistory, _):
            .error(401, "Authentication failed")
        case (.connection, _), (.unknown, _): .error(404, "Not found")
        }
    }

    // MARK: Media and journal

    func requestMedia(_ job: SimulatedJob) {
        let isThere = media.request(job.shape, variant: job.variant) { [weak self] name, outcome in
            self?.mediaEnded(name, outcome)
        }
        if isThere { mediaEnded(job.shape.name(variant: job.variant), .ready) }
    }

    private func mediaEnded(_ name: String, _ outcome: MediaLibrary.Outcome) {
        let now = now
        state.withLock { state in
            for var job in state.mediaReady(name, at: now) {
                if outcome == .failed {
                    job.failure = .inference(refunds: true)
                    state.jobs[job.id] = job
                }
                record(job)
            }
        }
    }

    private func requestMediaOfRestoredJobs() {
        let (now, lifetime) = (now, configuration.lifetime)
        let alive = state.withLock { state in
            state.jobs.values.filter {
                $0.failure == nil && [.rendering, .finished].contains($0.phase(at: now, lifetime: lifetime))
            }
        }
        for job in alive { requestMedia(job) }
    }

    private func change(_ body: (inout SimulatorState) -> SimulatedJob?) {
        state.withLock { state in record(body(&state)) }
    }

    /// Called under the state's lock. A journal that fails here loses no paid job, so the call goes on.
    func record(_ job: SimulatedJob?) {
        guard let job, let journal else { return }
        do {
            try journal.append(job)
        } catch {
            log.error("a change could not be written down", metadata: ["error": "\(error)"])
        }
    }

    // MARK: For tests and the admin routes

    func ledger() -> Ledger {
        let now = now
        return state.withLock { $0.ledger(at: now) }
    }

    func inject(_ faults: [Fault]) throws(InvalidFault) {
        let result = state.withLock { state -> Result<Void, InvalidFault> in
            do throws(InvalidFault) {
                try state.faults.inject(faults)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    func clearFaults() { state.withLock { $0.faults.clear() } }

    func sha256(ofJob id: String) -> String? {
        state.withLock { $0.jobs[id] }.flatMap { media.file(for: $0)?.sha256 }
    }
}
