public import Foundation
public import VideoModels

/// A stored thing and the key of its bytes.
public struct Stored<Object: Sendable & Hashable>: Sendable, Hashable {
    public var object: Object
    public var key: String

    public init(object: Object, key: String) {
        self.object = object
        self.key = key
    }
}

/// A video, the key of its bytes, and what it was made from.
public struct VideoFile: Sendable, Hashable {
    public var video: Video
    public var key: String
    /// The beginning of the prompt, where there was one and its job is not forgotten.
    public var prompt: String?
}

/// A picture that was made from a video, the key of its bytes, and when they came to be.
public struct PictureFile: Sendable, Hashable {
    public var picture: Video.Picture
    public var key: String
    public var createdAt: Date
}

/// What is made from a video to show it by.
public enum PictureKind: String, Sendable, CaseIterable {
    /// A still.
    case poster
    /// A few seconds that move.
    case preview
}

extension PostgresStore {
    /// A finished video that is not deleted.
    public func videoFile(_ id: VideoID, user: UserID) async throws -> VideoFile {
        try await one(of: user, MediaStatements.video, [.id(user), .id(id)]) { row in
            VideoFile(
                video: try Video(row), key: try row.text("storage_key"), prompt: try row.optionalText("prompt"))
        }
    }

    /// A picture that was made from a video. Throws `notFound` where there is none, or the video is deleted.
    public func picture(of video: VideoID, _ kind: PictureKind, user: UserID) async throws -> PictureFile {
        try await one(of: user, MediaStatements.picture, [.id(user), .id(video), .text(kind.rawValue)]) { row in
            PictureFile(
                picture: try Video.Picture(row), key: try row.text("storage_key"), createdAt: try row.date("created_at")
            )
        }
    }

    /// The one row that there is. Throws `notFound` where there is none, or it is another user's.
    func one<T: Sendable>(
        of user: UserID, _ statement: Statement, _ values: [Value], _ read: @escaping @Sendable (Row) throws -> T
    ) async throws -> T {
        let found = try await pool.run { try $0.execute(as: user, [(statement, values)])[0].first(read) }
        guard let found else { throw StoreError.notFound }
        return found
    }
}

extension Video.Picture {
    init(_ row: Row) throws {
        self.init(
            contentType: try row.text("content_type"), bytes: try row.int64("bytes"), sha256: try row.text("sha256"),
            width: try row.int("width"), height: try row.int("height"))
    }
}
