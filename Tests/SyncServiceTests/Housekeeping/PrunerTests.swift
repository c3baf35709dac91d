import Foundation
import JobStore
import Logging
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

@Suite struct PrunerTests {
    private struct Cut: Error {}

    private func withPruner(batch: Int, _ body: (TestDatabase, LocalObjectStore, Pruner) async throws -> Void)
        async throws
    {
        try await TestDatabase.with { database in
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
            defer { try? FileManager.default.removeItem(at: folder) }
            let objects = try LocalObjectStore(root: folder.path)
            var settings = RetentionSettings()
            settings.batch = batch
            let pruner = Pruner(
                store: database.store, objects: objects, settings: settings,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                pause: {})
            try await body(database, objects, pruner)
        }
    }

    /// Jobs that were cancelled and deleted long ago.
    private func oldJobs(_ count: Int, _ database: TestDatabase) async throws {
        let user = try await database.store.addUser(named: "a", id: .sample()).id
        let jobs = (1...count).map { number in
            NewJob(JobSubmission(request: .sample), id: .sample(UInt64(number)), user: user, account: "main")
        }
        for outcome in await database.store.submit(jobs) { _ = try outcome.get() }
        try await database.sql(
            "update jobs set state = 'cancelled', next_action_at = null, deleted_at = now() - interval '40 d', "
                + "updated_at = now() - interval '40 d'")
    }

    @Test func `a round goes on until nothing old is left`() async throws {
        try await withPruner(batch: 4) { database, _, pruner in
            try await oldJobs(11, database)
            #expect(try await pruner.prune()["jobs"] == 11)
            #expect(try await pruner.prune().values.reduce(0, +) == 0)
            #expect(try await database.sql("select count(*) from jobs") == "0")
        }
    }

    @Test func `a pruner that dies between batches leaves whole ones, and the next goes on`() async throws {
        try await withPruner(batch: 4) { database, _, pruner in
            try await oldJobs(11, database)
            var dying = pruner
            dying.pause = { throw Cut() }
            await #expect(throws: Cut.self) { try await dying.prune() }
            #expect(try await database.sql("select count(*) from jobs") == "7")
            #expect(try await database.sql("select count(distinct job_id) from job_steps") == "7")
            #expect(try await pruner.prune()["jobs"] == 7)
        }
    }

    @Test func `the bytes of a deleted video go before its row, and may be gone already`() async throws {
        try await withPruner(batch: 10) { database, objects, pruner in
            try await oldJobs(2, database)
            let key = try ObjectKey(user: UserID.sample().description, "videos", "1.mp4")
            let body = AsyncStream<[UInt8]> { stream in
                stream.yield(Array("bytes".utf8))
                stream.finish()
            }
            _ = try await objects.put(key, body: body)
            try await database.sql(
                """
                insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256, change_sequence,
                    deleted_at)
                select user_id, id, id, 'm', case when id = '\(JobID.sample(1))' then '\(key)' else '\(key)-gone' end,
                    'video/mp4', 5, repeat('a', 64), change_sequence + 100, now() - interval '40 d' from jobs
                """)
            let gone = try await pruner.prune()
            #expect(gone["videos"] == 2)
            #expect(gone["jobs"] == 2)
            await #expect(throws: ObjectStoreError.self) { try await objects.head(key) }
            #expect(try await database.sql("select feed_floor from users") == "104")
        }
    }

    @Test func `what a rule does not keep is deleted, can be brought back, and goes when the grace is over`()
        async throws
    {
        try await withPruner(batch: 2) { database, objects, pruner in
            let ids = try await database.addVideos([[1], [2], [3], [4]], in: objects)
            var keeping = pruner
            keeping.settings.keeping.newest = 1
            #expect(try await pruner.prune()["deleted"] == 0)
            #expect(try await keeping.prune()["deleted"] == 3)
            #expect(try await objects.list(prefix: "", after: nil, limit: 10).count == 4)
            let deleted = try await database.sql(
                "select id from videos where deleted_at is not null order by id limit 1")
            let first = try #require(ids.first { $0.description == deleted })
            _ = try await database.store.undelete(.video(first), user: .sample(), grace: keeping.settings.grace)
            keeping.settings.keeping.newest = nil
            keeping.settings.grace = 0
            let gone = try await keeping.prune()
            #expect(gone["files"] == 2 && gone["videos"] == 0)
            #expect(try await objects.list(prefix: "", after: nil, limit: 10).count == 2)
        }
    }

    @Test func `a file that cannot be removed holds up no other, and is tried again`() async throws {
        try await withPruner(batch: 10) { database, objects, pruner in
            let ids = try await database.addVideos([[1], [2]], in: objects)
            var eager = pruner
            eager.settings.grace = 0
            for id in ids { _ = try await database.store.delete(.video(id), user: .sample(), grace: 0) }
            let path = objects.path(of: try ObjectKey(user: UserID.sample().description, "videos", "\(ids[0]).mp4"))
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            #expect(try await eager.prune()["files"] == 1)
            #expect(try await database.sql("select count(*) from videos where removed_at is null") == "1")
            try FileManager.default.removeItem(atPath: path)
            #expect(try await eager.prune()["files"] == 1)
            #expect(try await database.sql("select count(*) from videos where removed_at is null") == "0")
        }
    }
}
