import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct LeaseTests {
    @Test func `jobs are claimed oldest first, and not twice`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            for number in UInt64(1)...6 { try await database.submit(number) }
            // Due in an order of its own, to tell it from that of the identifiers.
            let order: [UInt64] = [4, 1, 6, 2, 5, 3]
            for (age, number) in order.enumerated() {
                try await database.sql(
                    "update jobs set next_action_at = now() - interval '\(100 - age) s' "
                        + "where id = '\(JobID.sample(number))'")
            }
            let first = try await database.store.claim(limit: 4, lease: 6000, worker: "a")
            #expect(first.map(\.id) == order.prefix(4).map { JobID.sample($0) })
            #expect(first.allSatisfy { $0.token == LeaseToken(1) && $0.leasedBy == "a" })
            let second = try await database.store.claim(limit: 4, lease: 6000, worker: "b")
            #expect(second.map(\.id) == order.suffix(2).map { JobID.sample($0) })
            #expect(try await database.store.claim(limit: 4, lease: 6000, worker: "b") == [])
            #expect(try #require(try await database.store.untilDue()) > 3000)
        }
    }

    @Test func `many claimers at once get each job once`() async throws {
        try await TestDatabase.with(connections: 8) { database in
            _ = try await database.addUser()
            _ = try await (UInt64(1)...60).concurrently { try await database.submit($0) }
            let claimed = try await (0..<8).concurrently { worker in
                var mine: [JobID] = []
                while true {
                    let batch = try await database.store.claim(limit: 3, lease: 6000, worker: "w\(worker)")
                    if batch.isEmpty { return mine }
                    mine += batch.map(\.id)
                }
            }
            #expect(claimed.joined().count == 60)
            #expect(Set(claimed.joined()).count == 60)
            #expect(try await database.sql("select distinct lease_token from jobs") == "1")
        }
    }

    @Test func `a stale token changes nothing`() async throws {
        try await TestDatabase.with { database in
            let lost = try await database.claimedJob()
            try await database.makeAllDue()
            let held = try await database.claimOne()
            #expect(held.token == LeaseToken(2))
            func everything() async throws -> String {
                try await database.sql(
                    "select jobs, users from jobs, users; select * from job_steps; select * from ledger; "
                        + "select * from attempts; select * from videos")
            }
            let before = try await everything()
            var stale = lost
            stale.progress.state = .quoted(.sample)
            await #expect(throws: StoreError.leaseLost) {
                try await database.store.commit(
                    stale, [.reserve(.sample), .publish, .addVideo(.sample)], evidence: AttemptEvidence(.accepted))
            }
            #expect(try await database.store.renew([lost], lease: 60) == [lost.lease])
            try await database.store.giveBack([lost])
            #expect(try await everything() == before)
            #expect(try await database.store.advance(held, by: .priced(.sample)).progress.state == .quoted(.sample))
        }
    }

    @Test func `a renewal moves the end of the lease and names what was lost`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            for number in UInt64(1)...3 { try await database.submit(number) }
            let held = try await database.store.claim(limit: 3, lease: 10, worker: "a")
            try await database.sql("update jobs set lease_token = lease_token + 1 where id = '\(JobID.sample(2))'")
            #expect(
                try await database.store.renew(held, lease: 600)
                    == Set(held.map(\.lease).filter { $0.job == .sample(2) }))
            let ends = try await database.sql(
                "select count(*) from jobs where next_action_at > now() + interval '500 s'")
            #expect(ends == "2")
            #expect(try await database.store.renew([], lease: 60) == [])
        }
    }

    @Test func `a job that was given back is due at once under the next token`() async throws {
        try await TestDatabase.with { database in
            let record = try await database.claimedJob()
            try await database.store.giveBack([record])
            let next = try await database.claimOne(worker: "b")
            #expect(next.token == LeaseToken(2))
            #expect(next.leasedBy == "b")
        }
    }

    @Test func `a job that waits its turn is neither renewed nor hurried by its last holder`() async throws {
        try await TestDatabase.with { database in
            let record = try await database.claimedJob()
            let resting = try await database.store.advance(record, by: .postponed(3000))
            #expect(resting.leasedBy == nil)
            #expect(try await database.store.renew([record], lease: 60_000) == [record.lease])
            try await database.store.giveBack([record])
            let due = try #require(try await database.store.untilDue())
            #expect(due > 2000 && due <= 3000)
        }
    }

    @Test func `the job of a dead worker comes due again under a higher token`() async throws {
        try await TestDatabase.with { database in
            let dead = try await database.claimedJob()
            #expect(try await database.store.claim(limit: 1, lease: 60, worker: "b") == [])
            try await database.makeAllDue()
            let next = try await database.claimOne(worker: "b")
            #expect(next.token.rawValue > dead.token.rawValue)
            await #expect(throws: StoreError.leaseLost) {
                try await database.store.advance(dead, by: .priced(.sample))
            }
        }
    }

    @Test func `a row that cannot be read holds up no other`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            for number in UInt64(1)...3 { try await database.submit(number) }
            try await database.sql(
                "update jobs set consent_request = '{}', attention_kind = 'consent_needed', state = 'attention', price = 1 "
                    + "where id = '\(JobID.sample(2))'")
            let claimed = try await database.store.claim(limit: 5, lease: 60, worker: "a")
            #expect(claimed.map(\.id) == [.sample(1), .sample(3)])
        }
    }

    @Test func `a request that cannot be read is told when somebody asks for it`() async throws {
        try await TestDatabase.with { database in
            let record = try await database.claimedJob()
            #expect(try record.request == .sample)
            try await database.sql("update jobs set request = '[]'")
            try await database.makeAllDue()
            let claimed = try await database.claimOne()
            let error = #expect(throws: PostgresError.self) { try claimed.request }
            guard case .unexpectedRow(let what) = error else { return #expect(error == .unexpectedRow("…")) }
            #expect(what.hasPrefix("a job's request cannot be read"))
            // The job itself can still be moved.
            _ = try await database.store.advance(claimed, by: .refused(.sample))
        }
    }
}
