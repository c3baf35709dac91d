import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct GroupQueueTests {
    private struct Item: Grouped {
        var name: Int?
        var owner: UInt8 = 0
        var bytes = 100
    }

    /// A queue of numbered items.
    private final class Line {
        var queue: GroupQueue<Item, Int>

        init(lanes: Int = 1) { queue = GroupQueue(lanes: lanes) }

        /// The lanes for which batches were ordered; nil if the items were refused.
        func add(
            _ numbers: ClosedRange<Int>, owner: (Int) -> UInt8 = { _ in 0 }, name: (Int) -> Int? = { $0 }
        ) -> [Int]? {
            queue.add(numbers.map { .init(item: Item(name: name($0), owner: owner($0)), caller: $0) })
        }

        func take(_ lane: Int = 0) -> [Int] { queue.take(lane).map(\.caller) }
        func finish(_ lane: Int = 0) -> Bool { queue.finish(lane) }
    }

    @Test func `what comes alone leaves at once, and what comes until a connection is there leaves with it`() {
        let line = Line()
        #expect(line.add(1...1) == [0])
        #expect(line.add(2...3) == [])
        #expect(line.take() == [1, 2, 3])
        #expect(line.add(4...5) == [])
        #expect(line.finish())
        #expect(line.take() == [4, 5])
        #expect(!line.finish())
        #expect(line.queue.isIdle)
    }

    @Test func `batches have bounds in items and in bytes`() {
        let line = Line()
        line.queue.mostItems = 3
        #expect(line.add(1...10) == [0])
        #expect(line.take() == [1, 2, 3])
        #expect(line.finish())
        #expect(line.take() == [4, 5, 6])
        line.queue.mostBytes = 1
        #expect(line.finish())
        #expect(line.take() == [7])
    }

    @Test func `batches of different owners are under way together, those of one after the other`() {
        let line = Line(lanes: 2)
        #expect(line.add(1...6, owner: { UInt8($0) }) == [0, 1])
        #expect(line.take(1) == [1, 3, 5])
        #expect(line.add(7...9, owner: { UInt8($0) }) == [])
        #expect(line.take(0) == [2, 4, 6, 8])
        #expect(!line.finish(0))
        #expect(line.finish(1))
        #expect(line.take(1) == [7, 9])
        #expect(line.add(10...11, owner: { _ in 255 }) == [])
        #expect(line.add(12...12) == [0])
        #expect(line.finish(1))
        #expect(line.take(1) == [10, 11])
        #expect(line.take(0) == [12])
        #expect(!line.finish(0))
        #expect(!line.finish(1))
        #expect(line.queue.isIdle)
    }

    @Test func `of what is about one thing, one is in a batch, in order`() {
        let line = Line()
        #expect(line.add(1...6, name: { $0 % 2 }) == [0])
        #expect(line.add(7...8, name: { _ in nil }) == [])
        #expect(line.take() == [1, 2, 7, 8])
        #expect(line.finish())
        #expect(line.take() == [3, 4])
        #expect(line.finish())
        #expect(line.take() == [5, 6])
        #expect(!line.finish())
        #expect(line.queue.isIdle)
    }

    @Test func `more than may wait is refused whole`() {
        let line = Line()
        line.queue.mostWaiting = 3
        #expect(line.add(1...1) == [0])
        #expect(line.add(2...4) == nil)
        #expect(line.take() == [1])
        #expect(line.add(2...4) == [])
        #expect(line.add(5...5) == nil)
        #expect(line.finish())
        #expect(line.take() == [2, 3, 4])
        #expect(!line.finish())
        #expect(line.queue.isIdle)
    }
}

@Suite struct ClaimWindowTests {
    private let start = ContinuousClock.now
    private let moment = Date.sample
    private let window = ClaimWindow.Shared()

    private var passed: Date? { window.update { $0.passed } }
    private func begin(_ after: Duration) -> ClaimWindow.Look? { window.update { $0.begin(at: start + after) } }

    @Test func `nothing known means from the beginning, and then from where the last claim stopped`() {
        #expect(passed == nil)
        #expect(begin(.zero) == nil)
        #expect(!window.update { $0.looksWhenIdle })
        // All that it asked for: the place is the last job's time, however long ago that is.
        window.update { $0.claimed(from: $0.passed, upTo: moment - 500, at: moment) }
        #expect(passed == moment - 500)
        // Less than it asked for: everything is claimed up to now, but for what commits late.
        window.update { $0.claimed(from: $0.passed, upTo: nil, at: moment) }
        #expect(passed == moment - ClaimWindow.late)
        window.update { $0.claimed(from: $0.passed, upTo: moment - 0.01, at: moment) }
        #expect(passed == moment - ClaimWindow.late)
        // Nothing was found, so nobody knows when.
        window.update { $0.claimed(from: $0.passed, upTo: nil, at: nil) }
        #expect(passed == moment - ClaimWindow.late)
        window.update { $0.forget() }
        #expect(passed == nil)
    }

