import Foundation
import JobStore
import NIOCore
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// Polls of phones that have missed nothing are answered from memory, and never wrongly.
@Suite(.timeLimit(.minutes(10))) struct PollTests {
    /// Asks until the answer comes from memory.
    private func settle(_ feed: FeedServer, _ cursor: String) async throws -> RawResponse {
        while true {
            let answer = try await feed.ask("/v1/changes?cursor=\(cursor)")
            if feed.parts.hub.marks.answer(for: feed.user) != nil { return answer }
        }
    }

    @Test func `a poll with nothing new does not ask the database, and says the same`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            let asked = try await settle(feed, cursor)
            // It is no async function: it cannot ask. What is known is known for a second.
            var told = feed.phone.answerAtOnce(feed.poll(cursor))
            while told == nil {
                _ = try await settle(feed, cursor)
                told = feed.phone.answerAtOnce(feed.poll(cursor))
            }
            let answer = try #require(told)
            guard case .bytes(let body) = answer.body else {
                Issue.record("there is no body")
                return
            }
            #expect(answer.status == 200 && Array(body.readableBytesView) == asked.body)
            for name in ["content-type", "cache-control", "ratelimit-policy"] {
                #expect(answer.headers[name] == asked.headers[name] && answer.headers[name] != nil)
            }
            #expect(Set(answer.headers.list(of: "vary")) == Set(asked.headers.list(of: "vary")))
        }
    }

    @Test func `who has its write's answer is never told that there is nothing new`() async throws {
        try await FeedServer.with { feed in
            var cursor = try await feed.ask("/v1/changes").page().cursor
            for number in UInt64(1)...30 {
                _ = try await settle(feed, cursor)
                // By this process's own store, as each route writes.
                _ = try await feed.parts.store.submit(
                    JobSubmission(request: .sample), id: .sample(number), user: feed.user, account: "main")
                let page = try await feed.ask("/v1/changes?cursor=\(cursor)").page()
                #expect(page.changes.map(\.key.id) == ["\(JobID.sample(number))"])
                cursor = page.cursor
            }
        }
    }

    @Test func `a write of another process is seen by whoever names it`() async throws {
        try await FeedServer.with { feed in
            var cursor = try await feed.ask("/v1/changes").page().cursor
            for number in UInt64(1)...10 {
                _ = try await settle(feed, cursor)
                let sequence = try await feed.submit(number).sequence
                let page = try await feed.ask("/v1/changes?cursor=\(cursor)&wait_for=\(sequence)").page()
                #expect(page.changes.map(\.sequence) == [sequence])
                cursor = page.cursor
            }
        }
    }

    @Test func `a write of another process is heard of, and polls see it without a word more`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            _ = try await settle(feed, cursor)
            try await feed.submit(1)
            var page = try await feed.ask("/v1/changes?cursor=\(cursor)").page()
            while page.changes.isEmpty { page = try await feed.ask("/v1/changes?cursor=\(cursor)").page() }
            #expect(page.changes.count == 1)
        }
    }

    @Test func `another history of the data is told to whoever polls`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            _ = try await settle(feed, cursor)
            _ = try await feed.parts.store.newEpoch()
            var answer = try await feed.ask("/v1/changes?cursor=\(cursor)")
            while answer.status == 200 { answer = try await feed.ask("/v1/changes?cursor=\(cursor)") }
            #expect(answer.status == 410)
        }
    }

    @Test func `a device that was revoked is refused, whatever is remembered of its user`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            _ = try await settle(feed, cursor)
            // Here, so it is known at once; and the user's place stays known by another device.
            feed.parts.devices.end(.sample())
            try await feed.parts.store.revokeToken(device: .sample(), of: feed.user)
            #expect(try await feed.ask("/v1/changes?cursor=\(cursor)").status == 401)
            let token = try await feed.database.store.issueToken(user: feed.user, device: .sample(2), name: "other")
            let other = feed.with(token)
            _ = try await settle(other, cursor)
            #expect(try await other.ask("/v1/changes?cursor=\(cursor)").status == 200)
            #expect(try await feed.ask("/v1/changes?cursor=\(cursor)").status == 401)
            // By another process: heard of.
            try await feed.database.store.revokeToken(device: .sample(2), of: feed.user)
            while try await other.ask("/v1/changes?cursor=\(cursor)").status == 200 {}
            #expect(try await other.ask("/v1/changes?cursor=\(cursor)").status == 401)
        }
    }

    @Test func `a user who was suspended is refused at once, whatever is remembered of them`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            _ = try await settle(feed, cursor)
            // By this process, as a route would: the next poll is refused.
            _ = try await feed.parts.store.suspend(feed.user, reason: nil)
            #expect(feed.phone.answerAtOnce(feed.poll(cursor)) == nil)
            #expect(feed.parts.hub.marks.answer(for: feed.user) == nil)
            let refused = try await feed.ask("/v1/changes?cursor=\(cursor)")
            #expect(try refused.status == 403 && refused.problem().code == .known(.userSuspended))
            #expect(try await feed.parts.store.resume(feed.user))
            _ = try await settle(feed, cursor)
            // By an operator's command: heard of.
            _ = try await feed.database.store.suspend(feed.user, reason: nil)
            while try await feed.ask("/v1/changes?cursor=\(cursor)").status == 200 {}
            #expect(try await feed.ask("/v1/changes?cursor=\(cursor)").status == 403)
            #expect(feed.phone.answerAtOnce(feed.poll(cursor)) == nil)
        }
    }

    @Test func `what is in memory is given to nobody whose token is not for it`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            let token = try await feed.database.store.issueToken(
                user: feed.user, device: .sample(2), name: "reader", scopes: [.read])
            let reader = feed.with(token)
            let door = feed.phone.door
            let known = APIResponse(status: 200)
            // Until the token is known; then only its scopes are in the way.
            while door.passAtOnce(reader.poll(cursor), needs: .read, to: { _ in known }) == nil {
                _ = try await reader.ask("/v1/me")
            }
            #expect(door.passAtOnce(reader.poll(cursor), needs: .submit, to: { _ in known }) == nil)
        }
    }

    @Test func `nobody gets another user's place by its cursor`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            _ = try await settle(feed, cursor)
            _ = try await feed.database.store.addUser(named: "other", id: .sample(2))
            let stranger = feed.with(
                try await feed.database.store.issueToken(user: .sample(2), device: .sample(3), name: "theirs"))
            for _ in 0..<3 {
                let answer = try await stranger.ask("/v1/changes?cursor=\(cursor)")
                #expect(try answer.status == 400 && answer.problem().code == .known(.cursorForeign))
            }
            #expect(try await feed.ask("/v1/changes?cursor=\(cursor)").status == 200)
        }
    }

    @Test func `polls that cost nothing are counted like others`() async throws {
        try await FeedServer.with {
            $0.requestsPerMinute = 600
        } _: { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            var left: [Int] = []
            // All within the second for which the place is known, in which ten requests come back.
            while left.count < 20 {
                if feed.parts.hub.marks.answer(for: feed.user) == nil { _ = try await settle(feed, cursor) }
                left = []
                while left.count < 20, let told = feed.phone.answerAtOnce(feed.poll(cursor)) {
                    let field = told.headers["ratelimit"]?.firstMatch(of: /r=(\d+)/)
                    left.append(try #require(field.flatMap { Int($0.1) }))
                }
            }
            #expect(left[19] <= left[0] - 8)
        }
    }

    @Test func `what a poll says beside its cursor is looked at as ever`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            _ = try await settle(feed, cursor)
            let cases: [(String, [String], Int)] = [
                ("cursor=\(cursor)&limit=0", [], 400), ("cursor=\(cursor)&curser=1", [], 400),
                ("cursor=\(cursor)&wait=soon", [], 400), ("cursor=\(cursor)&wait_for=-1", [], 400),
                ("cursor=\(cursor)", ["Accept: image/png"], 406), ("cursor=\(cursor)x", [], 400),
                ("cursor=\(cursor)&limit=5", [], 200), ("cursor=\(cursor)&wait=0&wait_for=1", ["Accept: */*"], 200),
            ]
            for (query, headers, status) in cases {
                #expect(try await feed.ask("/v1/changes?\(query)", headers).status == status, "\(query)")
            }
            #expect(try await feed.ask("/v1/changes?cursor=\(cursor)", ["Authorization: Bearer x"]).status == 401)
        }
    }

    @Test func `thousands of polls behind one another on one connection are each answered`() async throws {
        try await FeedServer.with { feed in
            let cursor = try await feed.ask("/v1/changes").page().cursor
            let expected = try await settle(feed, cursor)
            let client = try feed.client()
            let count = 2000
            let polls = (0..<count).map { feed.get("/v1/changes?cursor=\(cursor)", ["X-Request-ID: poll-\($0)"]) }
            async let sent: Void = client.send(polls.joined())
            for number in 0..<count {
                let answer = try await client.response()
                #expect(answer.headers["x-request-id"] == "poll-\(number)" && answer.body == expected.body)
            }
            try await sent
        }
    }
}
