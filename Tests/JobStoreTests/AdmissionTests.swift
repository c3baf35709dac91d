import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct AdmissionTests {
    /// A store on the test's database that lets each user have so many jobs under way.
    private func with(
        _ limit: Int, _ body: (TestDatabase, PostgresStore) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(
                conninfo: database.conninfo, secrets: TestDatabase.secrets, connections: 4, activeJobs: limit,
                log: database.store.log)
            let result: Result<Void, any Error>
            do { result = .success(try await body(database, store)) } catch { result = .failure(error) }
            await store.close()
            try result.get()
        }
    }

    private func submit(
        _ store: PostgresStore, _ number: UInt64, user: UserID = .sample(), _ priority: Job.Priority? = nil
    ) async throws -> JobDetail {
        try await store.submit(
            JobSubmission(request: .sample, priority: priority.map { .known($0) }), id: .sample(number), user: user,
            account: "main")
    }

    /// The ends of a job, each by the events that lead there.
    static let ends: [[JobEvent]] = [
        [.refused(.sample)], [.accountBlocked(evidence: "402")],
        [.priced(.sample), .submissionIntended(by: LeaseToken(1)), .submissionLost(evidence: "x")],
        [
            .priced(.sample), .submissionIntended(by: LeaseToken(1)), .submissionAccepted(.sample),
            .renderingFailed(.sample),
        ],
        [
            .priced(.sample), .submissionIntended(by: LeaseToken(1)), .submissionAccepted(.sample),
            .videoAnnounced(link: nil), .videoStored(.sample),
        ],
    ]

    private func check(_ database: TestDatabase, _ text: String) async throws {
        #expect(try await database.sql("select active_jobs from users order by id") == text)
        // Whatever the count says, it is the number of jobs under way.
        #expect(
            try await database.sql(
                """
                select count(*) from users where active_jobs <> (
                    select count(*) from jobs where user_id = users.id and next_action_at is not null and state <> 'ready')
                """) == "0")
    }

    @Test(arguments: ends.indices) func `the end of one job admits the next at once`(end: Int)
        async throws
    {
        try await with(1) { database, store in
            _ = try await database.addUser()
            #expect(try await submit(store, 1).job.hold == nil)
            let waiting = try await submit(store, 2)
            #expect(waiting.job.hold == .turn && waiting.job.status == .known(.waiting))
            try await check(database, "1")
            let claimed = try await store.claim(limit: 9, lease: 60, worker: "w")
            #expect(claimed.map(\.id) == [.sample(1)])
            var record = try #require(claimed.first)
            for event in Self.ends[end] {
                let before = try await store.job(.sample(2), user: .sample())
                #expect(before.job.hold == .turn)
                record = try await store.advance(record, by: event)
            }
            try await check(database, "1")
            let admitted = try await store.job(.sample(2), user: .sample())
            #expect(admitted.job.hold == nil)
            // The phone is told: the job has a new place in the feed.
            #expect(admitted.sequence > waiting.sequence)
            #expect(try await store.claim(limit: 9, lease: 60, worker: "w").contains { $0.id == .sample(2) })
        }
    }

    @Test func `the most urgent is admitted first, then the oldest`() async throws {
        try await with(1) { database, store in
            _ = try await database.addUser()
            let jobs: [(UInt64, Job.Priority?)] = [(1, nil), (2, .low), (3, nil), (4, .high), (5, nil), (6, .high)]
            for (number, priority) in jobs { _ = try await submit(store, number, priority) }
            var order: [JobID] = []
            while let record = try await store.claim(limit: 9, lease: 60, worker: "w").first {
                order.append(record.id)
                _ = try await store.advance(record, by: .refused(.sample))
            }
            #expect(order == [1, 4, 6, 3, 5, 2].map { JobID.sample($0) })
            try await check(database, "0")
        }
    }

    @Test func `a user's crowd keeps nobody else waiting`() async throws {
        try await with(3) { database, store in
            let (crowd, other) = (try await database.addUser(1), try await database.addUser(2))
            for number in UInt64(1)...40 { _ = try await submit(store, number, user: crowd) }
            #expect(try await submit(store, 100, user: other).job.hold == nil)
            let claimed = try await store.claim(limit: 50, lease: 60, worker: "w")
            #expect(claimed.filter { $0.user == crowd }.count == 3)
            #expect(claimed.filter { $0.user == other }.count == 1)
        }
    }

    @Test func `a job that waits can be cancelled, and nobody takes its place twice`() async throws {
        try await with(1) { database, store in
            let user = try await database.addUser()
            for number in UInt64(1)...3 { _ = try await submit(store, number) }
            let policy = JobPolicy()
            let gone = try await store.move(.sample(2), user: user, by: .cancelRequested, policy: policy, at: Date())
            #expect(gone.job.status == .known(.cancelled) && gone.job.hold == nil)
            try await check(database, "1")
            _ = try await store.move(.sample(1), user: user, by: .cancelRequested, policy: policy, at: Date())
            #expect(try await store.job(.sample(3), user: user).job.hold == nil)
            try await check(database, "1")
        }
    }

    @Test func `a decision brings a job back among the active ones`() async throws {
        try await with(1) { database, store in
            let user = try await database.addUser()
            _ = try await submit(store, 1)
            let record = try #require(try await store.claim(limit: 1, lease: 60, worker: "w").first)
            _ = try await store.advance(record, by: .accountBlocked(evidence: "402"))
            try await check(database, "0")
            _ = try await store.move(.sample(1), user: user, by: .decided(.resubmit), policy: JobPolicy(), at: Date())
            try await check(database, "1")
            #expect(try await submit(store, 2).job.hold == .turn)
        }
    }

    @Test func `a higher limit admits at once, a lower one stops nothing, and the default comes back`() async throws {
        try await with(2) { database, store in
            let user = try await database.addUser()
            for number in UInt64(1)...6 { _ = try await submit(store, number) }
            try await check(database, "2")
            #expect(try await store.setActiveLimit(5, of: user) == "user 1")
            try await check(database, "5")
            _ = try await store.setActiveLimit(0, of: user)
            try await check(database, "5")
            #expect(try await submit(store, 7).job.hold == .turn)
            for number in UInt64(1)...4 {
                _ = try await store.move(
                    .sample(number), user: user, by: .cancelRequested, policy: JobPolicy(), at: Date())
            }
            try await check(database, "1")
            _ = try await store.setActiveLimit(nil, of: user)
            try await check(database, "2")
            let found = try await store.users(limit: 1).first
            #expect(found?.activeJobs == 2 && found?.activeLimit == nil)
            await #expect(throws: StoreError.notFound) { try await store.setActiveLimit(1, of: .sample(9)) }
        }
    }

    @Test func `a key that comes again takes no second place`() async throws {
        try await with(2) { database, store in
            let user = try await database.addUser()
            let key = IdempotencyKey(key: "k", bodyHash: Data(repeating: 1, count: 32))
            for number in UInt64(1)...3 {
                _ = try await store.submit(
                    JobSubmission(request: .sample), id: .sample(number), user: user, account: "main", key: key)
            }
            try await check(database, "1")
        }
    }

    @Test func `a sweep mends a wrong count and admits whoever was left behind`() async throws {
        try await with(2) { database, store in
            _ = try await database.addUser(1)
            _ = try await database.addUser(2)
            for number in UInt64(1)...4 { _ = try await submit(store, number) }
            #expect(try await store.admitLeftBehind() == 0)
            // As a version without this would leave it, and a crash between two of its statements.
            try await database.sql(
                "update users set active_jobs = 7; update jobs set next_action_at = null where id = '\(JobID.sample(1))'"
            )
            #expect(try await store.admitLeftBehind() == 1)
            try await check(database, "2\n0")
            #expect(try await store.admitLeftBehind() == 0)
            try await database.sql("update users set active_jobs = 0")
            #expect(try await store.admitLeftBehind() == 0)
            try await check(database, "2\n0")
        }
    }

    @Test func `however many begin and end at once, the limit holds and all get through`() async throws {
        try await with(3) { database, store in
            for user in UInt64(1)...3 { _ = try await database.addUser(user) }
            _ = try await (UInt64(0)..<60).concurrently { number in
                try await submit(store, number, user: .sample(number % 3 + 1))
            }
            let ended = try await (0..<4).concurrently { worker in
                var dice = SeededGenerator(UInt64(worker))
                var ended = 0
                while true {
                    let records = try await store.claim(limit: 2, lease: 60, worker: "w\(worker)")
                    if records.isEmpty { return ended }
                    for record in records {
                        let event =
                            Bool.random(using: &dice) ? JobEvent.refused(.sample) : .accountBlocked(evidence: "402")
                        _ = try await store.advance(record, by: event)
                        ended += 1
                        let most = try await database.sql(
                            """
                            select coalesce(max(n), 0) from (select count(*) as n from jobs
                                where next_action_at is not null group by user_id) as each
                            """)
                        #expect(Int(most) ?? 99 <= 3)
                    }
                }
            }
            // Whoever found nothing to claim ended; what was admitted after that is still there.
            var rest = 0
            while let record = try await store.claim(limit: 1, lease: 60, worker: "last").first {
                _ = try await store.advance(record, by: .refused(.sample))
                rest += 1
            }
            #expect(ended.reduce(0, +) + rest == 60)
            try await check(database, "0\n0\n0")
        }
    }

    @Test func `the index of waiting jobs is what admission reads`() async throws {
        try await TestDatabase.with { database in
            let plan = try await database.sql(
                """
                set enable_seqscan = off; set enable_bitmapscan = off;
                explain select id, priority from jobs where user_id = '\(UserID.sample())' and state = 'accepted'
                    and next_action_at is null order by priority desc, id limit 3 for update skip locked
                """)
            #expect(plan.contains("Index Scan using jobs_waiting"))
            #expect(!plan.contains("Sort"))
        }
    }
}

