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

    var kind: ModelKind
    var prompt: Rule
    var imageURL: Rule
    var endImageURL: Rule
    var videoURL: Rule
    var references: ReferenceCaps
    var elements: Bool
    var keyframes: Bool
    /// Private delivery: queue hands out a link, retrieve answers JSON alone.
    var deliversByLink: Bool
    /// Seedance 2.0 and 2.5 `-basic` reference ids take `adaptive` and `auto` as aspect ratio.
    var matchesSourceRatio: Bool
    /// Seedance 2.5 `-basic` reference id: `-1` and `auto` as duration, `omni_reference_task_type`.
    var matchesSourceDuration: Bool
    var bitrateMode: Bool
    /// Seedance takes BMP, GIF, TIFF and HEIF as well.
    var otherPictures: Bool

    init(_ model: VideoModel) {
        let id = model.id
        kind = ModelKind(model)
        deliversByLink = id.contains("grok-imagine")
        prompt = kind == .upscale ? .forbidden : .required
        videoURL = model.type == .video ? .required : .forbidden
        imageURL = Self.imageRule(id, kind)
        endImageURL = Self.endImageRule(id, kind)
        references = kind == .reference ? Self.caps(id) : ReferenceCaps()
        elements = kind == .reference && (id.hasPrefix("kling-o3") || id.hasPrefix("kling-v3-4k"))
        keyframes = id == "flux-3-image-to-video"
        matchesSourceRatio =
            kind == .reference && id.hasSuffix("-basic")
            && (id.hasPrefix("seedance-2-0") || id.hasPrefix("seedance-2-5"))
        matchesSourceDuration = id == "seedance-2-5-reference-to-video-basic"
        bitrateMode = id.hasPrefix("seedance-2-")
        otherPictures = id.hasPrefix("seedance-")
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
            } else if id.hasPrefix("minimax-h3") {
                .forbidden
            } else {
                .optional
            }
        }
    }

    private static func endImageRule(_ id: String, _ kind: ModelKind) -> Rule {
        if id.hasSuffix("-transition") || id.contains("first-last-frame") { return .required }
        guard kind == .image || kind == .reference, !id.hasPrefix("minimax-h3-enhanced") else { return .forbidden }
        let known = [
            "kling-o3", "kling-v3", "kling-2.5", "seedance-", "veo3.1", "vidu-", "wan-2-7", "minimax-h3-image",
        ]
        return known.contains { id.hasPrefix($0) } ? .optional : .forbidden
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
