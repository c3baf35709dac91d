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
            return (ticket, state.faults.earlyAction(ticket))
        }
    }

    /// A call that ended before its request was whole, or a connection that was cut: no answer.
    func countUnanswered(_ endpoint: Endpoint) { state.withLock { $0.count(endpoint, status: 0) } }

    func answer(_ request: APIRequest, _ ticket: FaultPlan.Ticket) -> Answer {
        if request.path.hasPrefix("/_simulator/") { return administer(request) }
        let parsed = Parsed(request)
        let action = state.withLock { $0.faults.action(ticket, model: parsed.json?["model"]?.string) }
        var answer: Answer
        if let action, action.preventsProcessing {
            answer = replacement(for: action)
            answer.countsAsFailure = false
            let now = now
            state.withLock { $0.close(ticket.endpoint, .none, &answer, at: now) }
        } else {
            answer = process(request, parsed, ticket.endpoint, action)
            let slot = answer.slot
            if let action { spoil(&answer, with: action) }
            answer.slot = slot
        }
        let silent = answer.delivery == .lost || answer.delivery == .never
        let status = silent ? 0 : answer.status
        state.withLock { $0.count(ticket.endpoint, status: status) }
        return answer
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
        var slot: String?
        if case .wallet(let caller) = credential, takeSlot(caller) { slot = caller.user }
        let now = now
        let balance = state.withLock { $0.account(credential.bucket).balance }
        let refusal = signInRefusal == nil ? state.withLock { $0.admit(endpoint, credential, at: now) } : nil
        var answer =
            signInRefusal ?? crowdRefusal(credential, slot) ?? refusal ?? paymentRefusal(request, endpoint)
            ?? bodyRefusal(request, parsed, endpoint) ?? walletRefusal(credential, endpoint)
            ?? route(request, parsed, endpoint, credential, action)
        answer.slot = slot
        state.withLock { $0.close(endpoint, credential, &answer, at: now) }
        if case .user = credential, endpoint != .download, endpoint != .downloadDelete {
            answer.setHeader("x-venice-balance-usd", String(format: "%.2f", balance.dollars))
        }
        return answer
    }

    private func bodyRefusal(_ request: APIRequest, _ parsed: Parsed, _ endpoint: Endpoint) -> Answer? {
        guard [.quote, .queue, .retrieve, .complete].contains(endpoint) else { return nil }
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
        _ request: APIRequest, _ parsed: Parsed, _ endpoint: Endpoint, _ credential: Credential,
        _ action: Fault.Action?
    ) -> Answer {
        let body = parsed.json ?? .null
        return switch (endpoint, credential.asUser) {
        case (.models, _): models(request)
        case (.quote, _): quote(body, credential)
        case (.queue, .user(let user)): queue(body, request.body, user, action)
        case (.retrieve, .user(let user)): retrieve(body, user, action)
        case (.complete, .user(let user)): complete(body, user)
        case (.rateLimits, .user(let user)): rateLimits(user)
        case (.usageHistory, _): .error(401, "Admin API key required")
        case (.transcriptions, _): Self.transcriptionsGone
        case (.walletBalance, _): walletBalance(request, credential)
        case (.walletTransactions, _): walletTransactions(request, credential)
        case (.topUp, _): topUp(request)
        case (.download, _): download(request)
        case (.downloadDelete, _): revoke(request)
        case (.queue, _), (.retrieve, _), (.complete, _), (.rateLimits, _): .error(401, "Authentication failed")
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
