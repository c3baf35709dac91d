import Foundation
public import VideoModels

/// The upstream's list of video models.
public struct ModelCatalogue: Sendable, Hashable {
    public var models: [VideoModel]
    /// Ids of entries that say too little to be used.
    public var skipped: [String]

    /// Nil when there is no list. One strange entry does not spoil the others.
    init?(_ json: JSON) {
        guard let entries = json["data"]?.array else { return nil }
        models = []
        skipped = []
        for entry in entries where entry["type"]?.text ?? "video" == "video" {
            if let model = VideoModel(upstream: entry) {
                models.append(model)
            } else {
                skipped.append(entry["id"]?.text ?? "?")
            }
        }
    }
}

extension VideoModel {
    /// Reads one entry of `GET /models?type=video`. Nil without an id and the constraints that every request depends on.
    init?(upstream json: JSON) {
        guard let id = json["id"]?.text, let spec = json["model_spec"], let limits = spec["constraints"],
            let kind = limits["model_type"]?.text
        else { return nil }
        self.init(
            id: id, name: spec["name"]?.text ?? id, kind: Open(kind), durations: Self.durations(limits["durations"]),
            resolutions: limits["resolutions"]?.texts ?? [], aspectRatios: limits["aspect_ratios"]?.texts ?? [],
            sound: .known(Self.sound(limits)))
        if let limit = limits["prompt_character_limit"]?.int, limit > 0 { promptCharacterLimit = limit }
        takesAudioTrack = limits["audio_input"]?.bool ?? false
        takesVideo = limits["video_input"]?.bool ?? (self.kind == .known(.videoToVideo))
        if let word = spec["privacy"]?.text { privacy = Open(word) }
        isOffline = spec["offline"]?.bool ?? false
        removedAt = spec["deprecation"]?["removesAt"]?.text.flatMap(Wire.date)
    }

    /// Texts as listed; a bare number is a count of seconds.
    private static func durations(_ json: JSON?) -> [String] {
        (json?.array ?? json.map { [$0] } ?? []).compactMap { element in
            if case .number(let digits) = element { digits + "s" } else { element.text }
        }
    }

    private static func sound(_ limits: JSON) -> Sound {
        if limits["audio_configurable"]?.bool == true { return .optional }
        return limits["audio"]?.bool == true ? .always : .none
    }
}

/// What a price question answers.
extension Money {
    /// Nil when there is no price, or when it is not in US dollars.
    init?(quote json: JSON) {
        guard var amount = json["quote"]?.decimal, amount >= 0, amount < 1_000_000 else { return nil }
        guard (json["currency"]?.text ?? "USD").uppercased() == "USD" else { return nil }
        // `Money` knows millionths. Up, so that a price cap is never missed by a fraction.
        var rounded = Decimal()
        NSDecimalRound(&rounded, &amount, 6, .up)
        self.init(usd: rounded)
    }
}
