import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct BudgetStoreTests {
    /// A store of its own on the database, as another process has, with these limits.
    private func withStore<T>(
        _ database: TestDatabase, _ budgets: BudgetPolicy, connections: Int = 4,
        _ body: (PostgresStore) async throws -> T
    ) async throws -> T {
        let store = PostgresStore(
            conninfo: database.conninfo, secrets: TestDatabase.secrets, connections: connections, budgets: budgets,
            log: database.store.log)
        let result: Result<T, any Error>
        do { result = .success(try await body(store)) } catch { result = .failure(error) }
        await store.close()
        return try result.get()
    }

    /// So many priced jobs, claimed by one worker, for users in turn.
    private func quoted(_ database: TestDatabase, jobs: Int, users: Int = 1) async throws -> [JobRecord] {
        for number in 1...users { _ = try await database.addUser(UInt64(number)) }
        for number in 0..<jobs {
            try await database.submit(UInt64(number + 1), user: .sample(UInt64(number % users + 1)))
        }
        let claimed = try await database.store.claim(limit: jobs, lease: 60, worker: "w")
        return try await claimed.concurrently { try await database.store.advance($0, by: .priced(.sample)) }
    }

    private enum Outcome: Equatable {
        case reserved
        case refused(BudgetRefusal.Scope)
    }

    private func reserve(_ record: JobRecord, _ store: PostgresStore) async throws -> Outcome {
        do {
            _ = try await store.advance(record, by: .submissionIntended(by: record.token))
            return .reserved
        } catch StoreError.overBudget(let refusal) {
            return .refused(refusal.scope)
        }
    }

    private func limits(_ day: String? = nil, _ month: String? = nil) -> SpendingLimits {
        SpendingLimits(perDay: day.flatMap { Money($0) }, perMonth: month.flatMap { Money($0) })
    }

    @Test(arguments: [false, true])
    func `workers that reserve at once never exceed a user's budget, and use all of it`(isMonth: Bool) async throws {
        try await TestDatabase.with(connections: 8) { database in
            let records = try await quoted(database, jobs: 8)
            let limit = isMonth ? limits(nil, "1.65") : limits("1.65")
            try await withStore(database, BudgetPolicy(perUser: limit)) { first in
                try await withStore(database, BudgetPolicy(perUser: limit)) { second in
                    let outcomes = try await records.enumerated().map { ($0.offset, $0.element) }
                        .concurrently { try await reserve($0.1, $0.0.isMultiple(of: 2) ? first : second) }
                    #expect(outcomes.count { $0 == .reserved } == 3)
                    #expect(outcomes.count { $0 == .refused(.user) } == 5)
                }
            }
            // A refusal leaves nothing behind.
            #expect(try await database.ledger() == Array(repeating: "reserve|0.550000", count: 3))
            #expect(try await database.sql("select count(*) from attempts") == "3")
            #expect(try await database.sql("select count(*) from jobs where state = 'quoted'") == "5")
            #expect(try await database.sql("select count(*) from job_steps where state = 'submitting'") == "3")
            #expect(try await database.store.audit().isSound)
        }
    }

    @Test func `workers that reserve at once for many users never exceed the deployment's cap, and use all of it`()
        async throws
    {
        try await TestDatabase.with(connections: 8) { database in
            let records = try await quoted(database, jobs: 8, users: 8)
            let policy = BudgetPolicy(cap: limits("2.75", "100"))
            try await withStore(database, policy) { first in
                try await withStore(database, policy) { second in
                    let outcomes = try await records.enumerated().map { ($0.offset, $0.element) }
                        .concurrently { try await reserve($0.1, $0.0.isMultiple(of: 2) ? first : second) }
                    #expect(outcomes.count { $0 == .reserved } == 5)
                    #expect(outcomes.count { $0 == .refused(.deployment) } == 3)
                }
            }
            #expect(try await database.sql("select sum(amount) from ledger") == "2.750000")
        }
    }

    @Test func `several reservations of one transaction count for each other`() async throws {
        try await TestDatabase.with { database in
            let records = try await quoted(database, jobs: 6, users: 2)
            let reservations = records.map {
                Reservation(user: $0.user, job: $0.id, account: $0.account, amount: .sample)
            }
            let policy = BudgetPolicy(cap: limits("1.65"), perUser: limits("1.10"))
            let refused = try await database.withPool { pool in
                try await pool.transaction { try $0.refusals(of: reservations, policy) }
            }
            #expect(refused.values.count { $0.scope == .user } == 1)
            #expect(refused.values.count { $0.scope == .deployment } == 2)
        }
    }

    @Test func `what is released or refunded is free again, what is settled is not`() async throws {
        try await TestDatabase.with { database in
            let records = try await quoted(database, jobs: 4)
            try await withStore(database, BudgetPolicy(perUser: limits("0.55"))) { store in
                let first = try await store.advance(records[0], by: .submissionIntended(by: records[0].token))
                #expect(try await reserve(records[1], store) == .refused(.user))
                _ = try await store.advance(
                    first, by: .submissionNotSent(.sample), evidence: AttemptEvidence(.notSent))

                let second = try await store.advance(records[1], by: .submissionIntended(by: records[1].token))
                let paid = try await store.advance(
                    second, by: .submissionAccepted(.sample), evidence: AttemptEvidence(.accepted))
                #expect(try await reserve(records[2], store) == .refused(.user))
                _ = try await store.advance(paid, by: .renderingFailed(.sample))
                #expect(try await reserve(records[2], store) == .reserved)
                #expect(try await store.users(limit: 1).map(\.spentToday) == [.sample])
                #expect(try await store.users(limit: 1).map(\.spentThisMonth) == [.sample])
            }
            #expect(try await database.store.audit().isSound)
        }
    }

    @Test func `what was spent in another period does not count, and a refund goes back to its own`() async throws {
        try await TestDatabase.with { database in
            let records = try await quoted(database, jobs: 2)
            try await database.sql(
                "alter table ledger disable trigger all; insert into ledger (user_id, job_id, kind, amount, at) "
                    + "select user_id, id, 'reserve', 0.55, now() - interval '40 days' from jobs where id = '\(records[0].id)'; "
                    + "insert into spending select user_id, period, date_trunc(period, now() at time zone 'UTC' - interval "
                    + "'40 days')::date, 0.55 from users, (values ('day'), ('month')) as p (period), jobs "
                    + "where jobs.user_id = users.id and jobs.id = '\(records[0].id)'; "
                    + "alter table ledger enable trigger all")
            try await withStore(database, BudgetPolicy(perUser: limits("0.55", "0.55"))) { store in
                let outcome = try await reserve(records[1], store)
                #expect(outcome == .reserved)
            }
            try await database.sql(
                "insert into ledger (user_id, job_id, kind, amount) select user_id, id, 'release', 0.55 from jobs "
                    + "where id = '\(records[0].id)'")
            #expect(
                try await database.sql("select period, amount from spending order by starts_on, period")
                    .split(separator: "\n").sorted()
                    == ["day|0.000000", "day|0.550000", "month|0.000000", "month|0.550000"])
        }
    }

    @Test func `a user's own budget goes before the default, lower or higher, and none is none`() async throws {
        try await TestDatabase.with { database in
            let records = try await quoted(database, jobs: 4)
            let user = records[0].user
            try await withStore(database, BudgetPolicy(perUser: limits("0.54"))) { store in
                #expect(try await reserve(records[0], store) == .refused(.user))
                try await store.setBudget(of: user, to: limits("0.55"))
                #expect(try await reserve(records[0], store) == .reserved)
                #expect(try await reserve(records[1], store) == .refused(.user))
                try await store.setBudget(of: user, to: limits())
                #expect(try await reserve(records[1], store) == .reserved)
                try await store.setBudget(of: user, to: nil)
                #expect(try await reserve(records[2], store) == .refused(.user))
                let listed = try #require(try await store.users(limit: 1).first)
                #expect(!listed.hasOwnBudget && listed.budgetPerDay == nil)
                await #expect(throws: StoreError.notFound) { try await store.setBudget(of: .sample(99), to: nil) }
            }
        }
    }

    @Test func `asking beforehand says the same and reserves nothing`() async throws {
        try await TestDatabase.with { database in
            let record = try #require(try await quoted(database, jobs: 1).first)
            let reservation = Reservation(user: record.user, job: record.id, account: record.account, amount: .sample)
            try await withStore(database, BudgetPolicy(cap: limits("0.50"), perUser: limits("1", "9"))) { store in
                #expect(try await store.refusal(of: reservation)?.scope == .deployment)
                let room = try #require(try await store.room(for: .sample, user: record.user))
                #expect(room.fits)
                #expect(room.limits.map(\.limit) == [Money("1"), Money("9")])
            }
            #expect(try await database.store.room(for: .sample, user: record.user) == nil)
            #expect(try await database.ledger() == [])
        }
    }

    @Test func `a failure keeps its notes, for the phone and after a restart`() async throws {
        try await TestDatabase.with { database in
            let record = try #require(try await quoted(database, jobs: 1).first)
            try await withStore(database, BudgetPolicy(perUser: limits("0.50"))) { store in
                let refusal = try #require(
                    try await store.refusal(
                        of: Reservation(user: record.user, job: record.id, account: record.account, amount: .sample)))
                let failed = try await store.advance(record, by: refusal.event)
                #expect(failed.failure?.budget == refusal.facts)
                let again = try await store.job(record.id, user: record.user).job
                #expect(again.failure?.code == "budget_exceeded")
                #expect(again.failure?.budget == refusal.facts)
            }
            var helpful = Failure.sample
            helpful.notes = FailureNotes(recommendedModel: "m-2", suggestedPrompt: "a calm sea", hint: "less blood")
            try await database.submit(7)
            let other = try await database.claimOne()
            let refused = try await database.store.advance(other, by: .refused(helpful))
            #expect(refused.progress.state == .failed(helpful))
            let job = try await database.store.job(other.id, user: other.user).job
            #expect(job.failure?.recommendedModel == "m-2")
            #expect(job.failure?.suggestedPrompt == "a calm sea")
            #expect(job.failure?.hint == "less blood")
        }
    }

    @Test func `a held job says why, and is due at once when a process starts`() async throws {
        try await TestDatabase.with { database in
            let record = try #require(try await quoted(database, jobs: 1).first)
            try await withStore(database, BudgetPolicy(cap: limits(nil, "0.50"))) { store in
                let refusal = try #require(
                    try await store.refusal(
                        of: Reservation(user: record.user, job: record.id, account: record.account, amount: .sample)))
                let held = try await store.advance(record, by: refusal.event)
                #expect(held.progress.hold?.kind == .known(.spendingCap))
                #expect(held.progress.hold?.until == refusal.facts?.renewsAt)
                #expect(held.leasedBy == nil)
                #expect(try await store.job(record.id, user: record.user).job.hold == held.progress.hold)
            }
            #expect(try await database.store.claim(limit: 1, lease: 60, worker: "w").isEmpty)
            #expect(try await database.store.lookAtHeld() == 1)
            let again = try await database.claimOne()
            let intended = try await database.store.advance(again, by: .submissionIntended(by: again.token))
            #expect(intended.progress.hold == nil)
            #expect(try await database.store.lookAtHeld() == 0)
        }
    }
}
