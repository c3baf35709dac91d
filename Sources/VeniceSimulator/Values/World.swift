public import Foundation

/// What is unlike the usual service: particular models and particular keys. As JSON:
/// `{"region": "DE", "models": {ID: {…}}, "keys": {KEY: {…}}}`.
public struct World: Hashable, Sendable, Codable {
    /// Where callers are, as a country code; nowhere in particular when it is left out.
    public var region: String?
    public var models: [String: ModelRule]?
    /// By the whole key.
    public var keys: [String: KeyRule]?

    public init(region: String? = nil, models: [String: ModelRule]? = nil, keys: [String: KeyRule]? = nil) {
        self.region = region
        self.models = models
        self.keys = keys
    }

    /// Reads JSON, and refuses keys that it does not know.
    public init(json: Data) throws { self = try StrictJSON.decode(World.self, from: json) }
}

/// What is special about a model.
public struct ModelRule: Hashable, Sendable, Codable {
    public var offline: Bool?
    public var deprecation: Deprecation?
    /// Countries where the model is blocked.
    public var regionRestrictions: [String]?
    /// Only keys with beta access see it and may use it.
    public var beta: Bool?

    public init(
        offline: Bool? = nil, deprecation: Deprecation? = nil, regionRestrictions: [String]? = nil, beta: Bool? = nil
    ) {
        self.offline = offline
        self.deprecation = deprecation
        self.regionRestrictions = regionRestrictions
        self.beta = beta
    }

    enum CodingKeys: String, CodingKey {
        case offline, deprecation, beta
        case regionRestrictions = "region_restrictions"
    }
}

/// A model's planned end, in the service's own words.
public struct Deprecation: Hashable, Sendable, Codable {
    public var startsAt: Date?
    /// From then on the model is neither listed nor made under its own name.
    public var removesAt: Date
    /// Whether calls go to the replacement from then on.
    public var autoRemap: Bool
    public var replacementModelId: String?
    /// What a call is answered with once the model is gone and not rerouted: 404 unless 410 is said.
    public var goneStatus: Int?

    public init(
        startsAt: Date? = nil, removesAt: Date, autoRemap: Bool, replacementModelId: String? = nil,
        goneStatus: Int? = nil
    ) {
        self.startsAt = startsAt
        self.removesAt = removesAt
        self.autoRemap = autoRemap
        self.replacementModelId = replacementModelId
        self.goneStatus = goneStatus
    }

    /// As the listing shows it.
    var json: JSONValue {
        let end = JSONValue.string(removesAt.formatted(Ledger.time))
        var fields: [String: JSONValue] = ["date": end, "removesAt": end, "autoRemap": .bool(autoRemap)]
        fields["startsAt"] = startsAt.map { .string($0.formatted(Ledger.time)) }
        fields["replacementModelId"] = replacementModelId.map { .string($0) }
        return .object(fields)
    }
}

/// What is special about a key.
public struct KeyRule: Hashable, Sendable, Codable {
    public enum ModelPrivacy: String, Hashable, Sendable, Codable {
        case all = "ALL"
        case privateText = "PRIVATE_TEXT"
        /// Models that are not private are refused and not listed.
        case privateOnly = "PRIVATE_ONLY"
    }

    /// What the key may spend.
    public struct ConsumptionLimit: Hashable, Sendable, Codable {
        public enum Window: String, Hashable, Sendable, Codable {
            /// A UTC day.
            case epoch = "EPOCH"
            /// A UTC month.
            case month = "MONTH"
            case lifetime = "LIFETIME"
        }

        public var usd: Cents
        public var window: Window

        public init(usd: Cents, window: Window = .lifetime) {
            self.usd = usd
            self.window = window
        }
    }

    public var consumptionLimit: ConsumptionLimit?
    public var expiresAt: Date?
    public var modelPrivacy: ModelPrivacy?
    /// Whether the key sees and may use models in beta.
    public var beta: Bool?
    /// Every call with the key is answered 403.
    public var disabled: Bool?
    /// Where the key's holder is, if not where everybody is.
    public var region: String?

    public init(
        consumptionLimit: ConsumptionLimit? = nil, expiresAt: Date? = nil, modelPrivacy: ModelPrivacy? = nil,
        beta: Bool? = nil, disabled: Bool? = nil, region: String? = nil
    ) {
        self.consumptionLimit = consumptionLimit
        self.expiresAt = expiresAt
        self.modelPrivacy = modelPrivacy
        self.beta = beta
        self.disabled = disabled
        self.region = region
    }

    enum CodingKeys: String, CodingKey {
        case beta, disabled, region
        case consumptionLimit = "consumption_limit"
        case expiresAt = "expires_at"
        case modelPrivacy = "model_privacy"
    }
}

extension Deprecation {
    enum CodingKeys: String, CodingKey {
        case startsAt = "starts_at"
        case removesAt = "removes_at"
        case autoRemap = "auto_remap"
        case replacementModelId = "replacement_model_id"
        case goneStatus = "gone_status"
    }
}

extension KeyRule.ConsumptionLimit.Window {
    /// When the window that holds `now` began; nil for the one that never ends.
    func start(at now: Date) -> Date? {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return switch self {
        case .epoch: calendar.startOfDay(for: now)
        case .month: calendar.dateInterval(of: .month, for: now)?.start
        case .lifetime: nil
        }
    }
}