@Suite struct ModelPauseTests {
    /// Long enough that no pause ends while a test runs.
    private let policy: ModelPausePolicy = {
        var policy = ModelPausePolicy()
        (policy.first, policy.longest) = (15_000, 900_000)
        return policy
    }()

    /// As if so many seconds had passed.
    private func pass(_ seconds: Double, in database: TestDatabase) async throws {
        try await database.sql(
            """
            update model_pauses set paused_until = paused_until - interval '1 second' * \(seconds),
                probe_until = probe_until - interval '1 second' * \(seconds)
            """)
    }

    @Test func `pauses double as the policy says, and those that fail together count once`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            for failures in 1...8 {
                let seconds = try await store.pause(model: "m", reason: "503", retryAfter: nil, policy: policy)
                #expect(abs(seconds - policy.pause(failures: failures)) < 1)
                for _ in 0..<2 { try await store.pause(model: "m", reason: "503", retryAfter: nil, policy: policy) }
                let pause = try #require(try await store.modelPauses().first)
                #expect(pause.model == "m" && pause.failures == failures && pause.reason == "503")
                try await pass(900_001, in: database)
            }
        }
    }

    @Test func `the upstream's own word lengthens a pause, within the bound`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            let long = try await store.pause(model: "a", reason: "", retryAfter: 100_000, policy: policy)
            let longest = try await store.pause(model: "b", reason: "", retryAfter: 1e9, policy: policy)
            #expect(abs(long - 100_000) < 1 && abs(longest - 900_000) < 1)
            #expect(try await store.modelPauses().map(\.model) == ["a", "b"])
        }
    }

    @Test func `one job tries when the pause is over, another when nothing came of it, and an answer ends it`()
        async throws
    {
        try await TestDatabase.with { database in
            let store = database.store
            try await store.pause(model: "m", reason: "", retryAfter: nil, policy: policy)
            #expect(try await store.probe(model: "m", by: .sample(1), for: 60_000) == false)
            try await pass(15_001, in: database)
            let tries = try await (UInt64(1)...8).concurrently { number in
                try await store.probe(model: "m", by: .sample(number), for: 60_000)
            }
            #expect(tries.filter { $0 }.count == 1)
            let probe = try #require(try await store.modelPauses().first?.probe)
            // The same job asks for its price and then to submit.
            #expect(try await store.probe(model: "m", by: probe, for: 60_000))
            try await pass(60_001, in: database)
            #expect(try await store.probe(model: "m", by: .sample(9), for: 60_000))
            #expect(try await store.resume(model: "m"))
            #expect(try await store.resume(model: "m") == false)
            #expect(try await store.modelPauses() == [])
        }
    }

    @Test func `a probe that fails makes the next pause longer and leaves the next probe free`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            try await store.pause(model: "m", reason: "", retryAfter: nil, policy: policy)
            try await pass(15_001, in: database)
            #expect(try await store.probe(model: "m", by: .sample(1), for: 600_000))
            #expect(try await store.pause(model: "m", reason: "", retryAfter: nil, policy: policy) > 25_000)
            try await pass(30_001, in: database)
            #expect(try await store.probe(model: "m", by: .sample(2), for: 60_000))
        }
    }
}

