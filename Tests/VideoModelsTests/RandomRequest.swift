import TestSupport
import VideoModels

/// Requests made from what a model says it takes, and from nothing else.
struct RandomRequest {
    var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed) }

    /// Every field that the model needs and some of those that it takes, each within its limits.
    mutating func fitting(_ model: VideoModel) -> VideoRequest {
        var request = VideoRequest(model: model.id)
        request.duration = model.followsSourceLength ? nil : model.durations.randomElement(using: &generator)
        request.resolution = model.isUpscaler ? nil : model.resolutions.randomElement(using: &generator)
        request.aspectRatio = model.aspectRatios.randomElement(using: &generator)
        request.audio = model.sound == .known(.optional) && flip() ? flip() : nil
        for (name, input) in model.inputs.sorted(by: { $0.key < $1.key }) {
            guard let field = VideoRequest.Field(rawValue: name) else { continue }
            if input.need == .known(.required) || flip() { fill(field, input, of: &request, model) }
        }
        settle(&request, model)
        return request
    }

    private mutating func fill(
        _ field: VideoRequest.Field, _ input: ModelInput, of request: inout VideoRequest, _ model: VideoModel
    ) {
        switch field {
        case .prompt: request.prompt = text(upTo: model.promptCharacterLimit)
        case .negativePrompt: request.negativePrompt = text(upTo: model.promptCharacterLimit)
        case .voice: request.voice = text(upTo: 200)
        case .duration where model.followsSourceLength:
            request.duration = ["0.5", "12.5", "7s", "300"].randomElement(using: &generator)
        case .upscaleFactor: request.upscaleFactor = input.options?.randomElement(using: &generator).flatMap { Int($0) }
        case .bitrate: request.bitrate = input.options?.randomElement(using: &generator).map { Open($0) }
        case .image: request.image = source()
        case .endImage: request.endImage = source()
        case .audioTrack: request.audioTrack = source()
        case .video: request.video = source()
        case .referenceImages: request.referenceImages = list(input) { $0.source() }
        case .referenceVideos: request.referenceVideos = list(input) { $0.source() }
        case .referenceAudios: request.referenceAudios = list(input) { $0.source() }
        case .referenceDocuments: request.referenceDocuments = list(input) { $0.source() }
        case .sceneImages: request.sceneImages = list(input) { $0.source() }
        case .elements: request.elements = list(input) { $0.element() }
        case .imageReferences: request.imageReferences = list(input) { $0.imageReference(input) }
        case .videoReferences:
            request.videoReferences = list(input) {
                VideoRequest.VideoReference(
                    video: $0.source(), name: $0.flip() ? "clip" : nil, audio: $0.flip() ? $0.source() : nil)
            }
        case .keyframes: request.keyframes = keyframes(input, of: request)
        case .cameraPath: request.cameraPath = cameraPath(input)
        case .referenceTask: request.referenceTask = input.options?.randomElement(using: &generator).map { Open($0) }
        case .model, .duration, .resolution, .aspectRatio, .audio, .referenceVideoSeconds: break
        }
    }

    /// What fields ask of one another: the rules of PROTOCOL §4 and §15 that no single input can tell.
    private mutating func settle(_ request: inout VideoRequest, _ model: VideoModel) {
        let needsClip = ["edit", "extend"].contains(request.referenceTask?.word)
        if needsClip, request.referenceVideos == nil, let input = model[.referenceVideos] {
            request.referenceVideos = list(input) { $0.source() }
        }
        let references: [VideoRequest.Field] = [
            .referenceImages, .referenceVideos, .elements, .sceneImages, .imageReferences, .videoReferences,
        ]
        if model.takesReferences, !references.contains(where: request.has) { request.referenceImages = [source()] }
        if model[.image]?.excludes != nil { (request.image, request.endImage) = (nil, nil) }
        if let most = model[.referenceAudios]?.most, model[.referenceAudios]?.alsoCounts != nil,
            request.audioTrack != nil
        {
            request.referenceAudios = request.referenceAudios.map { Array($0.prefix(most - 1)) }
        }
        if let clips = request.referenceVideos, let input = model[.referenceVideos] {
            // As many as fit into the time that all have together.
            let most = Int((input.totalSeconds ?? 150) / (input.shortestSeconds ?? 1))
            request.referenceVideos = Array(clips.prefix(most))
            request.referenceVideoSeconds = input.totalSeconds
        }
    }

    mutating func flip() -> Bool { Bool.random(using: &generator) }

    mutating func source() -> MediaSource {
        let number = UInt64.random(in: 0..<1000, using: &generator)
        return flip() ? .asset(.sample(number)) : .url("https://media.example/\(number)")
    }

    private mutating func text(upTo limit: Int) -> String {
        String(repeating: "é", count: [1, limit / 2, limit].randomElement(using: &generator) ?? 1)
    }

    private mutating func list<Entry>(_ input: ModelInput, _ make: (inout Self) -> Entry) -> [Entry] {
        let count = Int.random(in: (input.least ?? 1)...(input.most ?? 4), using: &generator)
        return (0..<count).map { _ in make(&self) }
    }

    private mutating func element() -> VideoRequest.Element {
        let isClip = flip()
        return VideoRequest.Element(
            frontalImage: isClip ? nil : source(), referenceImages: flip() ? [source(), source(), source()] : nil,
            video: isClip ? source() : nil)
    }

    private mutating func imageReference(_ input: ModelInput) -> VideoRequest.ImageReference {
        VideoRequest.ImageReference(
            image: source(), role: flip() ? input.options?.randomElement(using: &generator).map { Open($0) } : nil,
            name: flip() ? "hero" : nil)
    }

    private mutating func keyframes(_ input: ModelInput, of request: VideoRequest) -> [VideoRequest.Keyframe] {
        let seconds = request.duration.flatMap { Int($0.dropLast()) } ?? 5
        let frames = Array(0...seconds * 24).shuffled(using: &generator).prefix(input.most ?? 4)
        return frames.map { VideoRequest.Keyframe(image: source(), frame: $0) }
    }

    private mutating func cameraPath(_ input: ModelInput) -> [VideoRequest.CameraPoint] {
        let count = Int.random(in: (input.least ?? 2)...(input.most ?? 12), using: &generator)
        return (0..<count).map { index in
            VideoRequest.CameraPoint(
                time: Double(index) / Double(count - 1), azimuth: .random(in: -720...720, using: &generator),
                elevation: .random(in: -90...90, using: &generator), distance: .random(in: 0.01...50, using: &generator)
            )
        }
    }
}
