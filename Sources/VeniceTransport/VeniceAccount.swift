public import VideoModels

/// Who asks and who pays. A job stays with the account that queued it: its id means nothing to another.
public struct VeniceAccount: Sendable, Hashable {
    /// A name of this deployment's own choosing, for logs and rows.
    public let id: String
    /// Without a slash at its end.
    public let baseURL: String
    public let credential: Credential

    public enum Credential: Sendable, Hashable {
        /// Models and quotes need nobody; everything else is refused upstream.
        case anonymous
        case bearer(Redacted<String>)
        /// Each request is signed anew by the wallet's key (PROTOCOL §1.2).
        case wallet(WalletKey)
    }

    public static let defaultBaseURL = "https://api.venice.ai/api/v1"

    public init(id: String, baseURL: String = defaultBaseURL, credential: Credential) {
        self.id = id
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        self.credential = credential
    }

    /// An account that signs with an API key.
    public init(id: String, baseURL: String = defaultBaseURL, key: Redacted<String>) {
        self.init(id: id, baseURL: baseURL, credential: .bearer(key))
    }
}
