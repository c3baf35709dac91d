public import Foundation
import JobLifecycle
public import VideoModels

/// A video whose facts and pictures are to be made by whoever holds this.
public struct MediaClaim: Hashable, Sendable {
    public var user: UserID
    public var video: VideoID
    public var key: String
    public var bytes: Int64
    /// The how manieth try it is, from 1.
    public var number: Int
}

/// What was found out of a video; nil leaves what is known. Facts that cannot be are left out.
public struct MediaFacts: Hashable, Sendable {
    public var durationSeconds: Double?
    public var width: Int?
    public var height: Int?
    public var hasSound: Bool?
    public var frameRate: Double?
    public var videoCodec: String?
    public var audioCodec: String?

    public init(
        durationSeconds: Double? = nil, width: Int? = nil, height: Int? = nil, hasSound: Bool? = nil,
        frameRate: Double? = nil, videoCodec: String? = nil, audioCodec: String? = nil
    ) {
        self.durationSeconds = CredibleFact.seconds(durationSeconds)
        self.width = CredibleFact.side(width)
        self.height = CredibleFact.side(height)
        self.hasSound = hasSound
        self.frameRate = CredibleFact.frameRate(frameRate)
        self.videoCodec = CredibleFact.codec(videoCodec)
        self.audioCodec = CredibleFact.codec(audioCodec)
    }
}

/// All that came of one try. Pictures are durable under their keys.
public struct MadeMedia: Hashable, Sendable {
    public var facts = MediaFacts()
    public var pictures: [PictureKind: Stored<Video.Picture>] = [:]
    /// Why something is missing for good.
    public var trouble: String?

    public init() {}

    var isNews: Bool { facts != MediaFacts() || !pictures.isEmpty }
}

/// What became of what a worker brought.
public enum MediaVerdict: Hashable, Sendable {
    case written
    /// The claim ran out, and somebody else makes it.
    case superseded
    /// The video goes: whatever was put beside it must go, too.
    case gone
}

extension PostgresStore {
    /// Claims at most `limit` videos for so many seconds.
    public func claimMedia(limit: Int, for seconds: TimeInterval) async throws -> [MediaClaim] {
        try await pool.run { connection in
            try connection.execute(MediaWorkStatements.claim, [.int(limit), .double(seconds)]).map { row in
                MediaClaim(
                    user: try row.id("user_id"), video: try row.id("id"), key: try row.text("storage_key"),
                    bytes: try row.int64("bytes"), number: try row.int("media_tries"))
            }
        }
    }

    /// Writes facts and pictures in one transaction with the user's next sequence, and ends the work on the video.
    public func finishMedia(_ claim: MediaClaim, _ made: MadeMedia) async throws -> MediaVerdict {
        let key: [Value] = [.id(claim.user), .id(claim.video)]
        let (verdict, isPublished) = try await pool.transaction { connection -> (MediaVerdict, Bool) in
            let state = try connection.execute(MediaWorkStatements.lock, key + [.int(claim.number)]).first { row in
                (ours: try row.bool("is_ours"), going: try row.bool("is_going"), deleted: try row.bool("is_deleted"))
            }
            guard let state, !state.going else { return (.gone, false) }
            guard state.ours else { return (.superseded, false) }
            for (kind, picture) in made.pictures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                _ = try connection.execute(MediaWorkStatements.putPicture, key + picture.values(kind))
            }
            // Of a deleted video the feed has a tombstone, which does not change; it comes back with all this.
            let isPublished = made.isNews && !state.deleted
            _ = try connection.execute(MediaWorkStatements.finish, key + [.bool(isPublished)] + made.values)
            return (.written, isPublished)
        }
        if isPublished { notifier.note(users: [claim.user]) }
        return verdict
    }

    /// Lets the video be tried again after so many seconds.
    public func postponeMedia(_ claim: MediaClaim, after seconds: TimeInterval, trouble: String?) async throws {
        let values: [Value] = [
            .id(claim.user), .id(claim.video), .int(claim.number), .double(seconds),
            .optional(trouble) { .text(String($0.prefix(500))) },
        ]
        try await pool.run { _ = try $0.execute(MediaWorkStatements.postpone, values) }
    }

    /// Lets facts and pictures of a video be made again.
    public func makeMediaAgain(of video: VideoID, user: UserID) async throws {
        try await pool.run { _ = try $0.execute(MediaWorkStatements.again, [.id(user), .id(video)]) }
    }
}

extension Stored<Video.Picture> {
    public init(_ picture: Video.Picture, key: String) { self.init(object: picture, key: key) }

    fileprivate func values(_ kind: PictureKind) -> [Value] {
        [
            .text(kind.rawValue), .text(key), .text(object.contentType), .int(object.bytes), .text(object.sha256),
            .int(object.width), .int(object.height),
        ]
    }
}

extension MadeMedia {
    fileprivate var values: [Value] {
        [
            .optional(trouble) { .text(String($0.prefix(500))) }, .optional(facts.durationSeconds) { .double($0) },
            .optional(facts.width) { .int($0) }, .optional(facts.height) { .int($0) },
            .optional(facts.hasSound) { .bool($0) }, .optional(facts.frameRate) { .double($0) },
            .optional(facts.videoCodec) { .text($0) }, .optional(facts.audioCodec) { .text($0) },
        ]
    }
}