    @Test func `one look at a time, once a second, from the beginning for a twentieth of the time at most`() {
        window.update { $0.claimed(from: $0.passed, upTo: moment, at: moment + 50) }
        #expect(begin(.zero) == .full)
        #expect(begin(.seconds(9)) == nil)
        window.update { $0.looked(.full, at: start, cost: .milliseconds(500), found: nil) }
        #expect(begin(.milliseconds(900)) == nil)
        #expect(begin(.seconds(1)) == .recent)
        #expect(window.update { $0.start(of: .recent) } == moment - ClaimWindow.longLate)
        #expect(window.update { $0.start(of: .full) } == nil)
        window.update { $0.looked(.recent, at: start + .seconds(1), cost: .seconds(5), found: nil) }
        #expect(begin(.milliseconds(9900)) == .recent)
        window.update { $0.looked(.recent, at: start + .milliseconds(9900), cost: .zero, found: nil) }
        #expect(begin(.milliseconds(10_900)) == .full)
    }

    @Test func `a claim that finds nothing looks from the beginning itself only while that is cheap`() {
        window.update { $0.claimed(from: $0.passed, upTo: nil, at: moment) }
        #expect(window.update { $0.looksWhenIdle })
        window.update { $0.looked(.full, at: start, cost: ClaimWindow.cheap, found: nil) }
        #expect(!window.update { $0.looksWhenIdle })
        window.update { $0.looked(.full, at: start, cost: .milliseconds(1), found: nil) }
        #expect(window.update { $0.looksWhenIdle })
    }

    @Test func `what a look finds before the place moves the place back`() {
        window.update { $0.claimed(from: $0.passed, upTo: nil, at: moment) }
        window.update { $0.looked(.recent, at: start, cost: .milliseconds(1), found: moment - 900) }
        #expect(passed == moment - 900)
    }

    @Test func `a claim that was under way meanwhile does not forget what a look has found`() {
        window.update { $0.claimed(from: $0.passed, upTo: nil, at: moment) }
        let place = passed
        window.update { $0.looked(.recent, at: start, cost: .milliseconds(1), found: moment - 900) }
        window.update { $0.claimed(from: place, upTo: nil, at: moment + 1) }
        #expect(passed == moment - 900)
        // The next one begins there, and goes on from where it stops.
        window.update { $0.claimed(from: $0.passed, upTo: nil, at: moment + 2) }
        #expect(passed == moment + 2 - ClaimWindow.late)
    }
}

@Suite struct ClaimPlaceTests {
    @Test func `a job whose time lies before the place is found`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            for number in UInt64(1)...3 { try await database.submit(number) }
            _ = try await database.store.claim(limit: 3, lease: 60, worker: "a")
            #expect(try await database.store.claim(limit: 3, lease: 60, worker: "a").isEmpty)
            // As if its transaction had drawn the time an hour ago and ended only now.
            try await database.sql(
                "update jobs set next_action_at = now() - interval '1 h' where id = '\(JobID.sample(2))'")
            var found: [JobRecord] = []
            while found.isEmpty { found = try await database.store.claim(limit: 3, lease: 60, worker: "a") }
            #expect(found.map(\.id) == [.sample(2)])
        }
    }

    @Test func `a claim behind many claimed ones does not go through them again`() async throws {
        try await TestDatabase.with(connections: 2) { database in
            _ = try await database.addUser()
            let jobs = (1...2000).map { number in
                NewJob(
                    JobSubmission(request: .sample), id: .sample(UInt64(number)), user: .sample(), account: "main")
            }
            for outcome in await database.store.submit(jobs) { _ = try outcome.get() }
            try await database.sql(
                "update jobs set next_action_at = now() - interval '1 h' + change_sequence * interval '1 s'")
            try await database.withPool(connections: 1) { pool in
                // A session with an old snapshot keeps every dead entry.
                let (held, told) = AsyncStream<Void>.makeStream()
                let release = DispatchSemaphore(value: 0)
                let holder = Task {
                    try await pool.transaction("begin isolation level repeatable read") { connection in
                        try connection.run("select count(*) from jobs")
                        told.finish()
                        release.wait()
                    }
                }
                for await _ in held {}
                for _ in 0..<18 {
                    #expect(try await database.store.claim(limit: 100, lease: 600, worker: "a").count == 100)
                }
                let place = try #require(database.store.window.update { $0.passed })
                // What a scan from the beginning meets, and what the claim's own scan meets.
                let (all, own) = (try await database.scanned(from: nil), try await database.scanned(from: place))
                // Pages, of which each holds some twenty of the dead. A look back that ran beside the last claim may have
                // moved the place by a claim's jobs.
                #expect(all >= 60)
                #expect(own * 3 < all)
                release.signal()
                try await holder.value
            }
        }
    }
}

extension TestDatabase {
    /// How many pages a claim from there goes through before it has ten jobs.
    fileprivate func scanned(from place: Date?) async throws -> Int {
        let start = place.map { "to_timestamp(\($0.timeIntervalSince1970))" } ?? "'-infinity'"
        let plan = try await sql(
            """
            set enable_seqscan = off; set enable_bitmapscan = off;
            explain (analyze, buffers, timing off, costs off) select id from jobs
            where next_action_at >= \(start) and next_action_at <= now() order by next_action_at limit 10
            """)
        let hits = try #require(plan.firstMatch(of: /Buffers: shared hit=(\d+)/))
        return try #require(Int(hits.1))
    }
}
