import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore
@testable import SyncService

/// Whether a device ever misses what was committed, however late and in whatever company it was.
///
/// Eight writers change one user's jobs. Part of their transactions hold their sequence for a while before they commit or
/// roll back, the delays drawn from a seed; the rest go the product's way. Meanwhile another user's transaction stays open
/// from before the first write to after the followers' end, and so does an idle one with an old snapshot.
@Suite(.serialized, .timeLimit(.minutes(10))) struct GapTests {
    @Test(arguments: [(21, true), (22, true), (23, false)] as [(UInt64, Bool)])
    func `followers miss nothing of eight writers, and no open transaction holds them back`(
        seed: UInt64, listens: Bool
    ) async throws {
        try await FeedServer.with(listens: listens, connections: 12) {
            $0.feedWaitLimit = 3600
            $0.databaseConnections = 6
        } _: { feed in
            let foreign = try await ForeignTransactions(feed.database)
            let committed = Locked<[Committed]>([])
            let marker = JobID.sample(1_000_000)
            async let polled = LongPollFollower(feed: feed, marker: marker).run()
            async let streamed = StreamFollower(feed: feed, marker: marker, seed: seed).run()
            try await Self.write(feed, seed: seed, committed, marker: marker)
            let logs = [try await polled, try await streamed]
            // Both have seen the last write, and the foreign transactions are open still: nothing waited for them.
            #expect(try await foreign.areOpen(in: feed.database))
            for (log, name) in zip(logs, ["long-poll", "stream"]) {
                #expect(log.gaps == 0, "\(name), seed \(seed)")
                #expect(log.misses(of: committed.value) == [], "\(name), seed \(seed)")
            }
            let fresh = try await feed.database.store.changes(after: nil, user: feed.user, limit: 1000)
            let versions = Dictionary(uniqueKeysWithValues: fresh.changes.map { ($0.key, $0.sequence) })
            for log in logs { #expect(log.versions == versions) }
            try await foreign.end()
        }
    }

    static let writers = 8
    static let rounds = 10

    private static func write(
        _ feed: FeedServer, seed: UInt64, _ committed: Locked<[Committed]>, marker: JobID
    ) async throws {
        let pool = ConnectionPool(conninfo: feed.database.conninfo, connections: writers, applicationName: "writer")
        defer { pool.stop() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<writers {
                group.addTask {
                    try await Writer(feed: feed, pool: pool, number: number, seed: seed, committed: committed).run()
                }
            }
            try await group.waitForAll()
        }
        _ = try await feed.database.store.submit(
            JobSubmission(request: .sample), id: marker, user: feed.user, account: "main")
    }
}

/// A version of an object that is durable.
private struct Committed: Hashable, Sendable {
    var job: JobID
    var sequence: Int64
}

private struct Writer: Sendable {
    var feed: FeedServer
    var pool: ConnectionPool
    var number: Int
    var seed: UInt64
    var committed: Locked<[Committed]>

    func run() async throws {
        var random = SeededGenerator(seed &* 100 &+ UInt64(number))
        for round in 0..<GapTests.rounds {
            let job = JobID.sample(UInt64(number * GapTests.rounds + round + 1))
            let detail = try await feed.database.store.submit(
                JobSubmission(request: .sample), id: job, user: feed.user, account: "main")
            note(job, detail.sequence)
            let (delay, rollsBack) = (
                Int.random(in: 0...30, using: &random), Int.random(in: 0..<4, using: &random) == 0
            )
            try await touchSlowly(job, delay: delay, rollsBack: rollsBack)
            if Bool.random(using: &random) {
                let cancelled = try await feed.database.store.move(
                    job, user: feed.user, by: .cancelRequested, policy: JobPolicy(), at: Date())
                note(job, cancelled.sequence)
            }
        }
    }

    /// Draws a sequence and keeps it for `delay` milliseconds before it is committed, or given up.
    private func touchSlowly(_ job: JobID, delay: Int, rollsBack: Bool) async throws {
        struct RolledBack: Error {}
        let user = feed.user
        let statement = Statement(
            "touch_slowly",
            """
            with drawn as (
                update users set change_sequence = change_sequence + 1 where id = $1 returning change_sequence
            )
            update jobs set change_sequence = drawn.change_sequence from drawn
            where jobs.user_id = $1 and jobs.id = $2 returning jobs.change_sequence
            """)
        do {
            let sequence = try await pool.transaction { connection in
                // The job first, as everybody does.
                try connection.execute(JobStatements.lock, [.id(user), .id(job)])
                let rows = try connection.execute(statement, [.id(user), .id(job)])
                let sequence = try rows.first { try $0.int64("change_sequence") }
                try connection.run("select pg_sleep(\(Double(delay) / 1000))")
                if rollsBack { throw RolledBack() }
                return sequence
            }
            note(job, try #require(sequence))
            try await pool.run { try $0.run("select pg_notify('gondola', '\(user)')") }
        } catch is RolledBack {}
    }

    private func note(_ job: JobID, _ sequence: Int64) {
        committed.change { $0.append(Committed(job: job, sequence: sequence)) }
    }
}

/// What a follower was told, page by page.
private struct FeedLog: Sendable {
    private(set) var pages: [ChangePage] = []
    private(set) var versions: [Change.ObjectKey: Int64] = [:]
    /// Pages that do not go on where the one before ended, or whose changes are not in order.
    private(set) var gaps = 0
    private var through: Int64?

    mutating func take(_ page: ChangePage) {
        let sequences = page.changes.map(\.sequence)
        let isInOrder =
            page.isSnapshot
            ? zip(sequences, sequences.dropFirst()).allSatisfy(>)
            : zip([page.from] + sequences, sequences + [page.through + 1]).allSatisfy(<)
        let goesOn = page.isSnapshot || through == page.from
        if !isInOrder || !goesOn { gaps += 1 }
        for change in page.changes { versions[change.key] = max(versions[change.key] ?? 0, change.sequence) }
        if !page.isSnapshot || !page.hasMore { through = page.through }
        pages.append(page)
    }

    func has(_ job: JobID) -> Bool { versions[Change.ObjectKey(kind: .known(.job), id: "\(job)")] != nil }

    /// What had been committed up to where a page says that it goes, and was not known after it. Each page is judged by what
    /// is known at its own time.
    func misses(of committed: [Committed]) -> Set<Committed> {
        var (known, missed): ([String: Int64], Set<Committed>) = ([:], [])
        let ordered = committed.sorted { $0.sequence < $1.sequence }
        for page in pages {
            for change in page.changes { known[change.key.id] = max(known[change.key.id] ?? 0, change.sequence) }
            // Only then is all of it known: what changed again meanwhile comes in its newest version, with a later page.
            if page.isSnapshot || page.hasMore { continue }
            for version in ordered.prefix(while: { $0.sequence <= page.through })
            where known["\(version.job)"] ?? 0 < version.sequence { missed.insert(version) }
        }
        return missed
    }
}

private struct LongPollFollower: Sendable {
    var feed: FeedServer
    var marker: JobID

    func run() async throws -> FeedLog {
        var (log, cursor) = (FeedLog(), "")
        let client = try feed.client()
        while !log.has(marker) {
            try await client.send(feed.get("/v1/changes?limit=7&wait=3600\(cursor)"))
            let page = try await client.response().page()
            log.take(page)
            cursor = "&cursor=\(page.cursor)"
        }
        return log
    }
}

/// Hangs up now and then, in the middle of whatever comes, and goes on from the last whole event.
private struct StreamFollower: Sendable {
    var feed: FeedServer
    var marker: JobID
    var seed: UInt64

    func run() async throws -> FeedLog {
        var (log, last, random) = (FeedLog(), String?.none, SeededGenerator(seed))
        while !log.has(marker) {
            let stream = try await feed.stream("/v1/changes?limit=7", last.map { ["Last-Event-ID: \($0)"] } ?? [])
            for _ in 0..<Int.random(in: 1...12, using: &random) where !log.has(marker) {
                guard let event = try await stream.next("page") else { break }
                // A stream that was taken up again begins with a page, which may be empty.
                log.take(try event.page())
                last = event.id
            }
            stream.client.hangUp()
        }
        return log
    }
}

/// Another user's transaction that has drawn a sequence, and one that only keeps an old snapshot.
private final class ForeignTransactions: Sendable {
    private let pool: ConnectionPool
    private let gate: DispatchSemaphore
    private let work: [Task<Void, any Error>]

    init(_ database: TestDatabase) async throws {
        let other = try await database.store.addUser(named: "other", id: .sample(2)).id
        let pool = ConnectionPool(conninfo: database.conninfo, connections: 2, applicationName: "foreign")
        let (opened, continuation) = AsyncStream<Void>.makeStream()
        let gate = DispatchSemaphore(value: 0)
        let texts = [
            "update users set change_sequence = change_sequence + 1 where id = '\(other)'",
            "select count(*) from jobs",
        ]
        work = texts.map { text in
            Task {
                try await pool.transaction("begin isolation level repeatable read") { connection in
                    try connection.run(text)
                    continuation.yield()
                    gate.wait()
                }
            }
        }
        (self.pool, self.gate) = (pool, gate)
        var count = 0
        for await _ in opened {
            count += 1
            if count == texts.count { break }
        }
    }

    func areOpen(in database: TestDatabase) async throws -> Bool {
        try await database.sql(
            "select count(*) from pg_stat_activity where application_name = 'foreign' and state = 'idle in transaction' "
                + "and datname = current_database()") == "2"
    }

    func end() async throws {
        for _ in work { gate.signal() }
        for task in work { try await task.value }
        pool.stop()
    }
}
