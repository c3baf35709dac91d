import Foundation
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct KeepingTests {
    private let user = UserID.sample()

    /// Videos of one user: one a day, the newest of today, a megabyte each.
    private func withVideos(
        _ count: Int, _ body: (TestDatabase, PostgresStore) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            for number in 1...count { try await database.submit(UInt64(number)) }
            try await database.sql(
                """
                insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256, change_sequence,
                    created_at)
                select user_id, id, id, 'm', 'u/' || id, 'video/mp4', 1000000, repeat('a', 64), 1000 + number,
                    now() - (number - 1) * interval '1 day'
                from (select *, row_number() over (order by id desc) as number from jobs) as jobs;
                update users set change_sequence = 5000
                """)
            try await body(database, database.store)
        }
    }

    private func kept(_ database: TestDatabase) async throws -> String {
        try await database.sql(
            "select count(*), extract(day from now() - min(created_at)) from videos where deleted_at is null")
    }

    @Test func `by itself nothing goes`() async throws {
        try await withVideos(3) { database, store in
            let users = try await store.keptUsers(after: nil, orElse: KeepingRule(), limit: 10)
            #expect(users.isEmpty)
            #expect(try await store.deleteExcess(of: user, under: KeepingRule(), limit: 10) == 0)
            #expect(try await store.deleteExcess(of: user, under: KeepingRule(quotaBytes: 1), limit: 10) == 0)
            #expect(try await kept(database) == "3|2")
        }
    }

    @Test(arguments: [
        (KeepingRule(days: 4), "4|3"), (KeepingRule(newest: 3), "3|2"), (KeepingRule(days: 2, newest: 5), "2|1"),
        (KeepingRule(quotaBytes: 6_500_000, quotaRemovesOldest: true), "6|5"),
        (KeepingRule(quotaBytes: 1, quotaRemovesOldest: true), "1|0"),
    ])
    func `the oldest go first, and what was counted is what goes`(_ rule: KeepingRule, _ expected: String) async throws
    {
        try await withVideos(8) { database, store in
            let counted = try await store.excess(of: user, under: rule)
            #expect(try await kept(database) == "8|7")
            var gone = 0
            while true {
                let batch = try await store.deleteExcess(of: user, under: rule, limit: 2)
                gone += batch
                if batch < 2 { break }
            }
            #expect(counted == KeepingExcess(videos: gone, bytes: Int64(gone) * 1_000_000))
            #expect(try await kept(database) == expected)
            // Tombstones like any other: in the feed, each with its own sequence, and to be brought back.
            let tombstones = try await database.sql(
                "select count(distinct change_sequence) from videos where deleted_at is not null and change_sequence > 5000"
            )
            #expect(tombstones == "\(gone)")
            // What was brought back is not deleted again by the next round.
            _ = try await store.undelete(.video(.sample(1)), user: user, grace: 86_400)
            let oldest = try await database.sql(
                "select deleted_at is null from videos where id = '\(VideoID.sample(1))'")
            if rule.quotaBytes == nil || rule.quotaBytes == 6_500_000 {
                _ = try await store.deleteExcess(of: user, under: rule, limit: 10)
                let again = try await database.sql(
                    "select deleted_at is null from videos where id = '\(VideoID.sample(1))'")
                #expect(oldest == "t" && again == "t")
            }
        }
    }

    @Test func `a user's own rule counts instead of the deployment's, also one that keeps all`() async throws {
        try await withVideos(2) { _, store in
            let common = KeepingRule(days: 30)
            #expect(
                try await store.keptUsers(after: nil, orElse: common, limit: 10) == [KeptUser(user: user, rule: common)]
            )
            try await store.setKeeping(KeepingRule(), of: user)
            #expect(try await store.keptUsers(after: nil, orElse: common, limit: 10).isEmpty)
            let own = KeepingRule(newest: 1, quotaBytes: 5, quotaRemovesOldest: true)
            try await store.setKeeping(own, of: user)
            #expect(try await store.keeping(of: user) == own)
            #expect(
                try await store.keptUsers(after: nil, orElse: KeepingRule(), limit: 10)
                    == [KeptUser(user: user, rule: own)])
            #expect(try await store.keptUsers(after: user, orElse: common, limit: 10).isEmpty)
            try await store.setKeeping(nil, of: user)
            #expect(try await store.keeping(of: user) == nil)
            await #expect(throws: StoreError.notFound) { try await store.setKeeping(own, of: .sample(99)) }
        }
    }

    @Test func `a video that is larger than the quota takes no other with it, and the newest never goes`() async throws
    {
        try await withVideos(5) { database, store in
            let rule = KeepingRule(quotaBytes: 4_000_000, quotaRemovesOldest: true)
            try await database.sql(
                "update videos set bytes = 9000000 where created_at = (select max(created_at) from videos)")
            #expect(try await store.deleteExcess(of: user, under: rule, limit: 10) == 0)
            // With a newer one it is one of the others, and goes alone.
            try await database.sql(
                """
                update videos set bytes = case bytes when 9000000 then 1000000 else 9000000 end
                where id in (select id from videos order by created_at desc limit 2)
                """)
            #expect(try await store.excess(of: user, under: rule) == KeepingExcess(videos: 1, bytes: 9_000_000))
            #expect(try await store.deleteExcess(of: user, under: rule, limit: 10) == 1)
            #expect(try await kept(database) == "4|4")
        }
    }

    @Test func `a full quota is told where it refuses, and what is deleted counts no more`() async throws {
        try await withVideos(2) { _, store in
            let rule = KeepingRule(quotaBytes: 2_000_000)
            let full = try await store.fullQuota(of: user, orElse: rule)
            #expect(full?.kept == 2_000_000)
            #expect(full?.quota == 2_000_000)
            let removing = KeepingRule(quotaBytes: 1, quotaRemovesOldest: true)
            #expect(try await store.fullQuota(of: user, orElse: removing) == nil)
            #expect(try await store.fullQuota(of: user, orElse: KeepingRule()) == nil)
            _ = try await store.delete(.video(.sample(1)), user: user, grace: 1)
            #expect(try await store.fullQuota(of: user, orElse: rule) == nil)
        }
    }
}
