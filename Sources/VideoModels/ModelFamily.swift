/// What the upstream's listing says of a model's media, beside its lists of words (PROTOCOL §9).
public struct ListedMedia: Hashable, Sendable {
    /// `audio_input`: takes a sound track.
    public var takesAudio: Bool
    /// `video_input`: takes a source clip. Nil where the listing does not say; the model's kind then decides.
    public var takesVideo: Bool?
    /// `per_reference_audio`: takes reference clips with a sound of their own.
    public var takesReferenceAudio: Bool
    /// `reference_image_min_short_side_pixels`
    public var shortestSidePixels: Int?
    /// `reference_image_min_aspect_ratio`
    public var leastRatio: Double?
    /// `reference_image_max_aspect_ratio`
    public var mostRatio: Double?

    public init(
        takesAudio: Bool = false, takesVideo: Bool? = nil, takesReferenceAudio: Bool = false,
        shortestSidePixels: Int? = nil, leastRatio: Double? = nil, mostRatio: Double? = nil
    ) {
        self.takesAudio = takesAudio
        self.takesVideo = takesVideo
        self.takesReferenceAudio = takesReferenceAudio
        self.shortestSidePixels = shortestSidePixels
        self.leastRatio = leastRatio
        self.mostRatio = mostRatio
    }
}

/// What a model takes and the listing does not say, from its id alone (PROTOCOL §4, §14, §15).
///
/// What the sources leave open is optional here: a field that the service might take is never refused by us, and what
/// it refuses is learned from its answer (`VideoModel.repair`).
public struct ModelFamily: Hashable, Sendable {
    /// The model's id.
    public var id: String
    /// What the listing says the model makes a video from.
    public var kind: Open<VideoModel.Kind>

    /// The family of the model with this id.
    public init(id: String, kind: Open<VideoModel.Kind>) {
        self.id = id
        self.kind = kind
    }

    /// Every field that the model takes beside the words of its lists, by its name in a request.
    public func inputs(
        durations: [String], sound: Open<VideoModel.Sound>, media: ListedMedia = ListedMedia()
    ) -> [String: ModelInput] {
        var inputs = InputTable()
        inputs[.upscaleFactor] = isUpscaler ? ModelInput(options: ["1", "2", "4"]) : nil
        inputs[.video] = video(media)
        guard !isUpscaler else { return inputs.byName }
        inputs[.prompt] = ModelInput(takesPromptOrNone ? .optional : .required)
        inputs[.negativePrompt] = ModelInput()
        inputs[.duration] = duration(durations)
        inputs[.aspectRatio] = matchesSourceRatio ? ModelInput(options: ["adaptive", "auto"]) : nil
        inputs[.audioTrack] = media.takesAudio ? audioTrack : nil
        inputs[.bitrate] = id.hasPrefix("seedance-2") ? ModelInput(options: words(VideoRequest.Bitrate.self)) : nil
        // Which models speak with a chosen voice is recorded nowhere; a silent one does not.
        inputs[.voice] = sound == .known(.none) ? nil : ModelInput(.perhaps)
        inputs[.cameraPath] = isMultiAngle ? ModelInput(least: 2, most: 12) : nil
        addImages(media, to: &inputs)
        addReferences(media, to: &inputs)
        return inputs.byName
    }

    // MARK: - which family

    /// Makes an existing clip larger.
    var isUpscaler: Bool { id.hasSuffix("-upscale") || id.contains("-upscale-") }
    /// Takes references, and needs at least one thing to look at.
    var isReference: Bool { id.contains("reference-to-video") }
    private var isMultiAngle: Bool { id == "minimax-h3-max-multi-angle" }
    private var needsEndImage: Bool { id.hasSuffix("-transition") || id.contains("first-last-frame") }
    private var isText: Bool { kind == .known(.textToVideo) }
    private var takesPromptOrNone: Bool { isMultiAngle || kind.known == nil }
    private var takesElements: Bool { isReference && (id.hasPrefix("kling-o3-") || id.hasPrefix("kling-v3-")) }
    /// `adaptive` and `auto` as aspect ratio take the reference clip's.
    private var matchesSourceRatio: Bool {
        isReference && id.hasSuffix("-basic") && (id.hasPrefix("seedance-2-0-") || id.hasPrefix("seedance-2-5-"))
    }
    /// `-1` and `auto` as duration take the reference clip's; the reference task can be named.
    private var matchesSourceLength: Bool { id == "seedance-2-5-reference-to-video-basic" }

