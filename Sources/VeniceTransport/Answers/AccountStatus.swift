public import Foundation
import VideoModels

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
