public import Foundation

/// A model and what it accepts, as the upstream publishes it (`GET /v1/models`).
public struct VideoModel: Hashable, Sendable, Identifiable {
    public var id: String
    /// A name for people.
    public var name: String
    /// A few sentences for people.
    public var description: String?
    public var kind: Open<Kind>
    /// The exact texts that `duration` may hold. `["Auto"]`: the length follows the source, and `duration` stays out.
    public var durations: [String]
    /// The exact texts that `resolution` may hold, in no order. Empty: the field stays out.
    public var resolutions: [String]
    /// The exact texts that `aspect_ratio` may hold. Empty: the field stays out.
    public var aspectRatios: [String]
    public var sound: Open<Sound>
    /// The longest prompt, in characters.
    public var promptCharacterLimit: Int
    /// How the model takes the other fields, by their names in a request. A field that is not here stays out.
    ///
    /// Most of it comes from a table of families (`ModelFamily`), since the upstream publishes little of it, and from
    /// what the upstream has refused (`repair(from:)`). `duration`, `resolution` and `aspect_ratio` are here only where
    /// their lists do not say all.
    public var inputs: [String: ModelInput]
    public var privacy: Open<Privacy>
    /// Not to be had at the moment.
    public var isOffline: Bool
    /// Open only to accounts that were let in.
    public var isRestricted: Bool
    /// Takes prompts that others refuse.
    public var isUncensored: Bool
    /// Words under which the upstream groups its models, such as `featured`.
    public var tags: [String]
    /// Where the model's makers describe it.
    public var source: String?
    /// When the upstream began to offer it.
    public var createdAt: Date?
    /// That the model will leave, if that is announced.
    public var deprecation: Deprecation?

    /// What a model makes a video from.
    public enum Kind: String, Sendable, CaseIterable {
        case textToVideo = "text-to-video"
        /// Also reference-to-video and transition models.
        case imageToVideo = "image-to-video"
        /// Video-to-video, motion control, upscale.
        case videoToVideo = "video"
    }

    /// Whether the result has sound, and who decides.
    public enum Sound: String, Sendable, CaseIterable {
        /// Silent; `audio` stays out.
        case none
        /// Always with sound; `audio` stays out.
        case always
        /// `audio` decides.
        case optional
    }

    /// What the upstream keeps of a request.
    public enum Privacy: String, Sendable, CaseIterable {
        case `private`, anonymized
    }

    /// The news that a model will leave.
    public struct Deprecation: Hashable, Sendable, Codable {
        /// When it leaves.
        public var removedAt: Date?
        /// From then on a warning is due.
        public var startsAt: Date?
        /// Afterwards the upstream hands its requests to the `replacement`.
        public var isRemapped: Bool
        /// The id of the model that takes its place.
        public var replacement: String?

        public init(
            removedAt: Date? = nil, startsAt: Date? = nil, isRemapped: Bool = false, replacement: String? = nil
        ) {
            self.removedAt = removedAt
            self.startsAt = startsAt
            self.isRemapped = isRemapped
            self.replacement = replacement
        }

        enum CodingKeys: String, CodingKey {
            case replacement
            case removedAt = "removed_at"
            case startsAt = "starts_at"
            case isRemapped = "is_remapped"
        }
    }

    /// What a model takes that says nothing of its own limit (PROTOCOL §4: 2500 characters).
    public static let defaultPromptCharacterLimit = 2500

    /// A model as its listing describes it, with the `inputs` of its family.
    public init(
        id: String, name: String, kind: Open<Kind>, durations: [String], resolutions: [String], aspectRatios: [String],
        sound: Open<Sound>, promptCharacterLimit: Int = defaultPromptCharacterLimit,
        media: ListedMedia = ListedMedia(), privacy: Open<Privacy> = .known(.anonymized), isOffline: Bool = false
    ) {
        self.id = id
        self.name = name
        self.kind = kind
        self.durations = durations
        // An upscaler lists factors there, and refuses the field (PROTOCOL §4).
        self.resolutions = ModelFamily(id: id, kind: kind).isUpscaler ? [] : resolutions
        self.aspectRatios = aspectRatios
        self.sound = sound
        self.promptCharacterLimit = promptCharacterLimit
        inputs = ModelFamily(id: id, kind: kind).inputs(durations: durations, sound: sound, media: media)
        self.privacy = privacy
        self.isOffline = isOffline
        isRestricted = false
        isUncensored = false
        tags = []
    }

    /// When the model will leave, if that is announced.
    public var removedAt: Date? { deprecation?.removedAt }
}
