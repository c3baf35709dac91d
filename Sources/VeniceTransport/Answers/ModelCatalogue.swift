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
            sound: .known(Self.sound(limits)), media: ListedMedia(limits))
        if let limit = limits["prompt_character_limit"]?.int, limit > 0 { promptCharacterLimit = limit }
        if let word = spec["privacy"]?.text { privacy = Open(word) }
        isOffline = spec["offline"]?.bool ?? false
        isRestricted = spec["beta"]?.bool ?? false
        isUncensored = spec["uncensored"]?.bool ?? false
        description = spec["description"]?.text
        source = spec["modelSource"]?.text
        tags = spec["model_sets"]?.texts ?? []
        createdAt = json["created"]?.double.flatMap(Self.time)
        deprecation = spec["deprecation"].flatMap(Deprecation.init)
    }

    /// Unix seconds, within the years that have four digits.
    private static func time(_ seconds: Double) -> Date? {
        (0...253_402_300_799).contains(seconds) ? Date(timeIntervalSince1970: seconds) : nil
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

extension ListedMedia {
    fileprivate init(_ limits: JSON) {
        self.init(
            takesAudio: limits["audio_input"]?.bool ?? false, takesVideo: limits["video_input"]?.bool,
            takesReferenceAudio: limits["per_reference_audio"]?.bool ?? false,
            shortestSidePixels: limits["reference_image_min_short_side_pixels"]?.int,
            leastRatio: limits["reference_image_min_aspect_ratio"]?.double,
            mostRatio: limits["reference_image_max_aspect_ratio"]?.double)
    }
}

extension VideoModel.Deprecation {
    /// Nil when it says nothing that can be read.
    fileprivate init?(_ json: JSON) {
        let removedAt = json["removesAt", "date"]?.text.flatMap(Wire.date)
        let replacement = json["replacementModelId"]?.text
        guard removedAt != nil || replacement != nil else { return nil }
        self.init(
            removedAt: removedAt, startsAt: json["startsAt"]?.text.flatMap(Wire.date),
            isRemapped: json["autoRemap"]?.bool ?? false, replacement: replacement)
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
