import Foundation
import HTTPTransport
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import SyncService

struct FeedFollowerTests {
    private func page(
        _ statuses: [(UInt64, Int64, Job.Status)], snapshot: Bool = false, cursor: String, more: Bool = false
    ) throws -> ScriptedHTTPClient.Step {
        let changes = statuses.map { number, sequence, status in
            Change(sequence: sequence, object: .job(Self.job(number, status)))
        }
        let page = ChangePage(
            isSnapshot: snapshot, changes: changes, cursor: cursor, hasMore: more, from: 0, through: 9)
        return .json(String(decoding: try Wire.encode(page), as: UTF8.self))
    }

    private static func job(_ number: UInt64, _ status: Job.Status) -> Job {
        Job(
            id: .sample(number), status: .known(status), request: VideoRequest(model: "m"), createdAt: .sample,
            updatedAt: .sample)
    }

    private func problem(_ status: Int, _ code: Problem.Code) throws -> ScriptedHTTPClient.Step {
        let problem = Problem(status: status, code: code, title: "t")
        return .json(String(decoding: try Wire.encode(problem), as: UTF8.self), status: status)
    }

    private func follower(_ http: ScriptedHTTPClient, clock: RecordingClock = RecordingClock()) throws -> FeedFollower {
        let client = try PhoneClient(server: "http://127.0.0.1:8080", token: Redacted("t"), http: http)
        return FeedFollower(client, wait: 20, clock: clock)
    }

    @Test func `it catches up without waiting and then waits for changes`() async throws {
        let http = ScriptedHTTPClient(
            try page([(2, 2, .waiting)], snapshot: true, cursor: "s1", more: true),
            try page([(1, 1, .ready)], snapshot: true, cursor: "c2"), try page([(2, 3, .ready)], cursor: "c3"),
            try page([], cursor: "c3"))
        var follower = try follower(http)
        for _ in 1...4 { _ = try await follower.next() }
        #expect(follower.copy.jobs.values.map(\.status) == [.known(.ready), .known(.ready)])
        #expect(follower.cursor == "c3")
        let queries = http.requests.map { $0.url.split(separator: "?").last.map(String.init) }
        // A snapshot stands at its first page's moment, so what came since is asked for at once.
        #expect(queries == ["wait=0", "cursor=s1&wait=0", "cursor=c2&wait=0", "cursor=c3&wait=20"])
    }

    @Test func `passing trouble is told, waited out with growing pauses, and nothing is lost`() async throws {
        let http = ScriptedHTTPClient(
            try page([(1, 1, .waiting)], snapshot: true, cursor: "c1"), .failure(HTTPClientError(.unreachable)),
            try problem(503, .unavailable), .failure(HTTPClientError(.interrupted, sent: .maybe)),
            try page([(1, 2, .ready)], cursor: "c2"))
        let clock = RecordingClock()
        var follower = try follower(http, clock: clock)
        _ = try await follower.next()
        var told = 0
        _ = try await follower.next { _, _ in told += 1 }
        #expect(told == 3)
        #expect(clock.sleeps == [.milliseconds(500), .seconds(1), .seconds(2)])
        #expect(follower.copy.jobs.values.map(\.status) == [.known(.ready)])
        #expect(http.requests.dropFirst().allSatisfy { $0.url.contains("cursor=c1") })
    }

    @Test func `an expired cursor starts over and keeps the copy until the snapshot is complete`() async throws {
        let http = ScriptedHTTPClient(
            try page([(1, 1, .ready), (2, 2, .ready)], snapshot: true, cursor: "c2"),
            try problem(410, .cursorExpired), try page([(2, 1, .ready)], snapshot: true, cursor: "n1"))
        var follower = try follower(http)
        _ = try await follower.next()
        #expect(follower.copy.jobs.count == 2)
        _ = try await follower.next()
        #expect(follower.copy.jobs.keys.map(\.self) == [.sample(2)])
        #expect(http.requests.last?.url.contains("cursor=") == false)
    }

    @Test func `what will not pass is thrown at once`() async throws {
        let clock = RecordingClock()
        var follower = try follower(ScriptedHTTPClient(try problem(401, .unauthenticated)), clock: clock)
        await #expect(throws: PhoneClientError.self) { _ = try await follower.next() }
        #expect(clock.sleeps.isEmpty)
    }
}

/// A clock on which every sleep is over at once, and remembered.
private final class RecordingClock: Clock {
    typealias Instant = ContinuousClock.Instant
    private let state = Mutex((now: ContinuousClock.now, sleeps: [Duration]()))

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .nanoseconds(1) }
    var sleeps: [Duration] { state.withLock { $0.sleeps } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        state.withLock { state in
            state.sleeps.append(state.now.duration(to: deadline))
            state.now = deadline
        }
    }
}
