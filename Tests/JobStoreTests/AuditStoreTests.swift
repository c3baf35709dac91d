import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct AuditStoreTests {
    /// Three jobs of two users that have come through the real code: one paid and refunded, one whose answer is lost, one
    /// released and paid at the second try. Numbers 1 to 3, 4, and 5 to 8 of the ledger.
    private func history(_ database: TestDatabase) async throws {
        let store = database.store
        _ = try await database.addUser(1)
        _ = try await database.addUser(2)
        try await database.submit(1)
        let first = try await intended(database)
        let paid = try await store.advance(
            first, by: .submissionAccepted(.sample), evidence: AttemptEvidence(.accepted))
        _ = try await store.advance(paid, by: .renderingFailed(.sample))

        try await database.submit(2)
        let second = try await intended(database)
        _ = try await store.advance(
            second, by: .submissionLost(evidence: "timeout"), evidence: AttemptEvidence(.lost))

        try await database.submit(3, user: .sample(2))
        let third = try await intended(database)
        _ = try await store.advance(third, by: .submissionNotSent(.sample), evidence: AttemptEvidence(.notSent))
        try await database.makeAllDue()
        let again = try await database.claimOne()
        let retried = try await store.advance(again, by: .submissionIntended(by: again.token))
        let receipt = Receipt(model: "m", queueID: "q-2", link: nil)
        _ = try await store.advance(retried, by: .submissionAccepted(receipt), evidence: AttemptEvidence(.accepted))
    }

    private func intended(_ database: TestDatabase) async throws -> JobRecord {
        let quoted = try await database.store.advance(try await database.claimOne(), by: .priced(.sample))
        return try await database.store.advance(quoted, by: .submissionIntended(by: quoted.token))
    }

    @Test func `what the engine writes adds up`() async throws {
        try await TestDatabase.with { database in
            #expect(try await database.store.audit().isSound)
            try await history(database)
            let report = try await database.store.audit()
            #expect(report.isSound)
            #expect(report.jobs == 3 && report.attempts == 4 && report.rows == 8)
        }
    }

    /// What is done to the rows with the triggers and references off, and what the audit names first.
    static let damages: [(sql: String, rule: AuditFinding.Rule, number: Int64?)] = [
        ("delete from ledger where number = 1", .nothingReserved, 2),
        ("delete from ledger where number = 2", .heldInWrongState, 1),
        ("delete from ledger where number = 3", .refundDiffers, 2),
        ("delete from ledger where number = 4", .reservationMissing, nil),
        ("update ledger set amount = amount + 0.000001 where number = 6", .amountDiffers, 6),
        ("update ledger set amount = 0 where number = 7", .attemptPriceDiffers, 7),
        ("update ledger set kind = 'settle' where number = 6", .outcomeDiffers, 6),
        (
            "insert into ledger (user_id, job_id, kind, amount) select user_id, job_id, kind, amount from ledger "
                + "where number = 8", .nothingReserved, 9
        ),
        (
            "insert into ledger (user_id, job_id, kind, amount) select user_id, gen_random_uuid(), 'reserve', 1 from ledger "
                + "where number = 8", .jobMissing, 9
        ),
        ("delete from jobs where queue_id = 'q-2'", .jobMissing, 5),
        ("delete from attempts where outcome = 'not_sent'", .outcomeDiffers, 6),
        ("delete from attempts where outcome = 'lost'", .attemptMissing, 4),
        (
            "insert into attempts (user_id, job_id, lease_token, price) select user_id, job_id, 99, 1 from ledger "
                + "where number = 8", .reservationMissing, nil
        ),
        ("update attempts set price = 0.5 where outcome = 'lost'", .attemptPriceDiffers, 4),
        ("update attempts set outcome = 'accepted' where outcome = 'not_sent'", .outcomeDiffers, 6),
        ("update jobs set price = 0.5 where queue_id = 'q-2'", .jobPriceDiffers, 7),
        ("update jobs set is_refunded = false where state = 'failed'", .refundDiffers, 2),
        ("update jobs set state = 'cancelled', attention_kind = null where state = 'attention'", .heldInWrongState, 4),
        (
            "update jobs set state = 'rendering', failure_code = null, next_action_at = now() where state = 'failed'; "
                + "delete from ledger where number in (2, 3)", .heldInWrongState, 1
        ),
        (
            "update spending set amount = 0 where period = 'day' and user_id = (select user_id from ledger where number = 5)",
            .counterDiffers, nil
        ),
        ("delete from spending where period = 'month'", .counterDiffers, nil),
        (
            "insert into users (id, name) values ('00000000-0000-7000-8000-000000000000', 'first'); insert into spending "
                + "values ('00000000-0000-7000-8000-000000000000', 'day', '2026-11-21', 1)", .counterDiffers, nil
        ),
    ]

    @Test(arguments: damages.indices) func `each damage is found, and the first row that is off is named`(
        index: Int
    ) async throws {
        let damage = Self.damages[index]
        try await TestDatabase.with { database in
            try await history(database)
            try await database.sql("set session_replication_role = replica; \(damage.sql)")
            let report = try await database.store.audit()
            let first = try #require(report.first, "\(damage.sql) went unnoticed")
            #expect(first.rule == damage.rule, "\(damage.sql): \(report.findings)")
            #expect(first.number == damage.number, "\(damage.sql): \(report.findings)")
            #expect(!report.isSound)
        }
    }

    @Test func `more rows than one batch of each are read to the end, with word of it on the way`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            let count = 12_000
            try await database.sql(
                """
                insert into jobs (user_id, id, state, request, account, price, failure_code, change_sequence)
                select users.id, gen_random_uuid(), 'failed', '{"model": "m"}', 'main', 0.55, 'x', number
                from users, generate_series(1, \(count)) as number;
                insert into attempts (user_id, job_id, lease_token, price, outcome, ended_at)
                select user_id, id, 1, 0.55, 'accepted', now() from jobs;
                insert into ledger (user_id, job_id, kind, amount) select user_id, id, 'reserve', 0.55 from jobs;
                insert into ledger (user_id, job_id, kind, amount) select user_id, id, 'settle', 0.55 from jobs;
                """)
            let calls = Counter()
            let report = try await database.store.audit { _ in calls.increment() }
            #expect(report.isSound, "\(report.findings)")
            #expect(report.jobs == count && report.attempts == count && report.rows == 2 * count)
            #expect(calls.value == 1)
            try await database.sql(
                "set session_replication_role = replica; update ledger set amount = 0.56 where number in (23999, 23456)"
            )
            let damaged = try await database.store.audit()
            #expect(damaged.first?.number == 23456)
            #expect(damaged.broken == ["amount_differs": 2])
        }
    }

    @Test func `sums, groups and refunds are those of the rows`() async throws {
        try await TestDatabase.with { database in
            try await history(database)
            let store = database.store
            let all = try await store.balance(of: nil, since: nil)
            #expect(all.held == .sample && all.spent == .sample && all.released == .sample && all.refunded == .sample)
            #expect(try await store.balance(of: .sample(2), since: nil).held == .zero)
            #expect(try await store.balance(of: nil, since: Date(timeIntervalSinceNow: 3600)).rows == 0)

            let users = try await store.spend(by: .user, of: nil, since: nil, limit: 10)
            #expect(users.map(\.group) == ["user 1", "user 2"])
            #expect(users.map(\.refunded) == [.sample, .zero])
            #expect(try await store.spend(by: .model, of: nil, since: nil, limit: 10).map(\.jobs) == [1, 1])
            #expect(try await store.spend(by: .day, of: nil, since: nil, limit: 10).count == 1)

            let refunds = try await store.refunds(of: nil, since: nil, limit: 10)
            #expect(refunds.map(\.refunded) == [.sample])
            #expect(refunds.first?.isRefunded == true && refunds.first?.code == "content_policy")
            let unknowns = try await store.unknowns(of: nil, limit: 10)
            #expect(unknowns.map(\.userName) == ["user 1"])
            #expect(unknowns.first?.record.attention?.priceAtRisk == .sample)
        }
    }
}
