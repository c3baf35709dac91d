import Foundation
import HTTPTransport
import JobStore
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct StorageVerifyTests {
    private let user = UserID.sample()

    /// Three videos of a hundred thousand bytes.
    private func withVideos(
        _ body: (TestDatabase, LocalObjectStore, StorageVerify, [String]) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            try await withFolder { folder in
                let objects = try LocalObjectStore(root: folder + "/objects")
                let videos = (1...3).map { [UInt8](repeating: UInt8($0), count: 100_000) }
                _ = try await database.addVideos(videos, in: objects)
                let keys = try await objects.list(prefix: "", after: nil, limit: 10).map(\.key.description)
                var settings = StorageVerify.Settings()
                (settings.grace, settings.cursorFile) = (0, folder + "/verify.json")
                let verify = StorageVerify(
                    store: database.store, objects: objects, settings: settings,
                    now: { Date(timeIntervalSinceNow: 60) })
                try await body(database, objects, verify, keys)
            }
        }
    }

    private func file(_ key: String, _ objects: LocalObjectStore) throws -> URL {
        URL(fileURLWithPath: objects.path(of: try ObjectKey(key)))
    }

    private func spoil(_ key: String, _ objects: LocalObjectStore, _ change: (inout Data) -> Void) throws {
        let file = try file(key, objects)
        var data = try Data(contentsOf: file)
        change(&data)
        try data.write(to: file)
    }

    @Test func `sound storage has nothing to report, and every byte was read`() async throws {
        try await withVideos { _, _, verify, _ in
            let report = try await verify.run { _ in }
            #expect(report.rows == 3 && report.objects == 3 && report.bytes == 300_000)
            #expect(report.damage == 0 && report.findings.isEmpty)
        }
    }

    @Test func `a flipped bit, a cut, a missing file, an orphan and a folder in the way are each found`() async throws {
        try await withVideos { database, objects, verify, keys in
            try spoil(keys[0], objects) { $0[5000] ^= 1 }
            try FileManager.default.removeItem(at: try file(keys[1], objects))
            let orphan = try ObjectKey(user: user.description, "videos", "\(VideoID.sample(99)).mp4")
            try await objects.put(orphan, bytes: [1, 2, 3])
            try await objects.put(try ObjectKey("somebody/notes.txt"), bytes: [4])
            // A piece of an upload that is under way, perhaps.
            try await objects.put(try ObjectKey("\(user)/uploads/\(AssetID.sample(7)).0.x"), bytes: [5])
            var report = try await verify.run { _ in }
            #expect(report.corrupt == 1 && report.missing == 1 && report.orphaned == 2 && report.damage == 4)
            #expect(report.findings.first { $0.kind == .corrupt }?.key == keys[0])
            #expect(report.findings.first { $0.kind == .missing }?.key == keys[1])

            try spoil(keys[0], objects) { $0.removeLast() }
            try FileManager.default.createDirectory(at: try file(keys[1], objects), withIntermediateDirectories: true)
            report = try await verify.run { _ in }
            #expect(report.corrupt == 1 && report.unreadable == 1)
            #expect(report.findings.first { $0.kind == .corrupt }?.what.contains("99999 bytes") == true)
        }
    }

    @Test func `repair moves orphans aside and deletes nothing, and a second walk finds them no more`() async throws {
        try await withVideos { _, objects, verify, _ in
            let orphan = try ObjectKey(user: user.description, "videos", "\(VideoID.sample(99)).mp4")
            try await objects.put(orphan, bytes: [1, 2, 3])
            var verify = verify
            verify.settings.isRepairing = true
            let report = try await verify.run { _ in }
            #expect(report.orphaned == 1 && report.repaired == 1 && report.damage == 0)
            let aside = try await objects.list(prefix: "lost-found/", after: nil, limit: 10)
            #expect(aside.count == 1 && aside[0].key.description.hasSuffix(orphan.description))
            #expect(try await objects.all(aside[0].key.description) == [1, 2, 3])
            await #expect(throws: ObjectStoreError.notFound) { try await objects.head(orphan) }
            #expect(try await verify.run { _ in }.orphaned == 0)
        }
    }

    @Test func `what a row is just coming for is no orphan, however old its bytes are`() async throws {
        try await withVideos { database, objects, verify, keys in
            let video = VideoID.sample(1)
            try await database.sql("update videos set media_due_at = null where id <> '\(video)'")
            try await database.sql(
                """
                update jobs set state = 'downloading', video_id = null, is_cleaned_up = null, next_action_at = now()
                where id = '\(VideoID.sample(2))'
                """)
            try await database.sql("delete from videos where id = '\(VideoID.sample(2))'")
            let upload = AssetID.sample(7)
            try await database.sql(
                """
                insert into uploads (user_id, id, bytes, expires_at) values ('\(user)', '\(upload)', 9, now());
                insert into upload_pieces values ('\(user)', '\(upload)', 0, 1, '\(user)/uploads/\(upload).0.x')
                """)
            let coming = [
                "\(user)/videos/\(video).poster.jpg", "\(user)/videos/\(video).preview.webp",
                "\(user)/uploads/\(upload).0.x",
            ]
            for key in coming { try await objects.put(try ObjectKey(key), bytes: [1]) }
            let others = ["\(user)/videos/\(VideoID.sample(3)).poster.jpg", "\(user)/uploads/\(AssetID.sample(8)).0.x"]
            for key in others { try await objects.put(try ObjectKey(key), bytes: [1]) }
            var verify = verify
            verify.settings.isRepairing = true
            verify.now = { Date(timeIntervalSinceNow: 100 * 86_400) }
            let report = try await verify.run { _ in }
            #expect(Set(report.findings.map(\.key)) == Set(others) && report.orphaned == 2)
            let left = try await objects.list(prefix: "\(user)/", after: nil, limit: 20).map(\.key.description)
            #expect(Set(left) == Set(coming + keys))
        }
    }

    @Test(arguments: [true, false])
    func `what gets its row or other bytes while it is copied stays where it is`(_ getsRow: Bool) async throws {
        try await withVideos { database, objects, verify, _ in
            let orphan = try ObjectKey(user: user.description, "videos", "\(VideoID.sample(99)).mp4")
            try await objects.put(orphan, bytes: [1, 2, 3])
            var hooked = HookedStore(objects)
            hooked.afterCopy = { key in
                guard getsRow else {
                    try await objects.put(key, bytes: [3, 2, 1])
                    return
                }
                let (id, job) = (VideoID.sample(99), VideoID.sample(1))
                try await database.sql(
                    """
                    delete from videos where id = '\(job)';
                    insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256,
                        change_sequence) values ('\(user)', '\(id)', '\(job)', 'm', '\(key)', 'video/mp4', 3,
                        repeat('a', 64), 99)
                    """)
            }
            var verify = verify
            (verify.objects, verify.settings.isRepairing) = (hooked, true)
            #expect(try await verify.run { _ in }.orphaned == 0)
            #expect(try await objects.head(orphan).bytes == 3)
        }
    }

    @Test func `a lost picture is made again, and a lost video fetched where that is possible`() async throws {
        try await withVideos { database, objects, verify, keys in
            let id = VideoID.sample(1)
            try await database.sql(
                """
                insert into video_pictures values ('\(user)', '\(id)', 'poster', '\(user)/videos/\(id).poster.jpg',
                    'image/jpeg', 5, repeat('a', 64), 1, 1);
                update videos set media_due_at = null
                """)
            try FileManager.default.removeItem(at: try file(keys[0], objects))
            try spoil(keys[1], objects) { $0[0] ^= 1 }
            var verify = verify
            verify.settings.isRepairing = true
            verify.fetchAgain = { expected in
                guard expected.key == keys[0] else { return false }
                try await objects.put(try ObjectKey(expected.key), bytes: .init(repeating: 1, count: 100_000))
                return true
            }
            let report = try await verify.run { _ in }
            #expect(report.missing == 2 && report.corrupt == 1 && report.repaired == 2 && report.damage == 1)
            #expect(try await database.sql("select count(*) from videos where media_due_at is not null") == "1")
            // The spoilt bytes are kept aside, too.
            #expect(try await objects.list(prefix: "lost-found/", after: nil, limit: 10).count == 1)
        }
    }

    @Test func `a video that cannot be fetched is one finding, and the walk goes on`() async throws {
        try await withVideos { _, objects, verify, keys in
            for key in keys { try FileManager.default.removeItem(at: try file(key, objects)) }
            var verify = verify
            verify.settings.isRepairing = true
            verify.fetchAgain = { _ in throw ObjectStoreError.noSpace }
            let report = try await verify.run { _ in }
            #expect(report.missing == 3 && report.repaired == 0)
            #expect(report.findings.allSatisfy { $0.what.contains("no room left") })
        }
    }

    @Test func `the upstream's own bytes are kept where they no longer become what the row names`() async throws {
        let original = try SmallVideo.bytes()
        try await TestDatabase.with { database in
            try await withFolder { folder in
                let objects = try LocalObjectStore(root: folder)
                let id = try await database.addVideos([original], in: objects)[0]
                let hash = ContentHash(of: original).hex
                try await database.sql(
                    "update videos set original_sha256 = sha256, sha256 = repeat('b', 64) where id = '\(id)'")
                let place = ExpectedObject.Place(user: user, id: id.uuid, kind: "video")
                let expected = try #require(try await database.store.expectedObject(at: place))
                try await objects.delete(try ObjectKey(expected.key))
                let before = try await database.store.changes(after: nil, user: user, limit: 10).through
                #expect(try await refetch(original, database, objects)(expected))
                #expect(try await objects.all(expected.key) == original)
                let again = try #require(try await database.store.expectedObject(at: place))
                #expect(again.sha256 == hash && again.originalSHA256 == nil)
                #expect(try await database.store.changes(after: nil, user: user, limit: 10).through == before + 1)
                #expect(try objects.stagedFiles == [])
            }
        }
    }

    private func refetch(_ bytes: [UInt8], _ database: TestDatabase, _ objects: any ObjectStore) -> VideoRefetch {
        let http = ScriptedHTTPClient(
            .answer(status: 200, headers: ["Content-Type": "video/mp4"], chunks: [bytes], failure: nil))
        var configuration = Configuration()
        configuration.veniceKey = Redacted("k")
        return VideoRefetch(
            store: database.store, objects: objects, accounts: Accounts(configuration, http: http),
            limit: configuration.limit(.retrieve), bytesLimit: 1 << 30)
    }

    @Test func `what is young, deleted meanwhile, or on its way out is no damage`() async throws {
        try await withVideos { database, objects, verify, keys in
            let orphan = try ObjectKey(user: user.description, "videos", "\(VideoID.sample(99)).mp4")
            try await objects.put(orphan, bytes: [1, 2, 3])
            try FileManager.default.removeItem(at: try file(keys[0], objects))
            try await database.sql(
                "update videos set deleted_at = now(), removing_since = now() where storage_key = '\(keys[0])'")
            var verify = verify
            verify.settings.grace = 3600
            #expect(try await verify.run { _ in }.damage == 0)
            // Deleted and still to be brought back, it must be there.
            try await database.sql("update videos set removing_since = null")
            #expect(try await verify.run { _ in }.missing == 1)
        }
    }

    @Test func `a walk that was stopped goes on from there, and one that came to its end does not`() async throws {
        try await withVideos { _, objects, verify, keys in
            var stopping = verify
            stopping.settings.page = 1
            stopping.settings.bytesPerSecond = 1
            // Waits after the first object until it is stopped.
            let clock = CancellingClock(after: 1)
            stopping.clock = clock
            let walk = Task { [stopping] in try await stopping.run { _ in } }
            clock.cancel = { walk.cancel() }
            _ = await walk.result
            try spoil(keys[0], objects) { $0[0] ^= 1 }
            var resuming = verify
            (resuming.settings.page, resuming.settings.isResuming) = (1, true)
            let rest = try await resuming.run { _ in }
            #expect(rest.rows == 3)
            #expect(rest.corrupt == 0)
            #expect(try await resuming.run { _ in }.corrupt == 1)
        }
    }

    @Test func `the pace is kept`() async throws {
        try await withVideos { _, _, verify, _ in
            let clock = InstantClock()
            var slow = verify
            (slow.settings.bytesPerSecond, slow.clock) = (10_000, clock)
            _ = try await slow.run { _ in }
            let waited = clock.waits.reduce(Duration.zero, +)
            #expect(waited > .seconds(29.9) && waited < .seconds(30.1))
        }
    }

    @Test func `a video is fetched from the upstream again, and only if it has the same bytes`() async throws {
        let (good, bad) = (try SmallVideo.bytes(arguments: ["-movflags", "+faststart"]), try SmallVideo.bytes("96x96"))
        try await TestDatabase.with { database in
            try await withFolder { folder in
                let objects = try LocalObjectStore(root: folder)
                let ids = try await database.addVideos([good], in: objects)
                let place = ExpectedObject.Place(user: user, id: ids[0].uuid, kind: "video")
                let expected = try #require(try await database.store.expectedObject(at: place))
                try await objects.delete(try ObjectKey(expected.key))
                let answers: [(bytes: [UInt8], status: Int, comes: Bool)] = [
                    (bad, 200, false), ([], 404, false), (good, 200, true),
                ]
                for (bytes, status, comes) in answers {
                    let http = ScriptedHTTPClient(
                        .answer(status: status, headers: ["Content-Type": "video/mp4"], chunks: [bytes], failure: nil))
                    var configuration = Configuration()
                    configuration.veniceKey = Redacted("k")
                    let refetch = VideoRefetch(
                        store: database.store, objects: objects, accounts: Accounts(configuration, http: http),
                        limit: configuration.limit(.retrieve), bytesLimit: 1 << 30)
                    #expect(try await refetch(expected) == comes)
                }
                #expect(try await objects.all(expected.key) == good)
            }
        }
    }
}

/// Every wait is over at once, and after some of them a task is cancelled.
private final class CancellingClock: Clock, @unchecked Sendable {
    private let inner = InstantClock()
    private let lock = NSLock()
    private var left: Int
    private var action: (@Sendable () -> Void)?

    init(after waits: Int) { left = waits }

    var cancel: (@Sendable () -> Void)? {
        get { lock.withLock { action } }
        set { lock.withLock { action = newValue } }
    }

    var now: InstantClock.Instant { inner.now }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: InstantClock.Instant, tolerance: Duration?) async throws {
        let isTime = lock.withLock {
            left -= 1
            return left < 0
        }
        while isTime, cancel == nil { await Task.yield() }
        if isTime { cancel?() }
        try await inner.sleep(until: deadline, tolerance: tolerance)
    }
}
