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
            #expect(detail.sequence == 1)
            #expect(detail.timeline.map(\.status) == [.known(.waiting)])
            #expect(try await database.store.job(.sample(4), user: user) == detail)
            #expect(try #require(try await database.store.untilDue()) <= 0)
            let record = try await database.claimOne()
            #expect(record.progress == JobProgress(maxPrice: Money("1.25")))
            #expect(record.request == request)
            #expect(abs(record.createdAt.timeIntervalSinceNow) < 60)
        }
    }

    @Test func `the same key with the same body answers with the same job as it stands`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit(1, key: key("k"))
            let record = try await database.store.advance(try await database.claimOne(), by: .priced(.sample))
            let again = try await database.submit(2, key: key("k"))
            #expect(again.job.id == .sample(1))
            #expect(again.job.price == .sample)
            #expect(again.sequence == record.changeSequence)
            #expect(try await database.sql("select count(*) from jobs") == "1")
        }
    }

    @Test func `the same key with another body is a conflict and makes nothing`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit(1, key: key("k"))
            await #expect(throws: StoreError.idempotencyConflict) { try await database.submit(2, key: key("k", 2)) }
            #expect(try await database.sql("select count(*) from jobs") == "1")
            #expect(try await database.sql("select change_sequence from users") == "1")
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
            #expect(detail.sequence == 2)
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
}
