public import Foundation
public import VideoModels

/// An object that must be in storage, as the database says.
public struct ExpectedObject: Hashable, Sendable {
    public var place: Place
    public var key: String
    public var bytes: Int64
    public var sha256: String
    /// Of a video as the upstream gave it, where it is kept otherwise.
    public var originalSHA256: String?

    /// Where it stands in the order of all.
    public struct Place: Hashable, Sendable, Codable {
        public var user: UserID
        /// The video's or the asset's.
        public var id: UUID
        /// `video`, `poster`, `preview` or `asset`.
        public var kind: String

        public init(user: UserID, id: UUID, kind: String) {
            self.user = user
            self.id = id
            self.kind = kind
        }
    }
}

/// What a user keeps of one kind.
public struct StorageUse: Hashable, Sendable, Codable {
    public var user: UserID
    public var name: String
    /// `video`, `poster`, `preview`, `asset`, or `deleted` for videos that can still be brought back.
    public var kind: String
    public var objects: Int
    public var bytes: Int64

    enum CodingKeys: String, CodingKey {
        case name, kind, objects, bytes
        case user = "user_id"
    }
}

extension PostgresStore {
    /// A page of all that must be in storage, after `place`.
    public func expectedObjects(after place: ExpectedObject.Place?, limit: Int) async throws -> [ExpectedObject] {
        try await pool.run { try $0.expectedObjects(after: place, limit: limit) }
    }

    /// What must be in storage at this place now; nil where nothing must.
    public func expectedObject(at place: ExpectedObject.Place) async throws -> ExpectedObject? {
        // The place just before it: no kind sorts between a word and the same word without its last letter.
        let before = ExpectedObject.Place(user: place.user, id: place.id, kind: String(place.kind.dropLast()))
        return try await expectedObjects(after: before, limit: 1).first { $0.place == place }
    }

    /// Which of these keys the database knows of.
    public func knownKeys(among keys: [String]) async throws -> Set<String> {
        let owners = keys.compactMap(Self.owner)
        guard !owners.isEmpty else { return [] }
        let values: [Value] = [.uuids(owners) { $0.user }, .uuids(owners) { $0.id }]
        let known = try await pool.run { connection in
            try connection.execute(StoredObjectStatements.keys, values).map { try $0.text("storage_key") }
        }
        return Set(known).intersection(keys)
    }

    /// Every key of ours begins with its user, and its last part with the id of the video or asset.
    private static func owner(_ key: String) -> (user: UUID, id: UUID)? {
        let parts = key.split(separator: "/")
        guard parts.count >= 2, let user = UUID(uuidString: String(parts[0])),
            let name = parts.last?.split(separator: ".").first, let id = UUID(uuidString: String(name))
        else { return nil }
        return (user, id)
    }

    /// What is kept, by user and kind.
    public func storageUse(of user: UserID?) async throws -> [StorageUse] {
        try await pool.run { connection in
            try connection.execute(StoredObjectStatements.usage, [.optional(user) { .id($0) }]).map { row in
                StorageUse(
                    user: try row.id("id"), name: try row.text("name"), kind: try row.text("kind"),
                    objects: try row.int("objects"), bytes: try row.int64("bytes"))
            }
        }
    }

    /// Says of a video that its bytes are those that the upstream gave, as phones will know them from now on. False where the
    /// row has changed since, or the video goes.
    public func keepOriginal(of expected: ExpectedObject) async throws -> Bool {
        let (user, values): (UserID, [Value]) = (
            expected.place.user,
            [.id(expected.place.user), .id(VideoID(expected.place.id)), .text(expected.sha256)]
        )
        let changed = try await pool.run {
            try $0.execute(StoredObjectStatements.keepOriginal, values).affected
        }
        if changed > 0 { notifier.note(users: [user]) }
        return changed > 0
    }

    /// A job with its private link, deleted or not, for whoever fetches its video again.
    public func recordWithLink(of job: JobID) async throws -> JobRecord? {
        let secrets = secrets
        return try await pool.run { connection in
            try connection.execute(JobStatements.find, [.id(job)]).first { try JobRecord($0, secrets: secrets) }
        }
    }
}

extension Connection {
    func expectedObjects(after place: ExpectedObject.Place?, limit: Int) throws -> [ExpectedObject] {
        let nothing = "00000000-0000-0000-0000-000000000000"
        let values: [Value] = [
            .text(place?.user.description ?? nothing), .text(place?.id.uuidString ?? nothing),
            .text(place?.kind ?? ""), .int(limit),
        ]
        return try execute(StoredObjectStatements.page, values).map { try ExpectedObject($0) }
    }
}

extension ExpectedObject {
    fileprivate init(_ row: Row) throws {
        let (user, id): (UserID, VideoID) = (try row.id("user_id"), try row.id("id"))
        self.init(
            place: Place(user: user, id: id.uuid, kind: try row.text("kind")), key: try row.text("storage_key"),
            bytes: try row.int64("bytes"), sha256: try row.text("sha256"),
            originalSHA256: try row.optionalText("original_sha256"))
    }
}
