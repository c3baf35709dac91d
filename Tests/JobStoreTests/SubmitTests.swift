import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct SubmitTests {
    private func key(_ key: String, _ byte: UInt8 = 1) -> IdempotencyKey {
        IdempotencyKey(key: key, bodyHash: Data(repeating: byte, count: 32))
    }

    @Test func `a submitted job is there, due and in the feed`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            var request = VideoRequest.sample
            request.prompt = #"it's "quoted" \ {,} – ü 🎬"#
            let detail = try await database.store.submit(
                JobSubmission(request: request, maxPrice: Money("1.25")), id: .sample(4), user: user, account: "main")
            #expect(detail.job.status == .known(.waiting))
            #expect(detail.job.request == request)
            #expect(detail.sequence == 3)
            #expect(detail.timeline.map(\.status) == [.known(.waiting)])
            #expect(try await database.store.job(.sample(4), user: user) == detail)
            #expect(try #require(try await database.store.untilDue()) <= 0)
            let record = try await database.claimOne()
            #expect(record.progress == JobProgress(maxPrice: Money("1.25")))
            #expect(try record.request == request)
            #expect(abs(record.createdAt.timeIntervalSinceNow) < 60)
        }
    }

    @Test func `the same key with the same body gets the first answer again, whatever became of the job`() async throws
    {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            let first = try await database.submit(1, key: key("k"))
            _ = try await database.store.advance(try await database.claimOne(), by: .priced(.sample))
            #expect(try await database.submit(2, key: key("k")) == first)
            #expect(try await database.store.submitted(with: key("k"), user: .sample()) == first)
            #expect(try await database.store.job(.sample(1), user: .sample()).sequence > first.sequence)
            // Also when the job is no longer to be seen.
            try await database.sql("update jobs set deleted_at = now()")
            #expect(try await database.store.submitted(with: key("k"), user: .sample()) == first)
            #expect(try await database.sql("select count(*) from jobs") == "1")
        }
    }

    @Test func `the same key with another body is a conflict and makes nothing`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit(1, key: key("k"))
            await #expect(throws: StoreError.idempotencyConflict) { try await database.submit(2, key: key("k", 2)) }
            #expect(try await database.sql("select count(*) from jobs") == "1")
            #expect(try await database.sql("select change_sequence from users") == "3")
        }
    }

    @Test func `a key belongs to its user, and no key means a job each time`() async throws {
        try await TestDatabase.with { database in
            let (one, two) = (try await database.addUser(1), try await database.addUser(2))
            try await database.submit(1, user: one, key: key("k"))
            try await database.submit(2, user: two, key: key("k", 2))
            try await database.submit(3, user: one)
            try await database.submit(4, user: one)
            #expect(try await database.sql("select count(*) from jobs") == "4")
        }
    }

    @Test func `of many submissions with one key at once, one makes the job`() async throws {
        try await TestDatabase.with(connections: 8) { database in
            _ = try await database.addUser()
            let details = try await (UInt64(1)...8).concurrently { try await database.submit($0, key: key("k")) }
            #expect(Set(details.map(\.job.id)).count == 1)
            #expect(try await database.sql("select count(*) from jobs") == "1")
            #expect(try await database.steps() == ["accepted"])
        }
    }

    @Test func `an unknown user, an unknown job and another's job are not found`() async throws {
        try await TestDatabase.with { database in
            let other = try await database.addUser(2)
            await #expect(throws: StoreError.notFound) { try await database.submit(1, user: .sample(9)) }
            try await database.submit(1, user: other)
            await #expect(throws: StoreError.notFound) { try await database.store.job(.sample(1), user: .sample(1)) }
            await #expect(throws: StoreError.notFound) { try await database.store.job(.sample(7), user: other) }
        }
    }

    @Test func `a person's cancel ends the job and takes the lease from whoever holds it`() async throws {
        try await TestDatabase.with { database in
            let record = try await database.claimedJob()
            let detail = try await database.store.move(
                record.id, user: record.user, by: .cancelRequested, policy: JobPolicy(), at: Date())
            #expect(detail.job.status == .known(.cancelled))
            #expect(detail.sequence == 4)
            await #expect(throws: StoreError.leaseLost) {
                try await database.store.advance(record, by: .priced(.sample))
            }
            await #expect(throws: InvalidEvent.self) {
                try await database.store.move(
                    record.id, user: record.user, by: .cancelRequested, policy: JobPolicy(), at: Date())
            }
            #expect(try await database.store.untilDue() == nil)
            #expect(try await database.steps() == ["accepted", "cancelled"])
        }
    }

    // MARK: - many at once

    private func job(_ number: UInt64, user: UserID = .sample(), key: IdempotencyKey? = nil) -> NewJob {
        NewJob(JobSubmission(request: .sample), id: .sample(number), user: user, account: "main", key: key)
    }

    @Test func `many jobs at once are there like one by one, each with a sequence of its user`() async throws {
        try await TestDatabase.with { database in
            let users = [try await database.addUser(1), try await database.addUser(2)]
            let jobs = (0..<1203).map { job(UInt64($0 + 1), user: users[$0 % 2]) }
            let outcomes = await database.store.submit(jobs)
            for (job, outcome) in zip(jobs, outcomes) {
                let detail = try outcome.get()
                #expect(detail.job.id == job.id)
                if detail.sequence % 200 == 0 {
                    #expect(try await database.store.job(job.id, user: job.user) == detail)
                }
            }
            #expect(
                try await database.sql(
                    "select count(*), count(distinct change_sequence), max(change_sequence) from jobs group by user_id "
                        + "order by 1") == "601|601|603\n602|602|604")
            #expect(
                try await database.sql("select string_agg(change_sequence::text, ',' order by id) from users")
                    == "604,603")
            #expect(try await database.sql("select count(*) from job_steps where state = 'accepted'") == "1203")
            #expect(try await database.store.claim(limit: 2000, lease: 60, worker: "w").count == 1203)
        }
    }

    @Test func `each job's key counts, also twice in one batch`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit(1, key: key("known"))
            let outcomes = await database.store.submit([
                job(2, key: key("known")), job(3, key: key("new")), job(4, key: key("new")),
                job(5, key: key("known", 2)), job(6, key: key("new", 2)), job(7),
            ])
            #expect(try outcomes[0].get().job.id == .sample(1))
            #expect(try outcomes[1].get().job.id == .sample(3))
            #expect(try outcomes[2].get().job.id == .sample(3))
            #expect(throws: StoreError.idempotencyConflict) { try outcomes[3].get() }
            #expect(throws: StoreError.idempotencyConflict) { try outcomes[4].get() }
            #expect(try outcomes[5].get().job.id == .sample(7))
            #expect(try await database.sql("select count(*), (select change_sequence from users) from jobs") == "3|5")
        }
    }

    @Test func `what one job is refused for is its own failure`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit(3)
            let outcomes = await database.store.submit([
                job(1), job(2, user: .sample(9)), job(3), job(4), job(5, key: key("")), job(6),
            ])
            #expect(outcomes.map { (try? $0.get()) != nil } == [true, false, false, true, false, true])
            #expect(throws: StoreError.notFound) { try outcomes[1].get() }
            for (place, name) in [(2, "jobs_pkey"), (4, "idempotency_keys_key_check")] {
                let error = #expect(throws: PostgresError.self) { try outcomes[place].get() }
                guard case .constraint(name, _) = error else {
                    #expect(error == .constraint(name: name, message: ""))
                    continue
                }
            }
            #expect(try await database.sql("select count(*), (select change_sequence from users) from jobs") == "4|6")
            #expect(await database.store.submit([]).isEmpty)
        }
    }

    @Test func `batches of several at once with the same keys make each job once`() async throws {
        try await TestDatabase.with(connections: 8) { database in
            _ = try await database.addUser(1)
            _ = try await database.addUser(2)
            let outcomes = try await (0..<6).concurrently { round in
                let jobs = (0..<40).map { number in
                    NewJob(
                        JobSubmission(request: .sample), id: .sample(UInt64(round * 100 + number + 1)),
                        user: .sample(UInt64((number + round) % 2 + 1)), account: "main",
                        key: IdempotencyKey(key: "k\(number / 2)", bodyHash: Data(repeating: 1, count: 32)))
                }
                return await database.store.submit(jobs).map { try? $0.get().job.id }
            }
            #expect(outcomes.joined().allSatisfy { $0 != nil })
            #expect(Set(outcomes.joined()).count == 40)
            #expect(try await database.sql("select count(*) from jobs") == "40")
        }
    }
}
