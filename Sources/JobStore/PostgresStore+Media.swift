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

extension PostgresStore {
    /// A finished video that is not deleted.
    public func videoFile(_ id: VideoID, user: UserID) async throws -> VideoFile {
        let found = try await pool.run { connection in
            try connection.execute(MediaStatements.video, [.id(user), .id(id)]).first { row in
                VideoFile(
                    video: try Video(row), key: try row.text("storage_key"), prompt: try row.optionalText("prompt"))
            }
        }
        guard let found else { throw StoreError.notFound }
        return found
    }
}
