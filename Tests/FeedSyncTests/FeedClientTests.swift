import Foundation
import TestSupport
import Testing
import VideoModels

@testable import FeedSync

@Suite(.timeLimit(.minutes(10))) struct FeedClientTests {
    private typealias Step = ScriptedFeed.Step

    /// Job 1 waits at sequence 1, job 2 at 2, and that is all.
    private func start() throws -> [Step] {
        [
            try .json(
                ChangePage.sample([(2, 2, .waiting), (1, 1, .waiting)], snapshot: true, cursor: "c2", through: 2)),
            try .json(ChangePage.sample(cursor: "c2", from: 2)),
        ]
    }

    private func client(
        _ feed: ScriptedFeed, clock: some Clock<Duration> = PatienceClock(), listens: Bool = true, seed: UInt64 = 1
    ) -> FeedClient<MemoryChangeStore> {
        FeedClient(
            feed, copy: MemoryChangeStore(), options: .init(wait: 20, listens: listens), clock: clock,
            generator: SeededGenerator(seed))
    }

    private func ready(_ sequence: Int64, from: Int64) -> ChangePage {
        .sample([(1, sequence, .ready)], cursor: "c\(sequence)", from: from)
    }

    @Test func `it reads the snapshot and what changed meanwhile as pages, and then listens`() async throws {
        let feed = ScriptedFeed(
            try .json(ChangePage.sample([(2, 2, .waiting)], snapshot: true, cursor: "s2-2", more: true)),
            try .json(ChangePage.sample([(1, 1, .waiting)], snapshot: true, cursor: "c2", through: 2)),
            try .json(ChangePage.sample([(2, 3, .ready)], cursor: "c3", from: 2)),
            .stream("retry: 100\n\n: heart", "beat\n\n", try ready(4, from: 3).event, try ready(5, from: 4).event))
        var client = client(feed)
        #expect(client.isCatchingUp)
        for _ in 1...3 { _ = try await client.next() }
        #expect(!client.isCatchingUp)
        var notices: [FeedNotice] = []
        for sequence in Int64(4)...5 {
            let page = try await client.next { notices.append($0) }
            #expect(page.through == sequence && client.cursor == "c\(sequence)")
        }
        #expect(client.copy.jobs.values.allSatisfy { $0.status == .known(.ready) })
        #expect(notices == [.listening])
        #expect(
            feed.requests.map(\.query) == [
                ["wait": "0"], ["wait": "0", "cursor": "s2-2"], ["wait": "0", "cursor": "c2"], ["cursor": "c3"],
            ])
        #expect(feed.requests.last?.headers == ["accept": "text/event-stream", "last-event-id": "c3"])
        #expect(feed.requests.map(\.isStream) == [false, false, false, true])
    }

    @Test(arguments: ["json", "406", "html"]) func `where streams do not come through it polls`(kind: String)
        async throws
    {
        let answer: Step =
            switch kind {
            case "json": try .json(ChangePage.sample(cursor: "c2", from: 2))
            case "406": try .problem(406, .notAcceptable)
            default: .answer(status: 200, headers: ["content-type": "text/html"], pieces: ["<p>"], then: .end)
            }
        let feed = ScriptedFeed(
            try start() + [answer, try .json(ready(3, from: 2)), try .json(ChangePage.sample(cursor: "c3", from: 3))])
        var client = client(feed)
        var notices: [FeedNotice] = []
        for _ in 1...(kind == "json" ? 5 : 4) { _ = try await client.next { notices.append($0) } }
        #expect(notices == [.polling])
        #expect(client.copy.jobs[.sample(1)]?.status == .known(.ready))
        #expect(feed.requests.last?.query["wait"] == "20")
        #expect(feed.requests.last?.patience == .seconds(20))
        #expect(feed.requests.filter(\.isStream).count == 1)
    }

    @Test func `a stream that breaks is opened again after the last page, soon at first`() async throws {
        let feed = ScriptedFeed(
            try start() + [
                .stream(try ready(3, from: 2).event, "event: page\nda"),
                .stream(then: .failure(.unreachable("reset"))), .failure(.unreachable("no connection")),
                .stream(try ready(4, from: 3).event, then: .silence),
            ])
        let clock = PatienceClock()
        var client = client(feed, clock: clock)
        var pauses: [Duration] = []
        for _ in 1...4 {
            _ = try await client.next { if case .trouble(_, let pause) = $0 { pauses.append(pause) } }
        }
        #expect(client.cursor == "c4")
        #expect(pauses.count == 3 && clock.waits == pauses)
        for (pause, limit) in zip(pauses, [500, 1000, 2000]) { #expect(pause <= .milliseconds(limit)) }
        #expect(feed.requests.suffix(3).map { $0.headers["last-event-id"] } == ["c3", "c3", "c3"])
    }

    @Test func `a planned close is followed by a new stream, soon at first and later where that brings nothing`()
        async throws
    {
        func close(_ reason: String) -> String { "event: close\nid: c3\ndata: {\"reason\":\"\(reason)\"}\n\n" }
        let feed = ScriptedFeed(
            try start() + [
                .stream(try ready(3, from: 2).event, close("draining")), .stream(close("lifetime")),
                .stream(try ChangePage.sample(cursor: "c3", from: 3).event, close("lifetime")),
                .stream(try ready(4, from: 3).event, then: .silence),
            ])
        let clock = PatienceClock()
        var client = client(feed, clock: clock)
        var reasons: [String] = []
        for _ in 1...5 { _ = try await client.next { if case .closed(let reason) = $0 { reasons.append(reason) } } }
        #expect(reasons == ["draining", "lifetime", "lifetime"])
        #expect(clock.waits.count == 3 && client.cursor == "c4")
        for (pause, limit) in zip(clock.waits, [500, 1000, 2000]) { #expect(pause <= .milliseconds(limit)) }
    }

    @Test func `phones that are sent away together come back one by one, within what the server asked for`()
        async throws
    {
        var pauses: Set<Duration> = []
        for seed in UInt64(1)...30 {
            let feed = ScriptedFeed(
                try start() + [
                    .stream(
                        "retry: 8000\n\n", try ready(3, from: 2).event, "event: close\ndata: {\"reason\":\"x\"}\n\n"),
                    .stream(try ready(4, from: 3).event),
                ])
            let clock = PatienceClock()
            var client = client(feed, clock: clock, seed: seed)
            for _ in 1...4 { _ = try await client.next() }
            #expect(clock.waits.count == 1)
            pauses.formUnion(clock.waits)
        }
        #expect(pauses.count == 30 && pauses.allSatisfy { $0 <= .seconds(8) })
        #expect(pauses.contains { $0 < .seconds(2) } && pauses.contains { $0 > .seconds(6) })
    }

    @Test func `a server that ends every stream is asked less and less, until one has lasted`() async throws {
        let clock = PatienceClock()
        let close = "event: close\ndata: {\"reason\":\"draining\"}\n\n"
        let empty = try ChangePage.sample(cursor: "c2", from: 2).event
        let feed = ScriptedFeed(
            try start() + (1...13).map { _ in .stream(empty, close) } + [.stream(empty, then: .silence)])
        var client = client(feed, clock: clock)
        for _ in 1...14 { _ = try await client.next() }
        let before = clock.waits
        #expect(before.count == 11 && before.suffix(6).contains { $0 > .seconds(5) })
        _ = try await client.next()
        clock.advance(by: .seconds(31))
        _ = try await client.next()
        #expect(clock.waits.count == 13 && clock.waits[12] <= .milliseconds(500))
    }

    @Test func `a stream without a heartbeat is given up, one with heartbeats is not`() async throws {
        let feed = ScriptedFeed(
            try start() + [
                .stream(": heartbeat\n\n", ": heartbeat\n\n", then: .silence)
            ]
                // The clock may strike once more for the next one.
                + (1...20).map { _ in try Step.stream(ready(3, from: 2).event, then: .silence) })
        let clock = PatienceClock()
        let notices = Locked<[FeedNotice]>([])
        let following = Task {
            var client = client(feed, clock: clock)
            for _ in 1...3 { _ = try await client.next { notice in notices.change { $0.append(notice) } } }
            return client.cursor
        }
        while !feed.isMute { await Task.yield() }
        while feed.requests.count == 3 {
            clock.expire()
            await Task.yield()
        }
        #expect(try await following.value == "c3")
        guard case .trouble(.unreachable(let why), _)? = notices.value.dropFirst().first else {
            Issue.record("\(notices.value)")
            return
        }
        #expect(why.contains("silent"))
    }

    @Test func `an expired cursor starts over, and the copy stays until all is there`() async throws {
        for expired in try [
            Step.problem(410, .cursorExpired), .problem(410, .cursorAhead),
            .stream(
                "event: problem\ndata: {\"type\":\"t\",\"title\":\"t\",\"status\":410,\"code\":\"cursor_expired\"}\n\n"),
        ] {
            let feed = ScriptedFeed(
                try start() + [
                    expired, try .json(ChangePage.sample([(2, 1, .ready)], snapshot: true, cursor: "n1", through: 1)),
                    try .json(ChangePage.sample(cursor: "n1", from: 1)),
                ])
            let clock = PatienceClock()
            var client = client(feed, clock: clock)
            var notices: [FeedNotice] = []
            for _ in 1...3 { _ = try await client.next { notices.append($0) } }
            #expect(notices.contains(.startingOver) && clock.waits.isEmpty)
            #expect(client.copy.jobs.count == 2 && client.isCatchingUp)
            _ = try await client.next()
            #expect(client.copy.jobs.keys == [.sample(2)])
            #expect(feed.requests.suffix(2).map { $0.query["cursor"] } == [nil, "n1"])
        }
    }

    @Test func `a server whose cursors all expire is not asked in a tight loop`() async throws {
        let snapshot = try Step.json(ChangePage.sample(snapshot: true, cursor: "c0"))
        let feed = ScriptedFeed(
            try (1...6).flatMap { _ in [snapshot, try Step.problem(410, .cursorExpired)] })
        let clock = PatienceClock()
        var client = client(feed, clock: clock)
        await #expect(throws: FeedClientError.unusable("the script has ended")) {
            while true { _ = try await client.next() }
        }
        #expect(clock.waits.count == 5)
    }

    @Test func `a server that does not hold its answers back is not polled in a tight loop`() async throws {
        let none = try Step.json(ChangePage.sample(cursor: "c2", from: 2))
        let clock = PatienceClock()
        var client = client(ScriptedFeed(try start() + [none, none, none, none]), clock: clock, listens: false)
        for _ in 1...6 { _ = try await client.next() }
        #expect(clock.waits.count == 3)
        for (pause, limit) in zip(clock.waits, [1, 2, 4]) { #expect(pause <= .seconds(limit)) }
    }

    @Test func `a stream whose head does not come is given up like one that is silent`() async throws {
        let feed = ScriptedFeed(
            try start() + [.never, .stream(try ready(3, from: 2).event, then: .silence)])
        let clock = PatienceClock()
        let notices = Locked<[FeedNotice]>([])
        let following = Task {
            var client = client(feed, clock: clock)
            for _ in 1...3 { _ = try await client.next { notice in notices.change { $0.append(notice) } } }
            return client.cursor
        }
        await clock.waitForLongWait()
        clock.expire()
        #expect(try await following.value == "c3")
        guard case .trouble(.unreachable, _)? = notices.value.first else {
            Issue.record("\(notices.value)")
            return
        }
    }

    /// Something on the way keeps the bytes of streams back: their heads, or what comes behind.
    @Test(arguments: [true, false]) func `where streams stay mute it polls, and tries one again after some minutes`(
        headComes: Bool
    ) async throws {
        let mute: Step = headComes ? .stream("retry: 100\n\n", then: .silence) : .never
        let none = try Step.json(ChangePage.sample(cursor: "c4", from: 4))
        let feed = ScriptedFeed(
            try start() + [mute, mute, .json(ready(3, from: 2)), .json(ready(4, from: 3))]
                + (1...3).map { _ in none } + [mute, none, .stream(try ready(5, from: 4).event, then: .silence)])
        let clock = PatienceClock()
        let notices = Locked<[FeedNotice]>([])
        var client = client(feed, clock: clock)
        try await client.catchUp()
        let striking = Task {
            while !Task.isCancelled {
                if feed.isMute { clock.expire() }
                await Task.yield()
            }
        }
        defer { striking.cancel() }
        for _ in 1...5 { _ = try await client.next { notice in notices.change { $0.append(notice) } } }
        #expect(notices.value.filter { $0 == .polling }.count == 1)
        #expect(feed.requests.dropFirst(2).map(\.isStream) == [true, true, false, false, false, false, false])
        clock.advance(by: .seconds(601))
        _ = try await client.next { notice in notices.change { $0.append(notice) } }
        #expect(notices.value.filter { $0 == .polling }.count == 2)
        clock.advance(by: .seconds(601))
        _ = try await client.next()
        #expect(feed.requests.dropFirst(9).map(\.isStream) == [true, false, true] && client.cursor == "c5")
    }

    @Test func `after the page of a captive portal it polls, and listens again later`() async throws {
        let portal = Step.answer(status: 200, headers: ["content-type": "text/html"], pieces: ["<p>"], then: .end)
        let feed = ScriptedFeed(
            try start() + [portal, .json(ready(3, from: 2)), .stream(try ready(4, from: 3).event, then: .silence)])
        let clock = PatienceClock()
        var client = client(feed, clock: clock)
        for _ in 1...3 { _ = try await client.next() }
        #expect(client.cursor == "c3")
        clock.advance(by: .seconds(601))
        _ = try await client.next()
        #expect(client.cursor == "c4" && feed.requests.last?.isStream == true)
    }

    @Test func `an answer that makes no sense is asked for again, five times in a row at most`() async throws {
        let html = Step.answer(status: 200, headers: ["content-type": "text/html"], pieces: ["<html>"], then: .end)
        let cut = Step.answer(
            status: 200, headers: ["content-type": "application/json"], pieces: ["{\"changes\":["], then: .end)
        let clock = PatienceClock()
        var client = client(ScriptedFeed(try [html, cut, html, cut] + start() + [html]), clock: clock, listens: false)
        try await client.catchUp()
        #expect(client.copy.jobs.count == 2 && clock.waits.count == 4)
        var lost = self.client(ScriptedFeed([html, cut, html, cut, html]), clock: clock)
        let error = await #expect(throws: FeedClientError.self) { _ = try await lost.next() }
        guard case .unexpected? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(clock.waits.count == 8)
    }

    @Test func `an object that cannot be read does not keep the others away, and comes when it can be`() async throws {
        let page = ChangePage.sample([(2, 2, .waiting), (1, 1, .waiting)], snapshot: true, cursor: "c2", through: 2)
        let text = String(decoding: try Wire.encode(page), as: UTF8.self)
            .replacing(
                "\"id\":\"\(JobID.sample(1))\",\"request\":{",
                with: "\"id\":\"\(JobID.sample(1))\",\"request\":7,\"x\":{")
        let answer = Step.answer(
            status: 200, headers: ["content-type": "application/json"], pieces: [text], then: .end)
        var client = client(ScriptedFeed(try [answer, start()[1], .stream(ready(3, from: 2).event, then: .silence)]))
        try await client.catchUp()
        #expect(client.copy.jobs.keys == [.sample(2)] && client.copy.jobs.count == 1)
        #expect(Set(client.copy.versions().map(\.sequence)) == [1, 2])
        _ = try await client.next()
        #expect(Set(client.copy.jobs.keys) == [.sample(1), .sample(2)])
    }

    @Test func `a page that does not follow on the copy starts over`() async throws {
        let feed = ScriptedFeed(
            try start() + [
                .stream(try ready(9, from: 5).event, then: .silence),
                try .json(ChangePage.sample([(1, 9, .ready)], snapshot: true, cursor: "c9")),
                try .json(ChangePage.sample(cursor: "c9", from: 9)),
            ])
        var client = client(feed)
        for _ in 1...4 { _ = try await client.next() }
        #expect(client.copy.jobs.keys == [.sample(1)] && client.cursor == "c9")
    }

    @Test(arguments: [
        (401, Problem.Code.unauthenticated), (400, .cursorForeign), (400, .cursorMalformed), (404, .notFound),
    ])
    func `what will not pass is thrown at once, from a poll and from a stream`(status: Int, code: Problem.Code)
        async throws
    {
        let problem = Problem(status: status, code: code, title: "t")
        let event = "event: problem\ndata: \(String(decoding: try Wire.encode(problem), as: UTF8.self))\n\n"
        for steps in try [[.problem(status, code)], start() + [.problem(status, code)], start() + [.stream(event)]] {
            let clock = PatienceClock()
            var client = client(ScriptedFeed(steps), clock: clock)
            await #expect(throws: FeedClientError.problem(problem, retryAfter: nil)) {
                while true { _ = try await client.next() }
            }
            #expect(clock.waits.isEmpty)
        }
    }

    @Test(arguments: ["data: {}\nevent: page\n\n", "data: x\nevent: close\n\n", "event: problem\ndata: []\n\n"])
    func `an event that cannot be read is an error, and one of a later kind is passed over`(event: String) async throws
    {
        let stream = Step.stream("event: later\ndata: x\n\n", event, then: .silence)
        let feed = ScriptedFeed(try start() + (1...5).map { _ in stream })
        var client = client(feed)
        for _ in 1...2 { _ = try await client.next() }
        let error = await #expect(throws: FeedClientError.self) { _ = try await client.next() }
        guard case .unexpected? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(feed.requests.count == 7)
    }

    @Test func `it waits as long as the server says, and the waits are spread`() async throws {
        var lengths: Set<Duration> = []
        for seed in UInt64(1)...20 {
            let feed = ScriptedFeed(
                try .problem(429, .tooManyRequests, retryAfter: "7"), try .problem(503, .unavailable, retryAfter: "-3"),
                .answer(status: 502, headers: ["retry-after": "x"], pieces: ["<html>"], then: .end),
                try .problem(503, .unavailable, retryAfter: "999999"),
                try .json(ChangePage.sample(snapshot: true, cursor: "c0")))
            let clock = PatienceClock(limit: .seconds(1000))
            var client = client(feed, clock: clock, seed: seed)
            _ = try await client.next()
            let waits = clock.waits
            #expect(waits.count == 4)
            #expect(waits[0] >= .seconds(7) && waits[0] <= .seconds(7.5))
            #expect(waits[1] <= .seconds(1) && waits[2] <= .seconds(2))
            #expect(waits[3] >= .seconds(300) && waits[3] <= .seconds(304))
            lengths.formUnion(waits)
        }
        #expect(lengths.count == 80)
    }

    @Test func `a stream that asks for longer pauses gets them`() async throws {
        let steps = try start() + [.stream("retry: 20000\n\n")] + (1...6).map { _ in Step.failure(.unreachable("x")) }
        let clock = PatienceClock()
        var client = client(ScriptedFeed(steps), clock: clock)
        await #expect(throws: FeedClientError.self) { while true { _ = try await client.next() } }
        // Seven draws below bounds of 20 and 30 seconds; below 500 ms they would all be one time in 10¹¹.
        #expect(clock.waits.contains { $0 > .milliseconds(500) })
        #expect(clock.waits.allSatisfy { $0 <= .seconds(30) })
    }

    @Test func `a copy that cannot be written is told, and the page is asked for again`() async throws {
        let disk = CrashingDisk(seed: 4)
        let feed = ScriptedFeed(try start() + start())
        var client = FeedClient(
            feed, copy: try FileChangeStore(named: "f", on: disk), options: .init(listens: false),
            clock: PatienceClock())
        disk.stepsUntilFailure = 0
        await #expect(throws: ChangeFileError.self) { _ = try await client.next() }
        #expect(client.cursor == nil)
        await #expect(throws: FeedClientError.self) { _ = try await client.next() }
        try await client.catchUp()
        #expect(client.copy.contents.jobs.count == 2)
    }

    @Test func `a cancelled wait ends at once, and it goes on afterwards`() async throws {
        let feed = ScriptedFeed(try start() + [.stream(then: .silence), .stream(try ready(3, from: 2).event)])
        var client = client(feed)
        try await client.catchUp()
        let waiting = Task { [client] in
            var client = client
            _ = try await client.next()
        }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test(arguments: 0..<UInt64(20)) func `a copy is proven, and what differs is named and repaired`(seed: UInt64)
        async throws
    {
        var generator = SeededGenerator(seed)
        var model = FeedModel()
        for _ in 0..<300 { model.step(using: &generator) }
        for number in 100..<UInt64(180) {
            var job = Job.sample
            job.id = .sample(number)
            model.write(.job(job))
        }
        let server = ModelFeed()
        server.model.set(model)
        var client = FeedClient(server)
        let proof = try await client.check()
        #expect(proof.differences.isEmpty && proof.questions == 1)
        #expect(proof.count == server.model.value.living.count && proof.sequence == server.model.value.last)
        #expect(server.waitedFor.value == ["\(proof.sequence)"])

        // The server loses one object without a word, as no server should.
        let lost = model.living.sorted { $0.sequence < $1.sequence }.randomElement(using: &generator)
        server.hidden.set(try #require(lost).key)
        let wrong = try await client.check()
        #expect(wrong.differences.map(\.id) == [server.hidden.value?.id])
        #expect(wrong.differences.first?.there == nil && wrong.differences.first?.here != nil)
        server.hidden.set(nil)
        try client.resynchronise()
        #expect(try await client.check().differences.isEmpty)
    }

    @Test func `a comparison that the server overtakes is made anew`() async throws {
        let server = ModelFeed()
        server.movesAtDigest.set(3)
        var client = FeedClient(server)
        let proof = try await client.check()
        #expect(proof.differences.isEmpty && proof.sequence == 3 && proof.count == 1)
        server.movesAtDigest.set(.max)
        await #expect(throws: FeedClientError.unexpected("the feed moves on faster than it can be compared")) {
            _ = try await client.check()
        }
    }
}

/// A server made of a model: pages and digests, no streams.
private final class ModelFeed: FeedTransport {
    let model = Locked(FeedModel())
    /// An object that the digest leaves out.
    let hidden = Locked<Change.ObjectKey?>(nil)
    /// What the digests were asked to wait for.
    let waitedFor = Locked<[String?]>([])
    /// How often something changes just before the digest is read.
    let movesAtDigest = Locked(0)

    func send(_ request: FeedRequest) async throws(FeedClientError) -> FeedResponse {
        do { return try answer(request) } catch { throw .unexpected("\(error)") }
    }

    private func answer(_ request: FeedRequest) throws -> FeedResponse {
        if request.path == "/v1/changes/digest" {
            waitedFor.change { $0.append(request.query["wait_for"]) }
            if movesAtDigest.value > 0 {
                movesAtDigest.change { $0 -= 1 }
                model.change { $0.write(.job(.sample)) }
            }
            let entries = model.value.living.map { DigestPage.Entry($0) }.filter { $0.key != hidden.value }
            let page = FeedModel.digest(of: entries, request.query["prefix"] ?? "", at: model.value.last, leaf: 8)
            return try Self.response(page)
        }
        guard case .page(let page) = model.value.answer(to: request.query["cursor"], limit: 7) else {
            return try Self.response(Problem(status: 410, code: .cursorExpired, title: "t"), status: 410)
        }
        return try Self.response(page)
    }

    private static func response(_ value: some Encodable, status: Int = 200) throws -> FeedResponse {
        let rest = Locked<[UInt8]?>(Array(try Wire.encode(value)))
        let body = FeedBody(
            next: { () async throws(FeedClientError) in
                defer { rest.set(nil) }
                return rest.value
            }, close: {})
        return FeedResponse(status: status, headers: ["content-type": "application/json"], body: body)
    }
}