@Suite struct ToldLimitTests {
    /// Hours, so that no window passes while a test runs.
    private let queue = RateLimit(endpoint: "queue", requests: 40, window: 6000)

    private func granted(_ database: TestDatabase, _ limit: RateLimit) async throws -> Int {
        if case .granted(let count, _) = try await database.store.take(limit, account: "main", upTo: 100) {
            count
        } else {
            0
        }
    }

    @Test func `a smaller limit tightens what all may take, a larger one changes nothing`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            try await store.tell(limit: 1000, endpoint: "queue", account: "other", for: 60_000)
            try await store.tell(limit: 7, endpoint: "queue", account: "main", for: 60_000)
            #expect(try await granted(database, queue) == 7)
            #expect(try await granted(database, queue) == 0)
            guard case .wait(let seconds) = try await store.take(queue, account: "main", upTo: 1) else {
                return #expect(Bool(false))
            }
            #expect(seconds > 5000 && seconds <= 6100)
            #expect(try await store.take(queue, account: "other", upTo: 100) == .granted(40, isProbe: false))
        }
    }

    @Test func `it lasts as long as it is believed, and the smallest told counts`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            for limit in [9, 5, 12] {
                try await store.tell(limit: limit, endpoint: "queue", account: "main", for: 60_000)
            }
            let told = try #require(try await store.budgets(window: 6000, failureWindow: 3000).first)
            #expect(told.toldLimit == 5 && told.toldSeconds ?? 0 > 50_000)
            #expect(try await granted(database, queue) == 5)
            try await database.sql("update rate_budgets set told_until = now()")
            #expect(try await granted(database, queue) == 35)
            try await store.tell(limit: 12, endpoint: "queue", account: "main", for: 60_000)
            #expect(try await store.budgets(window: 6000, failureWindow: 3000).first?.toldLimit == 12)
        }
    }

    @Test func `an even pace stays even under a told limit, and nonsense leaves one request`() async throws {
        try await TestDatabase.with { database in
            let even = RateLimit(endpoint: "retrieve", requests: 120, window: 6000, burst: 12)
            try await database.store.tell(limit: 60, endpoint: "retrieve", account: "main", for: 60_000)
            #expect(try await granted(database, even) == 6)
            try await database.store.tell(limit: -3, endpoint: "queue", account: "main", for: 60_000)
            #expect(try await granted(database, queue) == 1)
        }
    }

    @Test func `what is used, held, rested and counted can be read`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            #expect(try await store.budgets(window: 6000, failureWindow: 3000) == [])
            #expect(try await granted(database, RateLimit(endpoint: "queue", requests: 3, window: 6000)) == 3)
            try await store.hold(endpoint: "queue", account: "main", for: 2000)
            for _ in 0..<2 { _ = try await store.countFailure(account: "main", limit: 9, window: 3000) }
            var use = try #require(try await store.budgets(window: 6000, failureWindow: 3000).first)
            #expect(use.used == 3 && use.failures == 2 && !use.isResting && !use.isProbing)
            #expect(use.heldSeconds ?? 0 > 1500 && use.restSeconds == nil)
            try await store.openBreaker(account: "main", for: 3000)
            use = try #require(try await store.budgets(window: 6000, failureWindow: 3000).first)
            #expect(use.isResting && use.restSeconds ?? 0 > 2500)
        }
    }
}
