import Foundation
import JobStore
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct MediaWorkerTests {
    private let user = UserID.sample()

    private func withWorker(
        _ videos: [[UInt8]], _ body: (TestDatabase, LocalObjectStore, MediaWorker, [VideoID]) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            try await withFolder { folder in
                let objects = try LocalObjectStore(root: folder + "/objects")
                let ids = try await database.addVideos(videos, in: objects)
                let worker = MediaWorker(
                    store: database.store, objects: objects, tools: try #require(MediaTools("ffmpeg")),
                    folder: folder + "/media", log: quiet)
                try await body(database, objects, worker, ids)
            }
        }
    }

    @Test func `facts and pictures come into the feed with one change, and are what the feed says`() async throws {
        try await withWorker([try SmallVideo.bytes()]) { database, objects, worker, ids in
            let before = try await database.store.changes(after: nil, user: user, limit: 10).through
            #expect(try await worker.round() == 1)
            let video = try await database.store.videoFile(ids[0], user: user).video
            #expect(try await database.store.changes(after: nil, user: user, limit: 10).through == before + 1)
            #expect(video.videoCodec == "h264" && video.frameRate == 25 && video.width == 192)
            for (kind, told) in [(PictureKind.poster, video.poster), (.preview, video.preview)] {
                let picture = try await database.store.picture(of: ids[0], kind, user: user)
                #expect(picture.picture == told)
                let bytes = try await objects.all(picture.key)
                #expect(ContentHash(of: bytes).hex == told?.sha256 && Int64(bytes.count) == told?.bytes)
                #expect(PictureSize.find(in: bytes)?.width == told?.width)
            }
            #expect(try await worker.round() == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: worker.folder).isEmpty)
        }
    }

    @Test func `what cannot be read is tried again later and given up in the end, and holds up nobody`() async throws {
        try await withWorker([Array("no video".utf8), try SmallVideo.bytes()]) { database, _, worker, ids in
            for number in 1...5 {
                while try await worker.round() > 0 {}
                let state = try await database.sql(
                    "select media_tries, media_due_at > now(), media_trouble is not null from videos where id = '\(ids[0])'"
                )
                #expect(state == (number < 5 ? "\(number)|t|t" : "5||t"))
                try await database.sql("update videos set media_due_at = now() where media_due_at is not null")
            }
            #expect(try await worker.round() == 0)
            #expect(try await database.store.videoFile(ids[0], user: user).video.poster == nil)
            #expect(try await database.store.videoFile(ids[1], user: user).video.poster != nil)
        }
    }

    @Test func `a worker that died leaves a claim that comes due again, and doing it twice is the same`() async throws {
        try await withWorker([try SmallVideo.bytes()]) { database, objects, worker, ids in
            let dead = try await database.store.claimMedia(limit: 1, for: 900)
            #expect(dead.count == 1)
            #expect(try await worker.round() == 0)
            try await database.sql("update videos set media_due_at = now()")
            #expect(try await worker.round() == 1)
            let video = try await database.store.videoFile(ids[0], user: user).video
            // The one that was taken for dead comes back with something.
            var late = MadeMedia()
            late.facts.videoCodec = "stale"
            #expect(try await database.store.finishMedia(dead[0], late) == .superseded)
            #expect(try await database.store.videoFile(ids[0], user: user).video == video)
            try await database.store.makeMediaAgain(of: ids[0], user: user)
            #expect(try await worker.round() == 1)
            let keys = try await objects.list(prefix: "", after: nil, limit: 10).map(\.key.description)
            #expect(keys.count == 3)
        }
    }

    @Test func `of a video that is removed meanwhile nothing stays`() async throws {
        try await withWorker([try SmallVideo.bytes()]) { database, objects, worker, _ in
            let slow = MediaWorker(
                store: worker.store, objects: DeletingStore(objects, database), tools: worker.tools,
                folder: worker.folder,
                log: quiet)
            #expect(try await slow.round() == 1)
            let keys = try await objects.list(prefix: "", after: nil, limit: 10).map(\.key.description)
            #expect(keys.filter { !$0.hasSuffix(".mp4") } == [])
            #expect(try await database.sql("select count(*) from video_pictures") == "0")
        }
    }

    @Test func `a deleted video is left alone, and has its pictures when it comes back`() async throws {
        try await withWorker([try SmallVideo.bytes()]) { database, _, worker, ids in
            _ = try await database.store.delete(.video(ids[0]), user: user, grace: 3600)
            #expect(try await worker.round() == 0)
            _ = try await database.store.undelete(.video(ids[0]), user: user, grace: 3600)
            #expect(try await worker.round() == 1)
            // Deleted after the pictures were made: the tombstone stays as it is, and the pictures wait with the row.
            _ = try await database.store.delete(.video(ids[0]), user: user, grace: 3600)
            let back = try await database.store.undelete(.video(ids[0]), user: user, grace: 3600)
            let video = back.video
            #expect(video?.poster != nil && video?.preview != nil)
        }
    }
}

/// A store under which the video's grace ends while its pictures are being put.
private struct DeletingStore: ObjectStore {
    let inner: LocalObjectStore
    let database: TestDatabase

    init(_ inner: LocalObjectStore, _ database: TestDatabase) { (self.inner, self.database) = (inner, database) }

    func stage<Body: AsyncSequence>(
        expecting length: Int64?, atMost limit: Int64, body: Body
    ) async throws -> StagedObject where Body.Element == [UInt8] {
        try await database.sql(
            "update videos set deleted_at = now(), removing_since = now(), media_due_at = null where removing_since is null"
        )
        return try await inner.stage(expecting: length, atMost: limit, body: body)
    }

    func commit(_ staged: StagedObject, to key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await inner.commit(staged, to: key)
    }
    func discard(_ staged: StagedObject) async { await inner.discard(staged) }
    func open(_ key: ObjectKey, range: Range<Int64>?) async throws(ObjectStoreError) -> ObjectReader {
        try await inner.open(key, range: range)
    }
    func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo { try await inner.head(key) }
    func copy(_ key: ObjectKey, to target: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await inner.copy(key, to: target)
    }
    func delete(_ key: ObjectKey) async throws(ObjectStoreError) { try await inner.delete(key) }
    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(ObjectStoreError) -> [ListedObject] {
        try await inner.list(prefix: prefix, after: after, limit: limit)
    }
    func localFile(of key: ObjectKey) async throws(ObjectStoreError) -> String { try await inner.localFile(of: key) }
    func temporaryLink(
        to key: ObjectKey, for lifetime: Duration, as presentation: LinkPresentation
    ) -> Redacted<String>? { nil }
    func freeBytes() async throws(ObjectStoreError) -> Int64 { try await inner.freeBytes() }
    func check() async throws(ObjectStoreError) { try await inner.check() }
    func collectRubbish(olderThan moment: Date) async throws(ObjectStoreError) -> Int { 0 }
}

extension Change {
    fileprivate var video: Video? { if case .video(let video) = object { video } else { nil } }
}
