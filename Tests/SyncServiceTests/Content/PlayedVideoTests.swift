import Foundation
import JobStore
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// A player asks for piece after piece: all but the first come from a file that is open already, and never wrongly.
@Suite(.timeLimit(.minutes(10))) struct PlayedVideoTests {
    private static let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    /// Asks until the file is open.
    private func open(_ feed: FeedServer, _ video: VideoID) async throws {
        while feed.parts.hub.videos.value(video, of: feed.user) == nil {
            #expect(try await feed.ask(feed.content(video), ["Range: bytes=0-0"]).status == 206)
        }
    }

    @Test func `an open file is served in the same words as one that is opened`() async throws {
        try await FeedServer.with { feed in
            let video = try await feed.addVideo(Self.bytes)
            let tag = "\"\(ContentHash(of: Self.bytes).hex)\""
            let cases = [
                [], ["Range: bytes=0-99"], ["Range: bytes=-5"], ["Range: bytes=199999-"], ["Range: bytes=900000-"],
                ["If-None-Match: \(tag)"], ["If-Match: \"other\""], ["If-Range: \(tag)", "Range: bytes=5-6"],
            ]
            for headers in cases {
                // Nothing is remembered yet, or no more.
                feed.parts.hub.wake(.anything)
                let opened = try await feed.ask(feed.content(video), headers)
                var known: APIResponse?
                while known == nil {
                    try await open(feed, video)
                    known = feed.phone.answerAtOnce(feed.play(video, headers))
                }
                let answer = try #require(known)
                #expect(answer.status == opened.status && answer.claim != nil)
                for name in [
                    "content-type", "content-range", "etag", "cache-control", "content-disposition", "accept-ranges",
                ] {
                    #expect(answer.headers[name] == opened.headers[name], "\(headers) \(name)")
                }
                let again = try await feed.ask(feed.content(video), headers)
                let isProblem = opened.status == 416 || opened.status == 412
                #expect(again.status == opened.status && (isProblem || again.body == opened.body))
            }
            #expect(try await feed.ask(feed.content(video)).body == Self.bytes)
        }
    }

    @Test func `a video that was deleted is gone at once, and one that another process deleted soon`() async throws {
        try await FeedServer.with { feed in
            let video = try await feed.addVideo(Self.bytes)
            try await open(feed, video)
            _ = try await feed.parts.store.delete(.video(video), user: feed.user, grace: 3600)
            #expect(try await feed.ask(feed.content(video)).status == 404)
            _ = try await feed.parts.store.undelete(.video(video), user: feed.user, grace: 3600)
            try await open(feed, video)
            _ = try await feed.database.store.delete(.video(video), user: feed.user, grace: 3600)
            while try await feed.ask(feed.content(video)).status == 200 {}
            #expect(try await feed.ask(feed.content(video)).status == 404)
        }
    }

    @Test func `an open file is nobody else's, nor a device's that lost its access`() async throws {
        try await FeedServer.with { feed in
            let video = try await feed.addVideo(Self.bytes)
            _ = try await feed.database.store.addUser(named: "other", id: .sample(2))
            let stranger = feed.with(
                try await feed.database.store.issueToken(user: .sample(2), device: .sample(3), name: "theirs"))
            try await open(feed, video)
            for _ in 0..<3 { #expect(try await stranger.ask(feed.content(video)).status == 404) }
            try await feed.parts.store.revokeToken(device: .sample(), of: feed.user)
            feed.parts.devices.end(.sample())
            #expect(try await feed.ask(feed.content(video)).status == 401)
        }
    }

    @Test func `files that nobody plays any more are let go of`() async throws {
        try await FeedServer.with { feed in
            let video = try await feed.addVideo(Self.bytes)
            let now = Locked(ContinuousClock.now)
            let videos = OpenVideos { now.value }
            videos.listen { true }
            let content = try StoredContent(
                try await feed.parts.store.videoFile(video, user: feed.user), isAttachment: false)
            let reader = try await feed.parts.objects.open(content.key, range: nil)
            videos.keep(video, of: feed.user, videos.ticket(for: feed.user)) {
                OpenVideo(content: content, reader: reader)
            }
            videos.letGo()
            #expect(videos.count == 1 && videos.value(video, of: feed.user) != nil)
            now.change { $0 += .seconds(1) }
            #expect(videos.value(video, of: feed.user) == nil)
            videos.letGo()
            #expect(videos.count == 0)
        }
    }
}

extension FeedServer {
    fileprivate func content(_ video: VideoID) -> String { "/v1/videos/\(video)/content" }

    /// A request of a player as the server's connections hand it on.
    fileprivate func play(_ video: VideoID, _ fields: [String]) -> APIRequest {
        var request = poll("")
        (request.path, request.query) = (content(video), [])
        for field in fields {
            let parts = field.split(separator: ":", maxSplits: 1)
            request.headers.add(String(parts[0]), String(trimmed(parts[1])))
        }
        return request
    }

    /// A finished job of this user, and its video.
    fileprivate func addVideo(_ bytes: [UInt8]) async throws -> VideoID {
        try await submit(1)
        let id = VideoID(JobID.sample(1).uuid)
        let key = try ObjectKey(user: user.description, "videos", "\(id).mp4")
        _ = try await parts.objects.put(key, bytes: bytes)
        try await database.sql(
            """
            update jobs set state = 'ready', next_action_at = null, price = 0.5, queue_id = 'q', venice_model = 'm',
                submitted_at = now(), video_id = id, is_cleaned_up = true;
            with drawn as (update users set change_sequence = change_sequence + 1 returning change_sequence)
            insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256, change_sequence)
            select '\(user)', '\(id)', '\(id)', 'm', '\(key)', 'video/mp4', \(bytes.count),
                '\(ContentHash(of: bytes).hex)', change_sequence from drawn
            """)
        return id
    }
}
