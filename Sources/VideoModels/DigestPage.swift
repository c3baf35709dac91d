/// The answer of `GET /v1/changes/digest`: what lives under a prefix of `FeedDigest.place`, summed up.
///
/// It holds either `children`, to go on with, or `objects`, where few enough are left to be named.
public struct DigestPage: Hashable, Sendable, Codable {
    /// The user's last sequence. A copy is compared when it stands at exactly this one.
    public var sequence: Int64
    /// What was asked for: hexadecimal digits in lower case, none for all objects.
    public var prefix: String
    /// How many objects live under the prefix.
    public var count: Int
    /// The sum of their digests, as `FeedDigest.text`.
    public var digest: String
    /// The same for each prefix that is one digit longer, where something lives under it.
    public var children: [Node]?
    /// Each object by itself.
    public var objects: [Entry]?

    /// A prefix and what lives under it.
    public struct Node: Hashable, Sendable, Codable {
        public var prefix: String
        public var count: Int
        public var digest: String

        public init(prefix: String, count: Int, digest: String) {
            self.prefix = prefix
            self.count = count
            self.digest = digest
        }
    }

    /// An object at a version, without what it holds.
    public struct Entry: Hashable, Sendable, Codable {
        public var kind: Open<Change.Kind>
        public var id: String
        public var sequence: Int64

        public init(kind: Open<Change.Kind>, id: String, sequence: Int64) {
            self.kind = kind
            self.id = id
            self.sequence = sequence
        }
    }

    public init(
        sequence: Int64, prefix: String, count: Int, digest: String, children: [Node]? = nil, objects: [Entry]? = nil
    ) {
        self.sequence = sequence
        self.prefix = prefix
        self.count = count
        self.digest = digest
        self.children = children
        self.objects = objects
    }
}
