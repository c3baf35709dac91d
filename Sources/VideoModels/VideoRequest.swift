/// What a person asks for: one video of one model.
///
/// Which fields a model takes, and with which values, is in its `VideoModel`; `validate(against:)` checks a request
/// before it is sent. An absent field is not sent upstream, and neither is an empty list. Nothing is filled in silently.
public struct VideoRequest: Hashable, Sendable, Codable {
    /// The model's id, for example `wan-2.5-preview-text-to-video`.
    public var model: String
    /// What the video shows. Most models need it, upscalers take none.
    public var prompt: String?
    /// What the video must not show.
    public var negativePrompt: String?
    /// One of the model's `durations`, for example `5s`; where the length follows the source, absent or seconds as text.
    public var duration: String?
    /// One of the model's `resolutions`, for example `720p`; letter case counts.
    public var resolution: String?
    /// One of the model's `aspectRatios`, for example `16:9`.
    public var aspectRatio: String?
    /// Sound on or off, only where the model's `sound` is `optional`.
    public var audio: Bool?
    /// 1, 2 or 4, for upscalers only; they double when it is absent.
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
    /// Clips that the prompt refers to; `referenceVideoSeconds` goes with them.
    public var referenceVideos: [MediaSource]?
    /// Sounds that the prompt refers to, beside at least one reference picture or clip.
    public var referenceAudios: [MediaSource]?
    /// Documents or public web pages that the video is about.
    public var referenceDocuments: [MediaSource]?
    /// How long all `referenceVideos` are together. Only the price depends on it.
    public var referenceVideoSeconds: Double?
    /// Persons and things to show, which the prompt calls `@Element1` and so on.
    public var elements: [Element]?
    /// Pictures of the scenery, which the prompt calls `@Image1` and so on.
    public var sceneImages: [MediaSource]?
    /// Pictures to show at certain moments.
    public var keyframes: [Keyframe]?
    /// Reference pictures with a role and a name for the prompt.
    public var imageReferences: [ImageReference]?
    /// Reference clips with a name for the prompt and a sound of their own.
    public var videoReferences: [VideoReference]?
    /// The way of the camera around the picture.
    public var cameraPath: [CameraPoint]?
    /// What to do with the references; without it the model finds out from the prompt.
    public var referenceTask: Open<ReferenceTask>?
    /// How much data the result may take a second.
    public var bitrate: Open<Bitrate>?
    /// The voice to speak with, by the upstream's name for it.
    public var voice: String?

    /// A request without any choices yet.
    public init(model: String, prompt: String? = nil) {
        self.model = model
        self.prompt = prompt
    }

    /// The fields by the names that they have in JSON, in `VideoModel.inputs` and in findings.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case model, prompt, duration, resolution, audio, image, video, elements, keyframes, bitrate, voice
        case negativePrompt = "negative_prompt"
        case aspectRatio = "aspect_ratio"
        case upscaleFactor = "upscale_factor"
        case endImage = "end_image"
        case audioTrack = "audio_track"
        case referenceImages = "reference_images"
        case referenceVideos = "reference_videos"
        case referenceAudios = "reference_audios"
        case referenceDocuments = "reference_documents"
        case referenceVideoSeconds = "reference_video_seconds"
        case sceneImages = "scene_images"
        case imageReferences = "image_references"
        case videoReferences = "video_references"
        case cameraPath = "camera_path"
        case referenceTask = "reference_task"
    }

    /// A field of a request.
    public typealias Field = CodingKeys

    /// Whether the field says anything; an empty list does not.
    public func has(_ field: Field) -> Bool {
        switch field {
        case .model: true
        case .prompt: prompt != nil
        case .negativePrompt: negativePrompt != nil
        case .duration: duration != nil
        case .resolution: resolution != nil
        case .aspectRatio: aspectRatio != nil
        case .audio: audio != nil
        case .upscaleFactor: upscaleFactor != nil
        case .image: image != nil
        case .endImage: endImage != nil
        case .audioTrack: audioTrack != nil
        case .video: video != nil
        case .referenceVideoSeconds: referenceVideoSeconds != nil
        case .referenceTask: referenceTask != nil
        case .bitrate: bitrate != nil
        case .voice: voice != nil
        case .referenceImages, .referenceVideos, .referenceAudios, .referenceDocuments, .elements, .sceneImages,
            .keyframes, .imageReferences, .videoReferences, .cameraPath:
            count(of: field) > 0
        }
    }

    /// How many entries the field's list has; 1 for a single value, 0 for an absent one.
    func count(of field: Field) -> Int {
        switch field {
        case .referenceImages: referenceImages?.count ?? 0
        case .referenceVideos: referenceVideos?.count ?? 0
        case .referenceAudios: referenceAudios?.count ?? 0
        case .referenceDocuments: referenceDocuments?.count ?? 0
        case .elements: elements?.count ?? 0
        case .sceneImages: sceneImages?.count ?? 0
        case .keyframes: keyframes?.count ?? 0
        case .imageReferences: imageReferences?.count ?? 0
        case .videoReferences: videoReferences?.count ?? 0
        case .cameraPath: cameraPath?.count ?? 0
        default: has(field) ? 1 : 0
        }
    }

    /// What the request says in the field, for a finding: a word, an address, or how many entries there are.
    func given(_ field: Field) -> String? {
        switch field {
        case .model: model
        case .prompt: prompt
        case .negativePrompt: negativePrompt
        case .duration: duration
        case .resolution: resolution
        case .aspectRatio: aspectRatio
        case .audio: audio.map(String.init)
        case .upscaleFactor: upscaleFactor.map(String.init)
        case .image: image?.word
        case .endImage: endImage?.word
        case .audioTrack: audioTrack?.word
        case .video: video?.word
        case .referenceVideoSeconds: referenceVideoSeconds.map { "\($0)" }
        case .referenceTask: referenceTask?.word
        case .bitrate: bitrate?.word
        case .voice: voice
        case .referenceImages, .referenceVideos, .referenceAudios, .referenceDocuments, .elements, .sceneImages,
            .keyframes, .imageReferences, .videoReferences, .cameraPath:
            has(field) ? "\(count(of: field)) of them" : nil
        }
    }
}
