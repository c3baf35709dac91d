import Foundation

/// A bearer key. `VENICE_INFERENCE_KEY_NAME` and `VENICE_ADMIN_KEY_NAME` are keys of one user, and so is every
/// `…_NAME.MORE`: the name up to the first full stop says whose key it is.
struct APIKey: Hashable, Sendable {
    var isAdmin: Bool
    /// A digest: whose account pays.
    var user: String
    /// A digest of the whole key: which of the user's keys it is.
    var id: String
    /// The key itself, for the rules that name it.
    private let text: String

    private static let (inference, admin) = ("VENICE_INFERENCE_KEY_", "VENICE_ADMIN_KEY_")

    init?(_ text: String) {
        guard let prefix = [Self.inference, Self.admin].first(where: text.hasPrefix) else { return nil }
        let name = text.dropFirst(prefix.count)
        let owner = name.prefix { $0 != "." }
        guard !owner.isEmpty, !name.contains(" ") else { return nil }
        self.text = text
        isAdmin = prefix == Self.admin
        user = Credential.digest(Self.inference + owner)
        id = Credential.digest(text)
    }

    /// The key in a request's headers, if it is one.
    static func bearer(_ headers: [String: String]) -> APIKey? {
        let parts = (headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return APIKey(String(parts[1]))
    }

    func rule(in world: World) -> KeyRule { world.keys?[text] ?? KeyRule() }
}

/// Who calls, as far as the routes need to know.
struct Caller: Sendable {
    var credential: Credential
    /// Nil for a wallet and for nobody.
    var key: APIKey?
    var rule: KeyRule
    /// Where the caller is, as a country code.
    var region: String?
    var peer: String

    init(_ request: APIRequest, _ credential: Credential, _ world: World) {
        self.credential = credential
        if case .user(let user) = credential, let key = APIKey.bearer(request.headers), key.user == user {
            self.key = key
        }
        rule = key?.rule(in: world) ?? KeyRule()
        region = rule.region ?? world.region
        peer = request.peer
    }
}
