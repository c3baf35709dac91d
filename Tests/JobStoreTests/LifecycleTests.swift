import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct LifecycleTests {
    private static let week: TimeInterval = 7 * 86_400
    private let user = UserID.sample()
    private let video = Deletable.video(.sample())

    @Test func `a deletion is one tombstone with the next sequence, however often it is asked for`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.readyJob()
            var device = ChangeReducer()
            try await database.store.follow(&device, user: user)
            let before = try await database.sequence()
            let first = try await database.store.delete(video, user: user, grace: Self.week)
            let again = try await database.store.delete(video, user: user, grace: Self.week)
            #expect(first == again)
            #expect(first.sequence == before + 1)
            #expect(try await database.sequence() == before + 1)
            let page = try await database.store.changes(after: nil, user: user, limit: 10)
            #expect(!page.changes.contains { $0.key.kind == .known(.video) })
            try await database.store.follow(&device, user: user)
            #expect(device.store.videos.isEmpty)
            #expect(device.store.jobs.count == 1)
            await #expect(throws: StoreError.notFound) { try await database.store.videoFile(.sample(), user: user) }
        }
    }

    @Test func `what was deleted comes back within the grace, and only then`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.readyJob()
            let job = Deletable.job(.sample())
            for object in [video, job] {
                let living = try await database.store.undelete(object, user: user, grace: Self.week)
                let deleted = try await database.store.delete(object, user: user, grace: Self.week)
                #expect(living.key == deleted.change.key)
                let back = try await database.store.undelete(object, user: user, grace: Self.week)
                #expect(back.sequence == deleted.sequence + 1)
                #expect(back.object == living.object)
                #expect(try await database.store.undelete(object, user: user, grace: Self.week) == back)
            }
            for (object, table) in [(video, "videos"), (job, "jobs")] {
                _ = try await database.store.delete(object, user: user, grace: Self.week)
                try await database.sql("update \(table) set deleted_at = now() - interval '7 d'")
                await #expect(throws: StoreError.graceOver) {
                    try await database.store.undelete(object, user: user, grace: Self.week)
                }
            }
        }
    }

    @Test func `a job that has not ended is not deleted, and says where it is`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit(1)
            for (state, status) in [("accepted", Job.Status.waiting), ("attention", .attention)] {
                let kind = state == "attention" ? "'account_blocked'" : "null"
                try await database.sql(
                    "update jobs set state = '\(state)', attention_kind = \(kind), "
                        + "next_action_at = case when '\(state)' = 'accepted' then now() end")
                await #expect(throws: StoreError.underWay(status)) {
                    try await database.store.delete(.job(.sample(1)), user: user, grace: 1)
                }
            }
            #expect(try await database.sql("select deleted_at is null from jobs") == "t")
        }
    }

    @Test func `nobody deletes or brings back another's things`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.readyJob()
            let stranger = try await database.addUser(9)
            for object in [video, .job(.sample())] {
                await #expect(throws: StoreError.notFound) {
                    try await database.store.delete(object, user: stranger, grace: 1)
                }
                await #expect(throws: StoreError.notFound) {
                    try await database.store.undelete(object, user: stranger, grace: 1)
                }
            }
        }
    }

    @Test func `a removal that was begun cannot be undone, and is found until it is finished`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.readyJob()
            let store = database.store
            _ = try await store.delete(video, user: user, grace: Self.week)
            #expect(try await store.beginRemovals(grace: Self.week, limit: 10).isEmpty)
            try await database.sql("update videos set deleted_at = now() - interval '8 d'")
            let removals = try await store.beginRemovals(grace: Self.week, limit: 10)
            #expect(removals.map(\.key) == [StoredVideo.sample.key])
            // Whatever the grace is by now.
            await #expect(throws: StoreError.graceOver) {
                try await store.undelete(video, user: user, grace: 365 * 86_400)
            }
            #expect(try await store.beginRemovals(grace: Self.week, limit: 10) == removals)
            try await store.finishRemovals(removals)
            #expect(try await store.beginRemovals(grace: Self.week, limit: 10).isEmpty)
        }
    }

    @Test func `two hundred deletions and returns at once leave no gap and no change unseen`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.readyJob()
            var device = ChangeReducer()
            try await database.store.follow(&device, user: user)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    let object = number.isMultiple(of: 3) ? Deletable.job(.sample()) : video
                    group.addTask {
                        if number.isMultiple(of: 2) {
                            _ = try await database.store.delete(object, user: user, grace: Self.week)
                        } else {
                            _ = try await database.store.undelete(object, user: user, grace: Self.week)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await database.store.follow(&device, user: user)
            var fresh = ChangeReducer()
            try await database.store.follow(&fresh, user: user)
            #expect(device.store.jobs == fresh.store.jobs)
            #expect(device.store.videos == fresh.store.videos)
            #expect(try await database.sql("select count(*) = count(distinct change_sequence) from videos") == "t")
        }
    }
}

extension TestDatabase {
    fileprivate func sequence() async throws -> Int64 {
        Int64(try await sql("select change_sequence from users")) ?? -1
    }
}
