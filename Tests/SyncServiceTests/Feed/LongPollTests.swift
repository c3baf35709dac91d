import Foundation
import HTTPTransport
import JobStore
import TestSupport
import Testing
import VideoModels

@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct LongPollTests {
    private func patient(_ configuration: inout Configuration) { configuration.feedWaitLimit = 3600 }

    @Test func `a wait ends at once when another process writes`() async throws {
        try await FeedServer.with(patient) { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            async let answer = feed.ask("/v1/changes?wait=3600&cursor=\(cursor)")
            await feed.waitUntil(waiters: 1)
            try await feed.submit(1)
            let page = try await answer.page()
            #expect(page.changes.map(\.key.id) == ["\(JobID.sample(1))"])
            #expect(page.from == 2 && page.through == 3 && !page.hasMore)
            #expect(feed.parts.hub.waiters == 0)
        }
    }

    @Test func `what is there already is not waited for`() async throws {
        try await FeedServer.with(patient) { feed in
            let cursor = try await feed.ask("/v1/changes?wait=3600").page().cursor
            try await feed.submit(1)
            #expect(try await feed.ask("/v1/changes?wait=3600&cursor=\(cursor)").page().changes.count == 1)
        }
    }

    @Test func `a wait that is over answers with nothing, and goes on from there`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            let page = try await feed.ask("/v1/changes?wait=1&cursor=\(cursor)").page()
            #expect(page.changes == [] && page.from == 2 && page.through == 2 && !page.isSnapshot)
            #expect(page.cursor == cursor)
        }
    }

    @Test func `a wait for longer than the server grants ends when that is over`() async throws {
        try await FeedServer.with {
            $0.feedWaitLimit = 1
        } _: { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            #expect(try await feed.ask("/v1/changes?wait=600&cursor=\(cursor)").page().changes == [])
            #expect(try await feed.ask("/v1/changes?wait=601&cursor=\(cursor)").status == 400)
        }
    }

    @Test func `without wake-ups the look for all finds what changed`() async throws {
        try await FeedServer.with(listens: false, patient) { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            async let answer = feed.ask("/v1/changes?wait=3600&cursor=\(cursor)")
            await feed.waitUntil(waiters: 1)
            try await feed.submit(1)
            #expect(try await answer.page().changes.count == 1)
        }
    }

    @Test func `a server that stops answers whoever waits`() async throws {
        try await FeedServer.with(patient) { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            async let answer = feed.ask("/v1/changes?wait=3600&cursor=\(cursor)")
            await feed.waitUntil(waiters: 1)
            async let stopped: Void = Servers(api: feed.server, ops: feed.server)
                .stop(feed.parts.hub, grace: .seconds(3600))
            #expect(try await answer.page().cursor == cursor)
            await stopped
        }
    }

    @Test func `many who wait for one user are told by one look`() async throws {
        let looks = Locked(0)
        try await FeedServer.with(patient) { feed in
            let cursor = try FeedCursor(
                try await feed.ask("/v1/changes").page().cursor, user: feed.user)
            let hub = feed.parts.hub
            let gate = Signal()
            try await hub.subscribed(feed.user) { _ in
                try await withThrowingTaskGroup(of: SharedPage.self) { group in
                    for _ in 0..<20 {
                        group.addTask {
                            try await hub.shared(FeedHub.Look(after: cursor, limit: 10), of: feed.user) {
                                looks.change { $0 += 1 }
                                await gate.wait()
                                return try await feed.parts.store.feedPage(after: cursor, user: feed.user, limit: 10)
                            }
                        }
                    }
                    while looks.value == 0 { await Task.yield() }
                    // A ring parts those who look now from a look that was begun before.
                    hub.wake(.user(feed.user))
                    group.addTask {
                        try await hub.shared(FeedHub.Look(after: cursor, limit: 10), of: feed.user) {
                            looks.change { $0 += 100 }
                            return try await feed.parts.store.feedPage(after: cursor, user: feed.user, limit: 10)
                        }
                    }
                    while looks.value < 100 { await Task.yield() }
                    gate.fire()
                    for try await page in group { #expect(page.page.count == 0) }
                }
            }
        }
        #expect(looks.value >= 101 && looks.value < 120)
    }

    @Test func `a read waits for the write that it names, and no longer than it may`() async throws {
        try await FeedServer.with {
            $0.feedVisibilityWait = 3600
        } _: { feed in
            async let answer = feed.ask("/v1/changes?wait_for=3")
            async let job = feed.ask("/v1/jobs/\(JobID.sample(1))?wait_for=3")
            async let digest = feed.ask("/v1/changes/digest?wait_for=3")
            await feed.waitUntil(waiters: 3)
            let sequence = try await feed.submit(1).sequence
            #expect(sequence == 3)
            #expect(try await answer.page().through == 3)
            #expect(try await job.status == 200)
            let page = try Wire.decode(DigestPage.self, from: Data(try await digest.body))
            #expect(page.sequence == 3 && page.count == 3)
        }
        try await FeedServer.with {
            $0.feedVisibilityWait = 0
        } _: { feed in
            let answer = try await feed.ask("/v1/changes?wait_for=3")
            #expect(answer.status == 503 && answer.headers["retry-after"] == "1")
            #expect(try answer.problem().code == .known(.notYetVisible))
            #expect(try await feed.ask("/v1/changes?wait_for=2").status == 200)
            #expect(try await feed.ask("/v1/changes?wait_for=soon").status == 400)
        }
    }

    @Test func `each cursor that is no good is told what it is, and how to go on`() async throws {
        try await FeedServer.with { feed in
            let good = try FeedCursor(try await feed.ask("/v1/changes").page().cursor, user: feed.user)
            func cursor(_ change: (inout FeedCursor) -> Void) -> String {
                var cursor = good
                change(&cursor)
                return cursor.text
            }
            try await feed.database.sql("update users set feed_floor = 1")
            let cases: [(String, Int, Problem.Code)] = [
                ("nonsense", 400, .cursorMalformed),
                (cursor { $0.user = .sample(2) }, 400, .cursorForeign),
                (cursor { $0.epoch = UUID() }, 410, .cursorExpired),
                (cursor { $0.place = .changes(sequence: 0) }, 410, .cursorExpired),
                (cursor { $0.place = .changes(sequence: 9) }, 410, .cursorAhead),
            ]
            var titles: Set<String> = []
            for (text, status, code) in cases {
                for headers in [[], ["Accept: text/event-stream"]] {
                    let answer = try await feed.ask("/v1/changes?cursor=\(text)", headers)
                    let problem = try answer.problem()
                    #expect(answer.status == status && problem.code == .known(code), "\(text)")
                    titles.insert(problem.title)
                    if status == 410 { #expect(problem.detail?.contains("Keep the local data") == true) }
                }
            }
            #expect(titles.count == cases.count)
        }
    }

    @Test func `JSON is packed for whoever takes it, and says so`() async throws {
        try await FeedServer.with { feed in
            try await feed.submit(1, prompt: String(repeating: "lighthouse ", count: 300))
            let plain = try await feed.ask("/v1/changes")
            #expect(plain.headers["content-encoding"] == nil)
            #expect(plain.headers.list(of: "vary").map { $0.lowercased() }.contains("accept-encoding"))
            let packed = try await feed.ask("/v1/changes", ["Accept-Encoding: br;q=1, gzip;q=0.8"])
            #expect(packed.headers["content-encoding"] == "gzip" && packed.body.count < plain.body.count / 4)
            #expect(Gzip.expand(packed.body, atMost: 1 << 20) == plain.body)
            #expect(try await feed.ask("/v1/changes", ["Accept-Encoding: gzip;q=0"]).headers["content-encoding"] == nil)
            let stream = try await feed.stream("/v1/changes", ["Accept-Encoding: gzip"])
            #expect(stream.head.headers["content-encoding"] == nil)
        }
    }
}
