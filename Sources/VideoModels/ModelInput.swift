/// How a model takes one field of a request.
public struct ModelInput: Hashable, Sendable, Codable {
    public var need: Open<Need>
    /// The fewest entries of a list that is given.
    public var least: Int?
    /// The most entries of a list.
    public var most: Int?
    /// The words or numbers that the field may hold; of `image_references` those of its `role`; of `duration` and
    /// `aspect_ratio` further words beside the model's own list, which take their value from `reference_videos`.
    public var options: [String]?
    /// The shortest clip or sound.
    public var shortestSeconds: Double?
    /// The longest clip or sound.
    public var longestSeconds: Double?
    /// The most that all clips or sounds of the list may last together.
    public var totalSeconds: Double?
    /// The largest file.
    public var mostBytes: Int?
    /// The shorter side that a picture should have at least; a smaller one is enlarged, not refused.
    public var shortestSidePixels: Int?
    /// The least that a picture's width divided by its height may be.
    public var leastRatio: Double?
    /// The most that a picture's width divided by its height may be.
    public var mostRatio: Double?
    /// Fields whose media count against `most` as well.
    public var alsoCounts: [String]?
    /// Fields that must stay out when this one is given.
    public var excludes: [String]?

    /// Whether a field can be left out.
    public enum Need: String, Sendable, CaseIterable {
        case required, optional
        /// No source says whether the model takes the field. It is passed on, a refusal costs nothing, and from then on it is
        /// known. An app need not offer it.
        case perhaps
    }

    public init(
        _ need: Need = .optional, least: Int? = nil, most: Int? = nil, options: [String]? = nil,
        shortestSeconds: Double? = nil, longestSeconds: Double? = nil, totalSeconds: Double? = nil,
        mostBytes: Int? = nil, shortestSidePixels: Int? = nil, leastRatio: Double? = nil, mostRatio: Double? = nil,
        alsoCounts: [String]? = nil, excludes: [String]? = nil
    ) {
        self.need = .known(need)
        self.least = least
        self.most = most
        self.options = options
        self.shortestSeconds = shortestSeconds
        self.longestSeconds = longestSeconds
        self.totalSeconds = totalSeconds
        self.mostBytes = mostBytes
        self.shortestSidePixels = shortestSidePixels
        self.leastRatio = leastRatio
        self.mostRatio = mostRatio
        self.alsoCounts = alsoCounts
        self.excludes = excludes
    }

    /// The names of the fields in JSON.
    enum CodingKeys: String, CodingKey {
        case need, least, most, options, excludes
        case shortestSeconds = "shortest_seconds"
        case longestSeconds = "longest_seconds"
        case totalSeconds = "total_seconds"
        case mostBytes = "most_bytes"
        case shortestSidePixels = "shortest_side_pixels"
        case leastRatio = "least_ratio"
        case mostRatio = "most_ratio"
        case alsoCounts = "also_counts"
    }
}

extension VideoModel {
    /// How the model takes a field that `inputs` speaks of; nil if it does not take it or the model's lists say all.
    public subscript(field: VideoRequest.Field) -> ModelInput? { inputs[field.rawValue] }

    /// Whether the model takes the field at all, after its lists and its inputs.
    public func takes(_ field: VideoRequest.Field) -> Bool {
        switch field {
        case .model: true
        case .duration: self[field] != nil || !(durations.isEmpty || followsSourceLength)
        case .resolution: self[field] != nil || !(resolutions.isEmpty || isUpscaler)
        case .aspectRatio: self[field] != nil || !aspectRatios.isEmpty
        case .audio: sound == .known(.optional)
        default: self[field] != nil
        }
    }

    /// Takes `audio_track`.
    public var takesAudioTrack: Bool { takes(.audioTrack) }
    /// Takes `video`.
    public var takesVideo: Bool { takes(.video) }
    /// Takes `reference_images`.
    public var takesReferences: Bool { takes(.referenceImages) }
    /// The length of the result follows the source; `duration` stays out or holds seconds as text.
    public var followsSourceLength: Bool { durations == ["Auto"] }
    /// Makes an existing clip larger; takes `upscale_factor`, no prompt and no resolution.
    public var isUpscaler: Bool { ModelFamily(id: id, kind: kind).isUpscaler }
}
