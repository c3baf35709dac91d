public import HTTPTransport
public import VideoModels

/// The body of a paid submission: exactly the fields that the model takes, none empty, none null.
///
/// The upstream refuses a body for one field too many (PROTOCOL §4), so what the model does not list stays out even if the
/// request names it; `VideoRequest.validate` is where a person learns of that.
public struct QueueRequest: Sendable, Hashable {
    public let model: String
    /// The JSON, media as files to be read while it is sent.
    public let parts: [HTTPRequest.Part]

    /// - Throws: `invalid` when an asset is missing or the media are too large for one request.
    public init(_ request: VideoRequest, model: VideoModel, assets: VeniceAssets = [:]) throws(VeniceError) {
        let media = try ResolvedMedia(request, assets: assets)
        let isFromText = model.kind == .known(.textToVideo)
        var body = RequestBody()
        body.add("model", model.id)
        body.add("prompt", model.isUpscaler ? nil : request.prompt)
        body.add("negative_prompt", model.isUpscaler ? nil : request.negativePrompt)
        body.addChoices(of: request, model: model)
        body.add("image_url", isFromText ? nil : media.image)
        body.add("end_image_url", isFromText ? nil : media.endImage)
        body.add("audio_url", model.takesAudioTrack ? media.audioTrack : nil)
        body.add("video_url", model.takesVideo ? media.video : nil)
        body.add("reference_image_urls", model.takesReferences ? media.referenceImages : [])
        self.model = model.id
        parts = body.finish()
    }
}

/// The body of a price question: what the price depends on, and nothing else.
public struct QuoteRequest: Sendable, Hashable {
    public let model: String
    public let parts: [HTTPRequest.Part]

    /// - Throws: `invalid` when an asset is missing or the media are too large for one request.
    public init(_ request: VideoRequest, model: VideoModel, assets: VeniceAssets = [:]) throws(VeniceError) {
        var body = RequestBody()
        body.add("model", model.id)
        body.addChoices(of: request, model: model)
        if model.takesVideo {
            // The upstream reads the clip's length and size from it; other media have no part in the price.
            var source = VideoRequest(model: request.model)
            source.video = request.video
            body.add("video_url", try ResolvedMedia(source, assets: assets).video)
        }
        let references = model.takesReferences ? request.referenceImages?.count ?? 0 : 0
        body.add("reference_image_count", references > 0 ? references : nil)
        self.model = model.id
        parts = body.finish()
    }
}

extension RequestBody {
    /// The fields that both questions share.
    fileprivate mutating func addChoices(of request: VideoRequest, model: VideoModel) {
        // A list is the licence to send a field; `["Auto"]` is refused although it is listed (PROTOCOL §4).
        add("duration", model.followsSourceLength || model.durations.isEmpty ? nil : request.duration)
        add("resolution", model.isUpscaler || model.resolutions.isEmpty ? nil : request.resolution)
        add("aspect_ratio", model.aspectRatios.isEmpty ? nil : request.aspectRatio)
        add("audio", model.sound == .known(.optional) ? request.audio : nil)
        add("upscale_factor", model.isUpscaler ? request.upscaleFactor : nil)
    }
}
