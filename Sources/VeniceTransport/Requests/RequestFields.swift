import VideoModels

/// Writes the fields of a request that its model takes, under the upstream's names (PROTOCOL §4).
///
/// `seed` is not among them: the upstream refuses it.
struct RequestFields {
    let request: VideoRequest
    let model: VideoModel
    var media: MediaResolver
    var body = RequestBody()

    init(_ request: VideoRequest, _ model: VideoModel, _ assets: VeniceAssets) {
        self.request = request
        self.model = model
        media = MediaResolver(model, assets)
        body.add("model", model.id)
    }

    /// What the request says in the field, if the model takes it.
    private func taken<Value>(_ field: VideoRequest.Field, _ value: Value?) -> Value? {
        model.takes(field) ? value : nil
    }

    mutating func addWords() {
        body.add("prompt", taken(.prompt, request.prompt) ?? demandedPrompt)
        body.add("negative_prompt", taken(.negativePrompt, request.negativePrompt))
    }

    /// The fields that both questions share.
    mutating func addChoices() {
        body.add("duration", duration)
        body.add("resolution", taken(.resolution, request.resolution))
        body.add("aspect_ratio", taken(.aspectRatio, request.aspectRatio))
        body.add("audio", taken(.audio, request.audio))
        body.add("upscale_factor", taken(.upscaleFactor, request.upscaleFactor).map(BodyValue.int))
    }

    /// An upscaler has no use for a prompt; one that insists on some gets this.
    private var demandedPrompt: String? {
        model.isUpscaler && model[.prompt]?.need == .known(.required) ? "Upscale the video." : nil
    }

    /// The length of a source is not told unless the model has insisted on it (PROTOCOL §20, row 7).
    private var duration: String? {
        if model.followsSourceLength, model[.duration]?.need != .known(.required) { return nil }
        return taken(.duration, request.duration)
    }

    mutating func addSources() {
        add("image_url", .image, request.image, as: .image)
        add("end_image_url", .endImage, request.endImage, as: .image)
        add("audio_url", .audioTrack, request.audioTrack, as: .audio)
        addVideo()
    }

    mutating func addVideo() { add("video_url", .video, request.video, as: .video) }

    mutating func addReferences() {
        add("reference_image_urls", .referenceImages, request.referenceImages, as: .image)
        add("reference_video_urls", .referenceVideos, request.referenceVideos, as: .video)
        add("reference_audio_urls", .referenceAudios, request.referenceAudios, as: .audio)
        add("reference_document_urls", .referenceDocuments, request.referenceDocuments, as: .document)
    }

    mutating func addElements() {
        let elements = taken(.elements, request.elements) ?? []
        body.add("elements", elements.enumerated().map { element("elements[\($0)]", $1) })
        add("scene_image_urls", .sceneImages, request.sceneImages, as: .image)
        let frames = taken(.keyframes, request.keyframes) ?? []
        body.add(
            "keyframes",
            frames.enumerated().map { index, frame in
                Self.record {
                    $0.add("image_url", media.resolve("keyframes[\(index)].image", frame.image, as: .image))
                    $0.add("frame_index", .int(frame.frame))
                }
            })
    }

    private mutating func element(_ path: String, _ element: VideoRequest.Element) -> BodyValue {
        Self.record {
            $0.add("frontal_image_url", media.resolve("\(path).frontal_image", element.frontalImage, as: .image))
            $0.add(
                "reference_image_urls",
                media.resolve("\(path).reference_images", element.referenceImages, as: .image))
            $0.add("video_url", media.resolve("\(path).video", element.video, as: .video))
        }
    }

    mutating func addTypedReferences() {
        let images = taken(.imageReferences, request.imageReferences) ?? []
        body.add(
            "image_references",
            images.enumerated().map { index, image in
                Self.record {
                    $0.add("image_url", media.resolve("image_references[\(index)].image", image.image, as: .image))
                    $0.add("type", image.role?.word)
                    $0.add("ref_name", image.name)
                }
            })
        let videos = taken(.videoReferences, request.videoReferences) ?? []
        body.add(
            "video_references",
            videos.enumerated().map { index, video in
                let path = "video_references[\(index)]"
                return Self.record {
                    $0.add("video_url", media.resolve("\(path).video", video.video, as: .video))
                    $0.add("ref_name", video.name)
                    $0.add("audio_url", media.resolve("\(path).audio", video.audio, as: .audio))
                }
            })
    }

    mutating func addSpecialFields() {
        let path = taken(.cameraPath, request.cameraPath) ?? []
        body.add("camera_trajectory", path.enumerated().map { point("camera_path[\($0)]", $1) })
        body.add("omni_reference_task_type", taken(.referenceTask, request.referenceTask)?.word)
        body.add("bitrate_mode", taken(.bitrate, request.bitrate)?.word)
        body.add("voice_id", taken(.voice, request.voice))
    }

    private mutating func point(_ path: String, _ point: VideoRequest.CameraPoint) -> BodyValue {
        Self.record {
            $0.add("time", number("\(path).time", point.time))
            $0.add("azimuth", number("\(path).azimuth", point.azimuth))
            $0.add("elevation", number("\(path).elevation", point.elevation))
            $0.add("distance", number("\(path).distance", point.distance))
        }
    }

    /// What the price of references depends on; never a part of the submission.
    mutating func addReferenceFigures() {
        let videos = taken(.referenceVideos, request.referenceVideos) ?? []
        if !videos.isEmpty, let seconds = request.referenceVideoSeconds {
            body.add("reference_video_total_duration", number("reference_video_seconds", seconds))
        }
        let images = taken(.referenceImages, request.referenceImages) ?? []
        body.add("reference_image_count", images.isEmpty ? nil : .int(images.count))
    }

    private mutating func add(
        _ key: String, _ field: VideoRequest.Field, _ source: MediaSource?, as kind: MediaKind
    ) {
        body.add(key, media.resolve(field.rawValue, taken(field, source), as: kind))
    }

    private mutating func add(
        _ key: String, _ field: VideoRequest.Field, _ sources: [MediaSource]?, as kind: MediaKind
    ) {
        body.add(key, media.resolve(field.rawValue, taken(field, sources), as: kind))
    }

    /// JSON has no word for what is not finite.
    private mutating func number(_ path: String, _ value: Double) -> BodyValue? {
        if !value.isFinite { media.add(path, .malformed, "not a number") }
        return value.isFinite ? .number(value) : nil
    }

    private static func record(_ fill: (inout RequestBody) -> Void) -> BodyValue {
        var body = RequestBody()
        fill(&body)
        return .record(body.fields)
    }
}
