public import Foundation

/// What a device's token allows.
public enum Scope: String, Hashable, Sendable, Codable, CaseIterable {
    /// To look: the feed, jobs, uploads and videos of the user.
    case read
    /// To ask for videos, and to change and delete what is the user's.
    case submit
}

/// A device that has access to its user's things, without its token, which nobody has but the device.
public struct DeviceInfo: Hashable, Sendable, Codable, Identifiable {
    public var id: DeviceID
    public var name: String
    public var scopes: [Open<Scope>]
    public var createdAt: Date
    /// When it last asked for something, to within some minutes; nil if it never has.
    public var lastSeenAt: Date?
    /// From then on its token is worth nothing; nil for one that lasts until it is revoked.
    public var expiresAt: Date?
    /// Whether this is the device that asks.
    public var isCurrent: Bool

    public init(
        id: DeviceID, name: String, scopes: [Open<Scope>], createdAt: Date, lastSeenAt: Date? = nil,
        expiresAt: Date? = nil, isCurrent: Bool
    ) {
        self.id = id
        self.name = name
        self.scopes = scopes
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.expiresAt = expiresAt
        self.isCurrent = isCurrent
    }

    enum CodingKeys: String, CodingKey {
        case id, name, scopes
        case createdAt = "created_at"
        case lastSeenAt = "last_seen_at"
        case expiresAt = "expires_at"
        case isCurrent = "is_current"
    }
}

/// The answer of `GET /v1/me`.
public struct Me: Hashable, Sendable, Codable {
    public var id: UserID
    public var name: String
    public var createdAt: Date
    public var limits: Limits
    public var spending: Spending
    /// The device that asks.
    public var device: DeviceInfo

    /// How much may be asked for.
    public struct Limits: Hashable, Sendable, Codable {
        /// Jobs that may be under way at once; the others wait for their turn.
        public var activeJobs: Int
        /// How many are.
        public var activeNow: Int
        /// Of each device.
        public var requestsPerMinute: Int
        /// Of each device: requests under way, waiting feeds and streams among them.
        public var requestsAtOnce: Int
        /// The largest upload.
        public var assetBytes: Int64

        public init(activeJobs: Int, activeNow: Int, requestsPerMinute: Int, requestsAtOnce: Int, assetBytes: Int64) {
            self.activeJobs = activeJobs
            self.activeNow = activeNow
            self.requestsPerMinute = requestsPerMinute
            self.requestsAtOnce = requestsAtOnce
            self.assetBytes = assetBytes
        }

        enum CodingKeys: String, CodingKey {
            case activeJobs = "active_jobs"
            case activeNow = "active_now"
            case requestsPerMinute = "requests_per_minute"
            case requestsAtOnce = "requests_at_once"
            case assetBytes = "asset_bytes"
        }
    }

    public init(
        id: UserID, name: String, createdAt: Date, limits: Limits, spending: Spending,
        device: DeviceInfo
    ) {
        self.id = id
        self.name = name
        self.createdAt = createdAt
        self.limits = limits
        self.spending = spending
        self.device = device
    }

    enum CodingKeys: String, CodingKey {
        case id, name, limits, spending, device
        case createdAt = "created_at"
    }
}
