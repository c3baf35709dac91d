import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

/// What an operator looks for and moves. Nothing of it pays twice by a slip.
@Suite(.timeLimit(.minutes(10))) struct OperatorStoreTests {
    private func list(_ database: TestDatabase, _ change: (inout JobFilter) -> Void) async throws -> [JobID] {
        var filter = JobFilter()
        change(&filter)
        return try await database.store.jobs(filter, limit: 10).map(\.record.id)
    }

    @Test func `jobs are found by everything that is asked for, together`() async throws {
        try await TestDatabase.with { database in
            let failed = try await database.claimedJob()
            try await database.submit(2)
            _ = try await database.store.advance(failed, by: .refused(Failure(.budgetExceeded, "none is left")))
            try await database.sql("update jobs set created_at = now() - interval '2 days' where state = 'failed'")
            #expect(try await list(database) { _ in } == [.sample(2), .sample(1)])
            #expect(try await list(database) { $0.reason = "budget_exceeded" } == [.sample(1)])
            #expect(try await list(database) { $0.model = VideoRequest.sample.model }.count == 2)
            #expect(try await list(database) { $0.model = "another" } == [])
            #expect(try await list(database) { $0.account = "another" } == [])
            #expect(try await list(database) { $0.since = Date(timeIntervalSinceNow: -86_400) } == [.sample(2)])
            #expect(try await list(database) { $0.before = Date(timeIntervalSinceNow: -86_400) } == [.sample(1)])
            #expect(try await list(database) { $0.quietFor = 3600 } == [])
            try await database.sql("update jobs set updated_at = now() - interval '2 hours' where state = 'accepted'")
            #expect(try await list(database) { $0.quietFor = 3600 } == [.sample(2)])
            #expect(
                try await list(database) { ($0.quietFor, $0.state) = (3600, "failed") } == [])
        }
    }

    @Test func `a job is taken out of its wait, and from a worker that holds it, who has then lost it`() async throws {
        try await TestDatabase.with { database in
            let held = try await database.claimedJob()
            try await database.store.requeue(held)
            await #expect(throws: StoreError.leaseLost) {
                try await database.store.advance(held, by: .priced(.sample))
            }
            let mine = try await database.claimOne(worker: "another")
            #expect(mine.id == held.id && mine.token.rawValue > held.token.rawValue)
            let waiting = try await database.store.advance(
                mine, by: .setback(Setback(.storage, "full", retryAfter: 3600)))
            #expect(try await database.store.claim(limit: 1, lease: 60, worker: "w").isEmpty)
            try await database.store.requeue(waiting)
            #expect(try await database.claimOne().id == held.id)
            // As it was seen, and not as it is now.
            await #expect(throws: OperatorRefusal.changed) { try await database.store.requeue(waiting) }
        }
    }

    @Test func `a submission that is on its way, a job that waits for its turn and one that is over stay`() async throws
    {
        try await TestDatabase.with { database in
            let claimed = try await database.claimedJob()
            let quoted = try await database.store.advance(claimed, by: .priced(.sample))
            let intended = try await database.store.advance(quoted, by: .submissionIntended(by: quoted.token))
            await #expect(throws: OperatorRefusal.submitting) { try await database.store.requeue(intended) }
            // Nor by a look that is older than the intent.
            await #expect(throws: OperatorRefusal.changed) { try await database.store.requeue(quoted) }
            #expect(
                try await database.sql("select state, lease_token from jobs") == "submitting|\(intended.token.rawValue)"
            )

            _ = try await database.store.setActiveLimit(0, of: claimed.user)
            try await database.submit(2)
            let waiting = try await database.store.report(of: .sample(2)).record
            await #expect(throws: OperatorRefusal.waitsForTurn) { try await database.store.requeue(waiting) }
            _ = try await database.store.move(
                .sample(2), user: claimed.user, by: .cancelRequested, policy: JobPolicy(), at: Date())
            let over = try await database.store.report(of: .sample(2)).record
            await #expect(throws: OperatorRefusal.notUnderWay(state: "cancelled")) {
                try await database.store.requeue(over)
            }
        }
    }

    @Test func `asking again for an unpaid failure makes one new job, however often it is asked`() async throws {
        try await TestDatabase.with { database in
            let claimed = try await database.claimedJob()
            let failed = try await database.store.advance(claimed, by: .refused(.sample))
            let first = try await database.store.askAgain(for: failed, as: .sample(11), paying: false)
            let second = try await database.store.askAgain(for: failed, as: .sample(12), paying: false)
            #expect(first.job.id == .sample(11) && second.job.id == .sample(11))
            #expect(try await database.sql("select count(*) from jobs") == "2")
            #expect(first.job.request == .sample)
        }
    }

    @Test func `what is paid, may be paid or goes on is not asked for again by a slip`() async throws {
        try await TestDatabase.with { database in
            let claimed = try await database.claimedJob()
            var job = try await database.store.advance(claimed, by: .priced(.sample))
            await #expect(throws: OperatorRefusal.askingAgain(.underWay)) {
                try await database.store.askAgain(for: job, as: .sample(11), paying: true)
            }
            job = try await database.store.advance(job, by: .submissionIntended(by: job.token))
            let lost = try await database.store.advance(job, by: .submissionLost(evidence: "broken off"))
            await #expect(throws: OperatorRefusal.askingAgain(.undecided)) {
                try await database.store.askAgain(for: lost, as: .sample(11), paying: true)
            }
            _ = try await database.store.move(
                lost.id, user: lost.user, by: .decided(.giveUp), policy: JobPolicy(), at: Date())
            let given = try await database.store.report(of: lost.id).record
            await #expect(throws: OperatorRefusal.askingAgain(.paysAgain(spent: .sample))) {
                try await database.store.askAgain(for: given, as: .sample(11), paying: false)
            }
            #expect(try await database.sql("select count(*) from jobs") == "1")
            let again = try await database.store.askAgain(for: given, as: .sample(11), paying: true)
            #expect(again.job.id == .sample(11))
        }
    }
}
