public import Foundation

/// An uploaded picture, sound or clip that a request can name.
public struct Asset: Hashable, Sendable, Codable, Identifiable {
    public var id: AssetID
    /// What the bytes are, found out from the bytes: `image/png`, `video/mp4`, …
    public var contentType: String
    public var bytes: Int64
    /// SHA-256 of the bytes, in hexadecimal.
    public var sha256: String
    public var createdAt: Date
    /// When it goes unless something names it until then: each quote and each job that does moves this on, and it stays in any
    /// case while such a job is under way.
    public var expiresAt: Date?

    public init(
        id: AssetID, contentType: String, bytes: Int64, sha256: String, createdAt: Date, expiresAt: Date? = nil
    ) {
        self.id = id
        self.contentType = contentType
        self.bytes = bytes
        self.sha256 = sha256
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }

    enum CodingKeys: String, CodingKey {
        case id, bytes, sha256
        case contentType = "content_type"
        case createdAt = "created_at"
        case expiresAt = "expires_at"
    }
}

/// A page of a user's uploads, newest first.
public struct AssetPage: Hashable, Sendable, Codable {
    public var assets: [Asset]
    /// Whether older ones follow: ask for those `before` the last of these.
    public var hasMore: Bool

    public init(assets: [Asset], hasMore: Bool) {
        self.assets = assets
        self.hasMore = hasMore
    }

    enum CodingKeys: String, CodingKey {
        case assets
        case hasMore = "has_more"
    }
}
