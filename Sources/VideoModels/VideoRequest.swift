/// What a person asks for: one video of one model.
///
/// Which fields a model takes, and with which values, is in its `VideoModel`; `validate(against:)` checks a request
/// before it is sent. An absent field is not sent upstream. Nothing is filled in silently.
public struct VideoRequest: Hashable, Sendable, Codable {
    /// The model's id, for example `wan-2.5-preview-text-to-video`.
    public var model: String
    /// What the video shows. Needed by all models but upscalers.
    public var prompt: String?
    /// What the video must not show.
    public var negativePrompt: String?
    /// One of the model's `durations`, for example `5s`; absent where the length follows the source.
    public var duration: String?
    /// One of the model's `resolutions`, for example `720p`; letter case counts.
    public var resolution: String?
    /// One of the model's `aspectRatios`, for example `16:9`.
    public var aspectRatio: String?
    /// Sound on or off, only where the model's `sound` is `optional`.
    public var audio: Bool?
    /// 1, 2 or 4, for upscalers only.
    public var upscaleFactor: Int?
    /// The start frame.
    public var image: MediaSource?
    /// The end frame.
    public var endImage: MediaSource?
    /// A sound track for models that take one.
    public var audioTrack: MediaSource?
    /// The source of an upscale or a video-to-video model.
    public var video: MediaSource?
    /// Pictures that the prompt refers to.
    public var referenceImages: [MediaSource]?

    /// The most that any model takes (PROTOCOL §4); the upstream may take fewer of a model.
    static let mostReferenceImages = 30

    public init(model: String, prompt: String? = nil) {
        self.model = model
        self.prompt = prompt
    }

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case model, prompt, duration, resolution, audio, image, video
        case negativePrompt = "negative_prompt"
        case aspectRatio = "aspect_ratio"
        case upscaleFactor = "upscale_factor"
        case endImage = "end_image"
        case audioTrack = "audio_track"
        case referenceImages = "reference_images"
    }

    /// Every piece of media that the request names, with the path of its field.
    public var media: [(field: String, source: MediaSource)] {
        let single = [("image", image), ("end_image", endImage), ("audio_track", audioTrack), ("video", video)]
        let references = (referenceImages ?? []).enumerated().map { ("reference_images[\($0)]", $1) }
        return single.compactMap { field, source in source.map { (field, $0) } } + references
    }
}

/// Where a picture, a sound or a clip comes from: something uploaded here, or a public address.
///
/// On the wire `{"asset_id": "…"}` or `{"url": "https://…"}`.
public enum MediaSource: Hashable, Sendable {
    case asset(AssetID)
    /// Public `https` (or `http`) address, fetched by the upstream and never by Gondola.
    case url(String)
}

extension MediaSource: Codable {
    enum CodingKeys: String, CodingKey {
        case url
        case asset = "asset_id"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let asset = try container.decodeIfPresent(AssetID.self, forKey: .asset)
        let url = try container.decodeIfPresent(String.self, forKey: .url)
        switch (asset, url) {
        case (let asset?, nil): self = .asset(asset)
        case (nil, let url?): self = .url(url)
        default:
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "give either asset_id or url"))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .asset(let id): try container.encode(id, forKey: .asset)
        case .url(let url): try container.encode(url, forKey: .url)
        }
    }
}
