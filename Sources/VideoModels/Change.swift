/// One object of the feed as it stands now, or the news that it is gone.
public struct Change: Hashable, Sendable {
    /// The user's sequence at which this version was written. Grows with every write; no two changes share one.
    public var sequence: Int64
    public var object: Object

    /// What stands there now.
    public enum Object: Hashable, Sendable {
        case job(Job)
        case video(Video)
        /// The user's settings, of which there is one.
        case settings(UserSettings)
        /// What the user has spent, of which there is one.
        case spending(Spending)
        /// A tombstone. The kind is a word of `Kind`, or a later one.
        case deleted(kind: Open<Kind>, id: String)
        /// An object of a kind, or with contents, that this build cannot read. Its version is kept for the digest, and the
        /// object itself comes once a build that can read it starts over (`FeedState.modelVersion`).
        case unknown(kind: String, id: String)
    }

    /// The kinds of objects that a feed holds.
    public enum Kind: String, Sendable, CaseIterable { case job, video, settings, spending }

    public init(sequence: Int64, object: Object) {
        self.sequence = sequence
        self.object = object
    }

    /// The kind and identifier that name the object across versions.
    public var key: ObjectKey {
        switch object {
        case .job(let job): ObjectKey(kind: .known(.job), id: job.id.description)
        case .video(let video): ObjectKey(kind: .known(.video), id: video.id.description)
        case .settings(let settings): ObjectKey(kind: .known(.settings), id: settings.id.description)
        case .spending(let spending): ObjectKey(kind: .known(.spending), id: spending.id.description)
        case .deleted(let kind, let id): ObjectKey(kind: kind, id: id)
        case .unknown(let kind, let id): ObjectKey(kind: Open(kind), id: id)
        }
    }

    /// What names an object in all its versions.
    public struct ObjectKey: Hashable, Sendable {
        public var kind: Open<Kind>
        public var id: String

        public init(kind: Open<Kind>, id: String) {
            self.kind = kind
            self.id = id
        }
    }
}

extension Change: Codable {
    enum CodingKeys: String, CodingKey { case sequence, kind, id, deleted, job, video, settings, spending }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        sequence = try container.decode(Int64.self, forKey: .sequence)
        let kind = try container.decode(Open<Kind>.self, forKey: .kind)
        let id = try container.decode(String.self, forKey: .id)
        if try container.decodeIfPresent(Bool.self, forKey: .deleted) == true {
            object = .deleted(kind: kind, id: id)
            return
        }
        // One object that cannot be read must not keep the others of its page away.
        object = Self.contents(of: kind.known, in: container) ?? .unknown(kind: kind.word, id: id)
    }

    private static func contents(of kind: Kind?, in container: KeyedDecodingContainer<CodingKeys>) -> Object? {
        switch kind {
        case .job: (try? container.decode(Job.self, forKey: .job)).map(Object.job)
        case .video: (try? container.decode(Video.self, forKey: .video)).map(Object.video)
        case .settings: (try? container.decode(UserSettings.self, forKey: .settings)).map(Object.settings)
        case .spending: (try? container.decode(Spending.self, forKey: .spending)).map(Object.spending)
        case nil: nil
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(sequence, forKey: .sequence)
        try container.encode(key.kind, forKey: .kind)
        try container.encode(key.id, forKey: .id)
        switch object {
        case .job(let job): try container.encode(job, forKey: .job)
        case .video(let video): try container.encode(video, forKey: .video)
        case .settings(let settings): try container.encode(settings, forKey: .settings)
        case .spending(let spending): try container.encode(spending, forKey: .spending)
        case .deleted: try container.encode(true, forKey: .deleted)
        case .unknown: break
        }
    }
}

/// A page of `GET /v1/changes`.
public struct ChangePage: Hashable, Sendable, Codable {
    /// A page of a snapshot holds living objects, newest first; any other page holds changes, oldest first.
    public var isSnapshot: Bool
    public var changes: [Change]
    /// Give it back to get what follows. Store it together with what the page changed.
    public var cursor: String
    /// There is more at once: ask again without waiting.
    public var hasMore: Bool
    /// The page tells all that changed after `from`, up to and including `through`. A snapshot begins at 0.
    public var from: Int64
    public var through: Int64

    public init(
        isSnapshot: Bool, changes: [Change], cursor: String, hasMore: Bool, from: Int64, through: Int64
    ) {
        self.isSnapshot = isSnapshot
        self.changes = changes
        self.cursor = cursor
        self.hasMore = hasMore
        self.from = from
        self.through = through
    }

    enum CodingKeys: String, CodingKey {
        case changes, cursor, from, through
        case isSnapshot = "is_snapshot"
        case hasMore = "has_more"
    }
}
