import Foundation

extension VideoModel: Codable {
    enum CodingKeys: String, CodingKey {
        case id, name, description, kind, durations, resolutions, sound, inputs, privacy, tags, source, deprecation
        case aspectRatios = "aspect_ratios"
        case promptCharacterLimit = "prompt_character_limit"
        case takesAudioTrack = "takes_audio_track"
        case takesVideo = "takes_video"
        case isOffline = "is_offline"
        case isRestricted = "is_restricted"
        case isUncensored = "is_uncensored"
        case createdAt = "created_at"
        case removedAt = "removed_at"
    }

    /// Reads rows of earlier releases as well: those had `takes_audio_track`, `takes_video` and `removed_at` for
    /// `inputs` and `deprecation`, which are then made up from the family table.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let media = ListedMedia(
            takesAudio: try values.decodeIfPresent(Bool.self, forKey: .takesAudioTrack) ?? false,
            takesVideo: try values.decodeIfPresent(Bool.self, forKey: .takesVideo))
        try self.init(
            id: values.decode(String.self, forKey: .id), name: values.decode(String.self, forKey: .name),
            kind: values.decode(Open<Kind>.self, forKey: .kind),
            durations: values.decode([String].self, forKey: .durations),
            resolutions: values.decode([String].self, forKey: .resolutions),
            aspectRatios: values.decode([String].self, forKey: .aspectRatios),
            sound: values.decode(Open<Sound>.self, forKey: .sound),
            promptCharacterLimit: values.decode(Int.self, forKey: .promptCharacterLimit), media: media,
            privacy: values.decode(Open<Privacy>.self, forKey: .privacy),
            isOffline: values.decode(Bool.self, forKey: .isOffline))
        if let given = try values.decodeIfPresent([String: ModelInput].self, forKey: .inputs) { inputs = given }
        description = try values.decodeIfPresent(String.self, forKey: .description)
        isRestricted = try values.decodeIfPresent(Bool.self, forKey: .isRestricted) ?? false
        isUncensored = try values.decodeIfPresent(Bool.self, forKey: .isUncensored) ?? false
        tags = try values.decodeIfPresent([String].self, forKey: .tags) ?? []
        source = try values.decodeIfPresent(String.self, forKey: .source)
        createdAt = try values.decodeIfPresent(Date.self, forKey: .createdAt)
        deprecation =
            try values.decodeIfPresent(Deprecation.self, forKey: .deprecation)
            ?? values.decodeIfPresent(Date.self, forKey: .removedAt).map { Deprecation(removedAt: $0) }
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(id, forKey: .id)
        try values.encode(name, forKey: .name)
        try values.encodeIfPresent(description, forKey: .description)
        try values.encode(kind, forKey: .kind)
        try values.encode(durations, forKey: .durations)
        try values.encode(resolutions, forKey: .resolutions)
        try values.encode(aspectRatios, forKey: .aspectRatios)
        try values.encode(sound, forKey: .sound)
        try values.encode(promptCharacterLimit, forKey: .promptCharacterLimit)
        try values.encode(inputs, forKey: .inputs)
        // For apps of earlier releases, which do not know `inputs` and `deprecation`.
        try values.encode(takesAudioTrack, forKey: .takesAudioTrack)
        try values.encode(takesVideo, forKey: .takesVideo)
        try values.encodeIfPresent(removedAt, forKey: .removedAt)
        try values.encode(privacy, forKey: .privacy)
        try values.encode(isOffline, forKey: .isOffline)
        try values.encode(isRestricted, forKey: .isRestricted)
        try values.encode(isUncensored, forKey: .isUncensored)
        try values.encode(tags, forKey: .tags)
        try values.encodeIfPresent(source, forKey: .source)
        try values.encodeIfPresent(createdAt, forKey: .createdAt)
        try values.encodeIfPresent(deprecation, forKey: .deprecation)
    }
}
