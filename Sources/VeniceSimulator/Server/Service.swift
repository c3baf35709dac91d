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
