public import Foundation
public import VideoModels

/// What the upstream says about the account behind the key (`GET /api_keys/rate_limits`).
public struct AccountStatus: Sendable, Hashable {
    /// Whether a request would be let in; the one thing here that decides anything.
    public var isAccessPermitted: Bool?
    public var tier: String?
    public var isCharged: Bool?
    /// By currency word (`USD`, `DIEM`, `BUNDLED_CREDITS`), already limited to what this key may spend.
    public var balances: [String: Decimal]
    public var keyExpiration: Date?
    public var nextEpochBegins: Date?
    /// Video models have none here (PROTOCOL §10).
    public var limits: [Limit]

    public struct Limit: Sendable, Hashable {
        public var model: String
        /// `RPM`, `RPD`, `TPM`.
        public var type: String
        public var amount: Decimal
    }

    init?(_ json: JSON) {
        guard let data = json["data"], data.object != nil else { return nil }
        isAccessPermitted = data["accessPermitted"]?.bool
        tier = data["apiTier"]?["id"]?.text
        isCharged = data["apiTier"]?["isCharged"]?.bool
        balances = (data["balances"]?.object ?? [:]).compactMapValues(\.decimal)
        keyExpiration = data["keyExpiration"]?.text.flatMap(Wire.date)
        nextEpochBegins = data["nextEpochBegins"]?.text.flatMap(Wire.date)
        limits = (data["rateLimits"]?.array ?? []).flatMap { entry in
            (entry["rateLimits"]?.array ?? []).compactMap { limit in
                guard let model = entry["apiModelId"]?.text, let type = limit["type"]?.text,
                    let amount = limit["amount"]?.decimal
                else { return nil }
                return Limit(model: model, type: type, amount: amount)
            }
        }
    }
}

/// One of the last times that a limit was met (`GET /api_keys/rate_limits/log`, ADMIN key).
public struct RateLimitLogEntry: Sendable, Hashable {
    public var keyID: String?
    /// A model's id, `endpoint:…` or `model:unknown`.
    public var model: String
    public var tier: String?
    public var type: Open<Kind>
    public var timestamp: Date?

    public enum Kind: String, Sendable, CaseIterable {
        case requestsPerDay = "RPD"
        case requestsPerMinute = "RPM"
        case tokensPerMinute = "TPM"
        case failedRequests = "FAILED_REQUESTS"
        case unsupportedFeatureRequests = "UNSUPPORTED_FEATURE_REQUESTS"
    }

    init?(_ json: JSON) {
        guard let model = json["modelId"]?.text, let type = json["rateLimitType"]?.text else { return nil }
        self.model = model
        self.type = Open(type)
        keyID = json["apiKeyId"]?.text
        tier = json["rateLimitTier"]?.text
        timestamp = json["timestamp"]?.text.flatMap(Wire.date)
    }
}
