public import Foundation

/// An address that opens one video for whoever has it, until it expires. For players that cannot send a token.
///
/// A secret: it belongs into no log and into no address bar of a shared screen.
public struct VideoLink: Hashable, Sendable, Codable {
    /// A path on the server that gave it.
    public var url: String
    public var expiresAt: Date

    public init(url: String, expiresAt: Date) {
        self.url = url
        self.expiresAt = expiresAt
    }

    enum CodingKeys: String, CodingKey {
        case url
        case expiresAt = "expires_at"
    }
}
