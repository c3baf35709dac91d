import Crypto
public import Foundation
public import VideoModels

/// A device of a user, without its token, which nobody has but the device.
public struct DeviceRecord: Hashable, Sendable, Codable {
    public var id: DeviceID
    public var user: UserID
    public var userName: String
    public var name: String
    /// What its token allows.
    public var scopes: [Scope]
    public var createdAt: Date
    /// To within some minutes.
    public var lastSeenAt: Date?
    public var expiresAt: Date?
    public var revokedAt: Date?

    enum CodingKeys: String, CodingKey {
        case id, name, scopes
        case user = "user_id"
        case userName = "user_name"
        case createdAt = "created_at"
        case lastSeenAt = "last_seen_at"
        case expiresAt = "expires_at"
        case revokedAt = "revoked_at"
    }
}

/// What a token is worth.
public enum TokenVerdict: Hashable, Sendable {
    case valid(ValidToken)
    /// It was, until then. Only its holder is told.
    case expired(user: UserID, device: DeviceID)
    case revoked(user: UserID, device: DeviceID)
    /// The token is good; its user is shut out for now.
    case suspended(user: UserID, device: DeviceID)
}

/// Why a device has no access any more.
public enum AccessLoss: String, Hashable, Sendable, CaseIterable { case revoked, expired, suspended }

/// Whose token it is and what for.
public struct ValidToken: Hashable, Sendable {
    public var user: UserID
    public var device: DeviceID
    public var scopes: Set<Scope>
    /// Until it expires; nil for never.
    public var secondsLeft: TimeInterval?
    /// Whether the last sighting is so long ago that this one is worth writing down.
    public var isNews: Bool

    public init(
        user: UserID, device: DeviceID, scopes: Set<Scope>, secondsLeft: TimeInterval? = nil, isNews: Bool
    ) {
        self.user = user
        self.device = device
        self.scopes = scopes
        self.secondsLeft = secondsLeft
        self.isNews = isNews
    }
}

extension PostgresStore {
    /// How old a device's last sighting may be before another is written, in seconds.
    public static let sightingAge: TimeInterval = 300

