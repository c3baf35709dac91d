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

    @Test func `pictures that are shown stay until all that follow them are made`() async throws {
        try await withWorker([try SmallVideo.bytes()]) { database, objects, worker, ids in
            #expect(try await worker.round() == 1)
            let shown = try await database.store.picture(of: ids[0], .poster, user: user)
            // An ffmpeg that makes a poster of its own, and then no preview.
            let script = worker.folder + ".ffmpeg"
            let text = """
                #!/bin/sh
                case "$*" in *preview.webp) exit 1;; esac
                "\(worker.tools.ffmpeg)" "$@" || exit
                for last; do :; done
                printf other >> "${last#file:}"
                """
            try Data(text.utf8).write(to: URL(fileURLWithPath: script))
            chmod(script, 0o700)
            var broken = worker
            broken.tools.ffmpeg = script
            try await database.store.makeMediaAgain(of: ids[0], user: user)
            #expect(try await broken.round() == 1)
            #expect(ContentHash(of: try await objects.all(shown.key)).hex == shown.picture.sha256)
            #expect(try await database.sql("select media_trouble is not null from videos") == "t")
        }
    }

    @Test func `of a video that is removed meanwhile nothing stays`() async throws {
        try await withWorker([try SmallVideo.bytes()]) { database, objects, worker, _ in
            var hooked = HookedStore(objects)
            hooked.beforeCommit = { _ in
                try await database.sql(
                    """
                    update videos set deleted_at = now(), removing_since = now(), media_due_at = null
                    where removing_since is null
                    """)
            }
            var slow = worker
            slow.objects = hooked
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

extension Change {
    fileprivate var video: Video? { if case .video(let video) = object { video } else { nil } }
}