    // MARK: - the fields

    private func duration(_ durations: [String]) -> ModelInput? {
        if durations == ["Auto"] { return ModelInput(longestSeconds: 300) }
        return matchesSourceLength ? ModelInput(options: ["-1", "auto"], shortestSeconds: 4, longestSeconds: 30) : nil
    }

    private func video(_ media: ListedMedia) -> ModelInput? {
        let isNeeded = kind == .known(.videoToVideo)
        guard isNeeded || media.takesVideo ?? (kind.known == nil) else { return nil }
        return ModelInput(isNeeded ? .required : .optional, longestSeconds: isUpscaler ? 300 : nil)
    }

    private var audioTrack: ModelInput {
        ModelInput(
            shortestSeconds: id.hasPrefix("wan-2-7-") ? 3 : nil, longestSeconds: 30, mostBytes: ReferenceCaps.audioBytes
        )
    }

    private func addImages(_ media: ListedMedia, to inputs: inout InputTable) {
        guard !isText else { return }
        var image = media.picture
        if isReference && id.hasPrefix("minimax-h3") { image.excludes = Self.references.map(\.rawValue) }
        switch kind {
        case .known(.imageToVideo) where !isReference || id == "kling-v3-4k-reference-to-video":
            image.need = .known(.required)
        default: break
        }
        inputs[.image] = image
        guard kind != .known(.videoToVideo), !isMultiAngle else { return }
        image.need = .known(needsEndImage ? .required : .perhaps)
        inputs[.endImage] = image
        inputs[.keyframes] = ModelInput(.perhaps, most: 10)
    }

    static let references: [VideoRequest.Field] = [
        .referenceImages, .referenceVideos, .referenceAudios, .imageReferences, .videoReferences,
    ]

    private func addReferences(_ media: ListedMedia, to inputs: inout InputTable) {
        if media.takesReferenceAudio { inputs[.videoReferences] = ModelInput(most: 10) }
        // A video-to-video model whose listing limits reference pictures takes some.
        let takesPictures = isReference || (kind == .known(.videoToVideo) && media.shortestSidePixels != nil)
        guard !isText, takesPictures || kind.known == nil else { return }
        let caps = ReferenceCaps.of(id)
        inputs[.referenceImages] = media.picture.with(most: caps.images)
        inputs[.imageReferences] = isReference ? media.picture.with(most: caps.images) : nil
        inputs[.imageReferences]?.need = .known(.perhaps)
        inputs[.imageReferences]?.options = words(VideoRequest.ImageReference.Role.self)
        inputs[.referenceVideos] = caps.videos?.input
        inputs[.referenceVideoSeconds] = caps.videos.map { ModelInput(longestSeconds: $0.total) }
        inputs[.referenceAudios] = caps.audios?.input
        // PROTOCOL §14: a sound track counts as one of MiniMax H3's reference sounds.
        if id.hasPrefix("minimax-h3") {
            inputs[.referenceAudios]?.alsoCounts = [VideoRequest.Field.audioTrack.rawValue]
        }
        inputs[.referenceDocuments] =
            caps.documents > 0 ? ModelInput(most: caps.documents, mostBytes: ReferenceCaps.documentBytes) : nil
        inputs[.referenceTask] = matchesSourceLength ? ModelInput(options: words(VideoRequest.ReferenceTask.self)) : nil
        inputs[.elements] = takesElements ? ModelInput(most: 4) : nil
        inputs[.sceneImages] = takesElements ? ModelInput(most: 4) : nil
    }

    private func words<Word: RawRepresentable & CaseIterable>(_ type: Word.Type) -> [String]
    where Word.RawValue == String { Word.allCases.map(\.rawValue) }
}

/// `ModelInput`s by field, while they are put together.
private struct InputTable {
    private(set) var byName: [String: ModelInput] = [:]

    subscript(field: VideoRequest.Field) -> ModelInput? {
        get { byName[field.rawValue] }
        set { byName[field.rawValue] = newValue }
    }
}

extension ListedMedia {
    /// What holds for every picture of the model.
    fileprivate var picture: ModelInput {
        ModelInput(shortestSidePixels: shortestSidePixels, leastRatio: leastRatio, mostRatio: mostRatio)
    }
}

extension ModelInput {
    fileprivate func with(most: Int) -> ModelInput {
        var copy = self
        copy.most = most
        return copy
    }
}