    /// Makes a device and its bearer token: `gdl_` and 32 random bytes in base64url.
    ///
    /// This is the only time that the token is to be had; the database keeps its SHA-256. Who may submit may read, too;
    /// `lifetime` is in seconds, from now.
    public func issueToken(
        user: UserID, device: DeviceID, name: String, scopes: Set<Scope> = Set(Scope.allCases),
        lifetime: TimeInterval? = nil
    ) async throws -> Redacted<String> {
        let secret = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
        let text = secret.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
            "=", with: "")
        let token = Redacted("gdl_" + text)
        let hash = Self.hash(of: token)
        let words = Scope.allCases.filter { scopes.contains($0) || $0 == .read }.map(\.rawValue).joined(separator: " ")
        let values: [Value] = [
            .id(user), .id(device), .text(name), .bytes(hash), .text(words), .optional(lifetime, Value.double),
        ]
        let added = try await pool.run { try $0.execute(DeviceStatements.add, values).affected }
        guard added == 1 else { throw StoreError.notFound }
        return token
    }

    /// Whose token this is and what it is worth; nil for one that nobody was given.
    public func authenticate(_ token: Redacted<String>) async throws -> TokenVerdict? {
        guard Self.mayBeToken(token) else { return nil }
        let values: [Value] = [.bytes(Self.hash(of: token)), .double(Self.sightingAge)]
        return try await pool.run { connection in
            try connection.execute(DeviceStatements.authenticate, values).first { try TokenVerdict($0) }
        }
    }

    /// Ends a device's access at once, here and in all other processes; what it has open ends with it. Returns its name.
    ///
    /// With `user` it must be a device of theirs. Throws `StoreError.notFound` for one that has no access.
    @discardableResult
    public func revokeToken(device: DeviceID, of user: UserID? = nil) async throws -> String {
        let values: [Value] = [.id(device), .optional(user) { .id($0) }]
        let name = try await pool.run { connection in
            let rows =
                if let user {
                    try connection.execute(as: user, [(DeviceStatements.revoke, values)])[0]
                } else {
                    try connection.execute(DeviceStatements.revoke, values)
                }
            return try rows.first { try $0.text("name") }
        }
        guard let name else { throw StoreError.notFound }
        notifier.tell(.revoked(device))
        return name
    }

    /// For the operator: devices with and without access, in the order in which they were made.
    public func devices(of user: UserID?, limit: Int) async throws -> [DeviceRecord] {
        try await pool.run { connection in
            try connection.execute(DeviceStatements.list, [.optional(user, { .id($0) }), .int(limit)]).map { row in
                DeviceRecord(
                    id: try row.id("id"), user: try row.id("user_id"), userName: try row.text("user_name"),
                    name: try row.text("name"), scopes: try row.scopes("scope_words"),
                    createdAt: try row.date("created_at"), lastSeenAt: try row.optional("last_seen_at", Row.date),
                    expiresAt: try row.optional("expires_at", Row.date),
                    revokedAt: try row.optional("revoked_at", Row.date))
            }
        }
    }

    /// For the user: the devices that have access, the newest first; all of them, or one if it is there.
    public func livingDevices(
        of user: UserID, only device: DeviceID? = nil, asking: DeviceID, limit: Int
    ) async throws -> [DeviceInfo] {
        let values: [Value] = [.id(user), .optional(device) { .id($0) }, .int(limit)]
        return try await pool.run { connection in
            try connection.execute(as: user, [(DeviceStatements.living, values)])[0].map { row in
                let id: DeviceID = try row.id("id")
                return DeviceInfo(
                    id: id, name: try row.text("name"), scopes: try row.scopes("scope_words").map(Open.known),
                    createdAt: try row.date("created_at"), lastSeenAt: try row.optional("last_seen_at", Row.date),
                    expiresAt: try row.optional("expires_at", Row.date), isCurrent: id == asking)
            }
        }
    }

    /// Which of these have no access any more, and why.
    public func ended(among devices: [DeviceID: UserID]) async throws -> [DeviceID: AccessLoss] {
        let values = Self.columns(of: devices)
        return try await pool.run { connection in
            let ended = try connection.execute(DeviceStatements.ended, values).map { row in
                (try row.id("id") as DeviceID, AccessLoss(rawValue: try row.text("loss")) ?? .revoked)
            }
            return Dictionary(ended, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Writes down that these were here, at most once in `sightingAge` each.
    public func markSeen(_ devices: [DeviceID: UserID]) async throws {
        let values = Self.columns(of: devices) + [.double(Self.sightingAge)]
        try await pool.run { _ = try $0.execute(DeviceStatements.markSeen, values) }
    }

    private static func columns(of devices: [DeviceID: UserID]) -> [Value] {
        let sorted = devices.sorted { $0.key < $1.key }
        return [.uuids(sorted) { $0.value.uuid }, .uuids(sorted) { $0.key.uuid }]
    }

    /// Whether it has the shape of a token, so that nonsense does not become a question to the database.
    public static func mayBeToken(_ token: Redacted<String>) -> Bool {
        let text = token.reveal().utf8
        return text.count == 47 && text.starts(with: "gdl_".utf8)
    }

    private static func hash(of token: Redacted<String>) -> [UInt8] {
        Array(SHA256.hash(data: Data(token.reveal().utf8)))
    }
}

extension TokenVerdict {
    fileprivate init(_ row: Row) throws {
        let (user, device): (UserID, DeviceID) = (try row.id("user_id"), try row.id("id"))
        let left = try row.optional("seconds_left", Row.double)
        if try row.bool("is_revoked") {
            self = .revoked(user: user, device: device)
        } else if let left, left <= 0 {
            self = .expired(user: user, device: device)
        } else if try row.bool("is_suspended") {
            self = .suspended(user: user, device: device)
        } else {
            self = .valid(
                ValidToken(
                    user: user, device: device, scopes: Set(try row.scopes("scopes")), secondsLeft: left,
                    isNews: try row.bool("is_news")))
        }
    }
}

extension Row {
    /// Words of scopes, parted by spaces.
    fileprivate func scopes(_ column: Field) throws(PostgresError) -> [Scope] {
        try text(column).split(separator: " ").compactMap { Scope(rawValue: String($0)) }
    }
}
