import Foundation
import JobStore
import TestSupport
import Testing
import VideoModels

@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct FeedStreamTests {
    @Test func `a stream begins with the snapshot and goes on with each change`() async throws {
        try await FeedServer.with { feed in
            for number in UInt64(1)...3 { try await feed.submit(number) }
            let stream = try await feed.stream("/v1/changes?limit=2")
            #expect(stream.head.status == 200)
            #expect(stream.head.headers["content-type"] == "text/event-stream")
            #expect(stream.head.headers["x-accel-buffering"] == "no")
            #expect(stream.head.headers["cache-control"]?.contains("no-store") == true)
            let retry = try #require(try await stream.next()?.retry.flatMap { Int($0) })
            #expect((2400...3000).contains(retry))
            var told: [Int64] = []
            for _ in 0..<3 {
                let event = try #require(try await stream.next("page"))
                let page = try event.page()
                #expect(page.isSnapshot && event.id == page.cursor)
                told += page.changes.map(\.sequence)
            }
            #expect(told == [5, 4, 3, 2, 1])
            await feed.waitUntil(waiters: 1)
            try await feed.submit(4)
            let page = try #require(try await stream.next("page")).page()
            #expect(!page.isSnapshot && page.from == 5 && page.changes.map(\.key.id) == ["\(JobID.sample(4))"])
        }
    }

    @Test func `a stream that was cut goes on from the last event, whatever its address says`() async throws {
        try await FeedServer.with { feed in
            let first = try await feed.stream()
            let snapshot = try #require(try await first.next("page")?.id)
            await feed.waitUntil(waiters: 1)
            try await feed.submit(1)
            let last = try #require(try await first.next("page")?.id)
            first.client.hangUp()
            try await feed.submit(2)
            let second = try await feed.stream("/v1/changes?cursor=\(snapshot)", ["Last-Event-ID: \(last)"])
            let page = try #require(try await second.next("page")).page()
            #expect(page.from == 3 && page.changes.map(\.key.id) == ["\(JobID.sample(2))"])
        }
    }

    @Test func `a stream without news says that it lives`() async throws {
        try await FeedServer.with {
            $0.feedHeartbeat = 0.05
        } _: { feed in
            let stream = try await feed.stream()
            _ = try await stream.next("page")
            for _ in 0..<3 { #expect(try await stream.next()?.comment == "heartbeat") }
            try await feed.submit(1)
            #expect(try await stream.next("page")?.page().changes.count == 1)
        }
    }

    @Test func `a stream's life is bounded, and it ends with its place`() async throws {
        try await FeedServer.with {
            $0.feedStreamLifetime = 0.05
        } _: { feed in
            let stream = try await feed.stream()
            let cursor = try #require(try await stream.next("page")?.id)
            let close = try #require(try await stream.next("close"))
            #expect(close.id == cursor && close.data == #"{"reason":"lifetime"}"#)
            #expect(try await stream.next() == nil)
        }
    }

    @Test func `a server that stops ends streams with their place`() async throws {
        try await FeedServer.with { feed in
            let stream = try await feed.stream()
            let cursor = try #require(try await stream.next("page")?.id)
            await feed.waitUntil(waiters: 1)
            async let stopped: Void = Servers(api: feed.server, ops: feed.server)
                .stop(feed.parts.hub, grace: .seconds(3600))
            let close = try #require(try await stream.next("close"))
            #expect(close.id == cursor && close.data == #"{"reason":"draining"}"#)
            #expect(try await stream.next() == nil)
            stream.client.hangUp()
            await stopped
        }
    }

    @Test func `a device that loses its access loses its stream and its wait`() async throws {
        try await FeedServer.with {
            $0.feedWaitLimit = 3600
        } _: { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            let stream = try await feed.stream()
            let waiting = try feed.client()
            try await waiting.send(feed.get("/v1/changes?wait=3600&cursor=\(cursor)"))
            await feed.waitUntil(waiters: 2)
            _ = try await feed.database.store.revokeToken(device: .sample())
            #expect(try await stream.next("close")?.data == #"{"reason":"revoked"}"#)
            #expect(try await waiting.response().status == 401)
        }
    }

    @Test func `a stream that outlasts its token says so and where to go on, once that is found`() async throws {
        try await FeedServer.with { feed in
            let stream = try await feed.stream()
            let cursor = try #require(try await stream.next("page")?.id)
            await feed.waitUntil(waiters: 1)
            try await feed.database.sql("update devices set expires_at = now() - interval '1 second'")
            await feed.parts.devices.check()
            let close = try #require(try await stream.next("close"))
            #expect(close.id == cursor && close.data == #"{"reason":"expired"}"#)
            #expect(try await stream.next() == nil)
        }
    }

    @Test func `a new epoch ends a stream that waits, with a problem that says how to go on`() async throws {
        try await FeedServer.with {
            $0.feedPollInterval = 0.05
        } _: { feed in
            let stream = try await feed.stream()
            _ = try await stream.next("page")
            await feed.waitUntil(waiters: 1)
            _ = try await feed.database.store.newEpoch()
            let event = try #require(try await stream.next("problem"))
            let problem = try Wire.decode(Problem.self, from: Data((event.data ?? "").utf8))
            #expect(problem.status == 410 && problem.code == .known(.cursorExpired) && event.id == nil)
            #expect(try await stream.next() == nil)
        }
    }

    @Test func `a client that reads nothing holds one page and is cut, and the server goes on`() async throws {
        var limits = HTTPServerLimits.patient
        limits.writeProgress = .milliseconds(200)
        try await FeedServer.with(limits: limits) {
            $0.feedPageBytes = 400_000
        } _: { feed in
            let jobs = (1...60).map { number in
                var request = VideoRequest.sample
                request.prompt = String(repeating: "x", count: 350_000)
                return NewJob(
                    JobSubmission(request: request), id: .sample(UInt64(number)), user: feed.user, account: "main")
            }
            for outcome in await feed.database.store.submit(jobs) { _ = try outcome.get() }
            let client = try feed.client(receiveBuffer: 4096)
            try await client.send(feed.get("/v1/changes", ["Accept: text/event-stream"]))
            while feed.parts.hub.waiters == 0 { await Task.yield() }
            // Cut by the limit of a write: nobody waits any more, though the client never left.
            while feed.parts.hub.waiters > 0 { await Task.yield() }
            #expect(try await feed.ask("/v1/changes/digest").status == 200)
            client.hangUp()
        }
    }

    @Test func `what the feed comes as is negotiated`() async throws {
        try await FeedServer.with { feed in
            for (accept, type) in [
                ("*/*", "application/json"), ("application/json", "application/json"),
                ("text/event-stream, */*;q=0.1", "text/event-stream"), ("text/*", "text/event-stream"),
                ("application/json;q=0.2, text/event-stream;q=0.1", "application/json"),
            ] {
                let client = try feed.client()
                try await client.send(feed.get("/v1/changes", ["Accept: \(accept)"]))
                #expect(try await client.head().headers["content-type"] == type, "\(accept)")
                client.hangUp()
            }
            let refused = try await feed.ask("/v1/changes", ["Accept: text/html"])
            #expect(refused.status == 406)
            #expect(try refused.problem().code == .known(.notAcceptable))
            let confused = try await feed.ask("/v1/changes?wait=5", ["Accept: text/event-stream"])
            #expect(confused.status == 400)
        }
    }
}

@Suite struct NegotiationTests {
    private let offers = ["application/json", "text/event-stream"]

    @Test(
        arguments: [
            (nil, "application/json"), ("text/event-stream", "text/event-stream"), ("*/*", "application/json"),
            ("application/*, text/event-stream", "text/event-stream"), ("text/event-stream;q=0", nil),
            ("image/png", nil),
            ("text/event-stream, application/json", "text/event-stream"),
            ("application/json, text/event-stream", "application/json"),
            ("TEXT/Event-Stream ; q=1.0", "text/event-stream"),
            ("*/*, application/json;q=0", "text/event-stream"),
            ("garbage, text/event-stream;q=2, */*", "application/json"),
            ("", "application/json"),
        ] as [(String?, String?)])
    func `the best offer is chosen`(accept: String?, best: String?) {
        var headers = APIHeaders()
        if let accept { headers.add("Accept", accept) }
        #expect(AcceptedTypes(headers).best(of: offers) == best)
    }

    @Test(arguments: [
        ("gzip", true), ("gzip;q=0", false), ("*", true), ("*;q=0", false), ("*;q=0, gzip", true), ("br", false),
        ("identity, gzip;q=0.5", false), ("identity;q=0.1, gzip;q=0.5", true), ("gzip;q=high", false), ("GZip", true),
    ])
    func `gzip is for those who like it`(accept: String, takes: Bool) {
        #expect(ContentCoding.takesGzip(["Accept-Encoding": accept]) == takes)
    }
}
