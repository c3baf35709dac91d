public import Foundation

/// A model and what it accepts, as the upstream publishes it (`GET /v1/models`).
public struct VideoModel: Hashable, Sendable, Codable, Identifiable {
    public var id: String
    /// A name for people.
    public var name: String
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
    /// Takes `audio_track`.
    public var takesAudioTrack: Bool
    /// Takes `video`.
    public var takesVideo: Bool
    public var privacy: Open<Privacy>
    /// Not to be had at the moment.
    public var isOffline: Bool
    /// When the model will leave, if that is announced.
    public var removedAt: Date?

    public enum Kind: String, Sendable, CaseIterable {
        case textToVideo = "text-to-video"
        /// Also reference-to-video and transition models.
        case imageToVideo = "image-to-video"
        /// Video-to-video, motion control, upscale.
        case videoToVideo = "video"
    }

    public enum Sound: String, Sendable, CaseIterable {
        /// Silent; `audio` stays out.
        case none
        /// Always with sound; `audio` stays out.
        case always
        /// `audio` decides.
        case optional
    }

    public enum Privacy: String, Sendable, CaseIterable {
        case `private`, anonymized
    }

    /// What a model takes that says nothing of its own limit (PROTOCOL §4: 2500 characters).
    public static let defaultPromptCharacterLimit = 2500

    public init(
        id: String, name: String, kind: Open<Kind>, durations: [String], resolutions: [String], aspectRatios: [String],
        sound: Open<Sound>, promptCharacterLimit: Int = defaultPromptCharacterLimit, takesAudioTrack: Bool = false,
        takesVideo: Bool = false, privacy: Open<Privacy> = .known(.anonymized), isOffline: Bool = false,
        removedAt: Date? = nil
    ) {
        self.id = id
        self.name = name
        self.kind = kind
        self.durations = durations
        self.resolutions = resolutions
        self.aspectRatios = aspectRatios
        self.sound = sound
        self.promptCharacterLimit = promptCharacterLimit
        self.takesAudioTrack = takesAudioTrack
        self.takesVideo = takesVideo
        self.privacy = privacy
        self.isOffline = isOffline
        self.removedAt = removedAt
    }

    enum CodingKeys: String, CodingKey {
        case id, name, kind, durations, resolutions, sound, privacy
        case aspectRatios = "aspect_ratios"
        case promptCharacterLimit = "prompt_character_limit"
        case takesAudioTrack = "takes_audio_track"
        case takesVideo = "takes_video"
        case isOffline = "is_offline"
        case removedAt = "removed_at"
    }

    /// The length of the result follows the source; `duration` is not sent.
    public var followsSourceLength: Bool { durations == ["Auto"] }
    /// Makes an existing clip larger; takes `upscale_factor`, no prompt and no resolution.
    public var isUpscaler: Bool { id.hasSuffix("-upscale") || id.contains("-upscale-") }
    /// Takes `reference_images`.
    public var takesReferences: Bool { id.contains("reference-to-video") }
}
