import FeedSync
import Foundation
import Synchronization
import TestSupport
import VideoModels

/// A `FeedTransport` that answers from a list and remembers what it was asked. After the last answer it is unusable, which
/// ends whoever asks.
final class ScriptedFeed: FeedTransport {
    enum Step: Sendable {
        case answer(status: Int, headers: [String: String], pieces: [String], then: End)
        case failure(FeedClientError)
        /// Runs before the next step.
        case first(@Sendable () -> Void)
        /// No answer at all, until the request is cancelled.
        case never

        static func json(_ value: some Encodable, status: Int = 200, retryAfter: String? = nil) throws -> Step {
            var headers = ["content-type": "application/json"]
            headers["retry-after"] = retryAfter
            let text = String(decoding: try Wire.encode(value), as: UTF8.self)
            return .answer(status: status, headers: headers, pieces: [text], then: .end)
        }

        static func problem(_ status: Int, _ code: Problem.Code, retryAfter: String? = nil) throws -> Step {
            try json(Problem(status: status, code: code, title: "t"), status: status, retryAfter: retryAfter)
        }

        static func stream(_ pieces: String..., then end: End = .end) -> Step {
            .answer(status: 200, headers: ["content-type": "text/event-stream"], pieces: pieces, then: end)
        }
    }

    /// What comes behind the last piece of a body.
    enum End: Sendable {
        case end, silence
        case failure(FeedClientError)
    }

    private let state: Mutex<(steps: [Step], requests: [FeedRequest])>

    init(_ steps: [Step]) { state = Mutex((steps, [])) }
    convenience init(_ steps: Step...) { self.init(steps) }

    var requests: [FeedRequest] { state.withLock { $0.requests } }
    /// The last request got no more than nothing so far, and waits.
    var isMute: Bool { mutes.value > 0 }
    private let mutes = Locked(0)

    func send(_ request: FeedRequest) async throws(FeedClientError) -> FeedResponse {
        state.withLock { $0.requests.append(request) }
        while let step = state.withLock({ $0.steps.isEmpty ? nil : $0.steps.removeFirst() }) {
            if let response = try await answer(step) { return response }
        }
        throw .unusable("the script has ended")
    }

    private func answer(_ step: Step) async throws(FeedClientError) -> FeedResponse? {
        switch step {
        case .answer(let status, let headers, let pieces, let end):
            let body = ScriptedBody(pieces, end, mutes)
            return FeedResponse(status: status, headers: headers, body: body.body)
        case .failure(let error): throw error
        case .first(let action): action()
        case .never:
            mutes.change { $0 += 1 }
            await Signal().wait()
            mutes.change { $0 -= 1 }
            throw .unreachable("cancelled")
        }
        return nil
    }
}

private final class ScriptedBody: Sendable {
    private let pieces: Mutex<[String]>
    private let end: ScriptedFeed.End
    private let closed = Signal()
    private let mutes: Locked<Int>

    init(_ pieces: [String], _ end: ScriptedFeed.End, _ mutes: Locked<Int>) {
        self.pieces = Mutex(pieces)
        self.end = end
        self.mutes = mutes
    }

    var body: FeedBody {
        FeedBody(next: { () async throws(FeedClientError) in try await self.next() }, close: { self.closed.fire() })
    }

    private func next() async throws(FeedClientError) -> [UInt8]? {
        if let piece = pieces.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return Array(piece.utf8) }
        switch end {
        case .end: return nil
        case .failure(let error): throw error
        case .silence:
            mutes.change { $0 += 1 }
            await closed.wait()
            mutes.change { $0 -= 1 }
            return nil
        }
    }
}

/// A clock on which a short wait is over at once, and a long one when the test says so. It remembers the short ones.
final class PatienceClock: Clock {
    typealias Instant = InstantClock.Instant
    private let limit: Duration
    private let instant = InstantClock()
    private let extra = Locked(Duration.zero)
    /// One for each long wait: a signal whose waiter is cancelled is over for everybody who waits for it.
    private let gates = Locked<[Signal]>([])
    private let begun = Locked(Signal())

    /// - Parameter limit: Waits of this length are long.
    init(limit: Duration = .seconds(40)) { self.limit = limit }

    var now: Instant { instant.now.advanced(by: extra.value) }
    var minimumResolution: Duration { .zero }
    var waits: [Duration] { instant.waits }

    /// Lets time pass in which nobody waited.
    func advance(by duration: Duration) { extra.change { $0 += duration } }

    /// Returns once somebody waits long.
    func waitForLongWait() async { await begun.value.wait() }

    /// Lets the long waits end.
    func expire() {
        begun.set(Signal())
        gates.change { gates in
            for gate in gates { gate.fire() }
            gates = []
        }
    }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        guard now.duration(to: deadline) >= limit else {
            return try await instant.sleep(for: now.duration(to: deadline))
        }
        let gate = Signal()
        gates.change { $0.append(gate) }
        begun.value.fire()
        await gate.wait()
        try Task.checkCancellation()
    }
}

extension ChangePage {
    /// Jobs at sequences, each with its status.
    static func sample(
        _ jobs: [(UInt64, Int64, Job.Status)] = [], snapshot: Bool = false, cursor: String, more: Bool = false,
        from: Int64 = 0, through: Int64? = nil
    ) -> ChangePage {
        let changes = jobs.map { number, sequence, status in
            var job = Job.sample
            (job.id, job.status) = (.sample(number), .known(status))
            return Change(sequence: sequence, object: .job(job))
        }
        return ChangePage(
            isSnapshot: snapshot, changes: changes, cursor: cursor, hasMore: more, from: from,
            through: through ?? changes.map(\.sequence).max() ?? from)
    }

    /// As a stream tells it.
    var event: String {
        get throws { "event: page\nid: \(cursor)\ndata: \(String(decoding: try Wire.encode(self), as: UTF8.self))\n\n" }
    }
}
