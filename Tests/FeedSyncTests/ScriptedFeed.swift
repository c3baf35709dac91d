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

    func send(_ request: FeedRequest) async throws(FeedClientError) -> FeedResponse {
        state.withLock { $0.requests.append(request) }
        while let step = state.withLock({ $0.steps.isEmpty ? nil : $0.steps.removeFirst() }) {
            switch step {
            case .answer(let status, let headers, let pieces, let end):
                return FeedResponse(status: status, headers: headers, body: ScriptedBody(pieces, end).body)
            case .failure(let error): throw error
            case .first(let action): action()
            }
        }
        throw .unusable("the script has ended")
    }
}

private final class ScriptedBody: Sendable {
    private let pieces: Mutex<[String]>
    private let end: ScriptedFeed.End
    private let closed = Signal()

    init(_ pieces: [String], _ end: ScriptedFeed.End) {
        self.pieces = Mutex(pieces)
        self.end = end
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
            await closed.wait()
            return nil
        }
    }
}

/// A clock on which a short wait is over at once, and a long one when the test says so. It remembers the short ones.
final class PatienceClock: Clock {
    typealias Instant = InstantClock.Instant
    private let limit: Duration
    private let instant = InstantClock()
    private let gate = Locked(Signal())
    private let begun = Locked(Signal())

    /// - Parameter limit: Waits of this length are long.
    init(limit: Duration = .seconds(40)) { self.limit = limit }

    var now: Instant { instant.now }
    var minimumResolution: Duration { .zero }
    var waits: [Duration] { instant.waits }

    /// Returns once somebody waits long.
    func waitForLongWait() async { await begun.value.wait() }

    /// Lets the long waits end.
    func expire() {
        let signal = gate.value
        gate.set(Signal())
        begun.set(Signal())
        signal.fire()
    }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        guard now.duration(to: deadline) >= limit else {
            return try await instant.sleep(until: deadline, tolerance: tolerance)
        }
        let signal = gate.value
        begun.value.fire()
        await signal.wait()
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
