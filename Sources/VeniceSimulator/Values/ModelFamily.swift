/// What the metadata does not say about a model, known from its id alone: the family table of the protocol.
struct ModelFamily: Hashable, Sendable {
    /// Whether a field must be there, may be there, or is refused.
    enum Rule: Sendable { case required, optional, forbidden }

    /// How many references of each kind a request may carry.
    struct ReferenceCaps: Hashable, Sendable {
        var images = 0
        var videos = 0
        var audios = 0
        var documents = 0
    }

    /// The bounds of one clip and of all clips of its kind together.
    struct ClipLimits: Hashable, Sendable {
        var seconds: ClosedRange<Double>
        var bytes: Int
        var total: Double
    }

    var kind: ModelKind
    var prompt: Rule
    var imageURL: Rule
    var endImageURL: Rule
    var videoURL: Rule
    var references: ReferenceCaps
    var videoClips: ClipLimits?
    var audioClips: ClipLimits?
    /// Of `audio_url`, in seconds.
    var soundtrack: ClosedRange<Double>
    /// Start and end frame only where no references are.
    var framesExcludeReferences: Bool
    var elements: Bool
    var keyframes: Bool
    /// Private delivery: queue hands out a link, retrieve answers JSON alone.
    var deliversByLink: Bool
    /// Seedance 2.0 and 2.5 `-basic` reference ids take `adaptive` and `auto` as aspect ratio.
    var matchesSourceRatio: Bool
    /// Seedance 2.5 `-basic` reference id: `-1` and `auto` as duration, `omni_reference_task_type`.
    var matchesSourceDuration: Bool
    var bitrateMode: Bool
    /// `camera_trajectory`.
    var cameraPath: Bool
    /// `image_references`; `video_references` go by the metadata.
    var typedImages: Bool
    /// `voice_id`; which models speak with a chosen voice is recorded nowhere, a silent one does not.
    var voice: Bool
    /// Media that may show faces need a consent.
    var asksConsent: Bool
    /// Seedance takes BMP, GIF, TIFF and HEIF as well.
    var otherPictures: Bool

    init(_ model: VideoModel) {
        let id = model.id
        kind = ModelKind(model)
        deliversByLink = id.contains("grok-imagine")
        cameraPath = id == "minimax-h3-max-multi-angle"
        prompt = kind == .upscale ? .forbidden : cameraPath ? .optional : .required
        videoURL = model.type == .video ? .required : .forbidden
        imageURL = Self.imageRule(id, kind)
        endImageURL = Self.endImageRule(id, kind)
        framesExcludeReferences = kind == .reference && id.hasPrefix("minimax-h3")
        // A video-to-video model whose metadata bounds reference pictures takes some.
        references = kind == .reference ? Self.caps(id) : ReferenceCaps(images: model.boundsPictures ? 4 : 0)
        (videoClips, audioClips) = Self.clips(id)
        soundtrack = (id.hasPrefix("wan-2-7") ? 3 : 0)...30
        elements = kind == .reference && (id.hasPrefix("kling-o3") || id.hasPrefix("kling-v3-4k"))
        keyframes = id == "flux-3-image-to-video"
        typedImages = kind == .reference
        voice = model.audio
        let isSeedance2 = id.hasPrefix("seedance-2-0") || id.hasPrefix("seedance-2-5")
        matchesSourceRatio = kind == .reference && id.hasSuffix("-basic") && isSeedance2
        matchesSourceDuration = id == "seedance-2-5-reference-to-video-basic"
        bitrateMode = id.hasPrefix("seedance-2-")
        otherPictures = id.hasPrefix("seedance-")
        asksConsent = isSeedance2 && !id.hasSuffix("-basic") && !id.contains("-us-")
    }

    private static func imageRule(_ id: String, _ kind: ModelKind) -> Rule {
        switch kind {
        case .text, .upscale, .video: .forbidden
        case .image: .required
        // Motion control moves a picture; whether it must be given is recorded nowhere.
        case .motion: .optional
        case .reference:
            if id == "kling-v3-4k-reference-to-video" {
                .required
            } else {
                .optional
            }
        }
    }

    private static func endImageRule(_ id: String, _ kind: ModelKind) -> Rule {
        if id.hasSuffix("-transition") || id.contains("first-last-frame") { return .required }
        guard kind == .image || kind == .reference, !id.hasPrefix("minimax-h3-enhanced"),
            id != "minimax-h3-max-multi-angle"
        else { return .forbidden }
        let known = [
            "kling-o3", "kling-v3", "kling-2.5", "seedance-", "veo3.1", "vidu-", "wan-2-7", "minimax-h3-",
        ]
        return known.contains { id.hasPrefix($0) } ? .optional : .forbidden
    }

    /// The bounds of reference videos and sounds, where the family table gives some.
    private static func clips(_ id: String) -> (videos: ClipLimits?, audios: ClipLimits?) {
        func limits(_ seconds: ClosedRange<Double>, megabytes: Int) -> ClipLimits {
            ClipLimits(seconds: seconds, bytes: megabytes * 1_000_000, total: seconds.upperBound)
        }
        if id.hasPrefix("seedance-2-5") {
            return (limits(2...30, megabytes: id.contains("-us-") ? 200 : 50), limits(2...30, megabytes: 15))
        }
        if id.hasPrefix("wan-3-0") { return (limits(1...15, megabytes: 100), limits(1...15, megabytes: 15)) }
        if id.hasPrefix("seedance-2-0") || id.hasPrefix("minimax-h3") {
            return (limits(2...15, megabytes: 50), limits(2...15, megabytes: 15))
        }
        return (nil, nil)
    }

    private static func caps(_ id: String) -> ReferenceCaps {
        for (prefix, caps) in table where id.hasPrefix(prefix) { return caps }
        if id.hasPrefix("grok-imagine") { return ReferenceCaps(images: 7) }
        return ReferenceCaps(images: 4)
    }

    /// Longest prefix first.
    private static let table: [(String, ReferenceCaps)] = [
        ("seedance-2-0", ReferenceCaps(images: 9, videos: 3, audios: 3)),
        ("seedance-2-5", ReferenceCaps(images: 30, videos: 10, audios: 10)),
        ("wan-3-0", ReferenceCaps(images: 10, videos: 5, audios: 5, documents: 1)),
        ("minimax-h3-enhanced", ReferenceCaps(images: 9, videos: 0, audios: 3)),
        ("minimax-h3", ReferenceCaps(images: 9, videos: 3, audios: 3)),
        ("kling-o3-4k", ReferenceCaps(images: 7)),
        ("kling-", ReferenceCaps(images: 4)),
        ("pixverse-c1", ReferenceCaps(images: 7)),
        ("gemini-omni-flash-1-1", ReferenceCaps(images: 10)),
        ("gemini-omni-flash", ReferenceCaps(images: 3)),
    ]
}

/// What a model makes a video from. Rendering times and the shape of the output go by it.
public enum ModelKind: String, Sendable, Codable, CaseIterable {
    case text, image, reference, video, motion, upscale

    init(_ model: VideoModel) {
        switch model.type {
        case .textToVideo: self = .text
        case .imageToVideo: self = model.id.contains("reference-to-video") ? .reference : .image
        case .video:
            self = model.id.contains("upscale") ? .upscale : model.id.contains("motion-control") ? .motion : .video
        }
    }
}
