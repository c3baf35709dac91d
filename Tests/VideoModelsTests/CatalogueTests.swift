import TestSupport
import Testing
import VideoModels

/// Every recorded model: what is made from its capabilities passes, and each step outside is told, alone.
@Suite struct CatalogueTests {
    @Test func `all 116 models are there and each takes something to make a video from`() {
        #expect(VideoModel.recorded.count == 116)
        for model in VideoModel.recorded {
            #expect(model.inputs.keys.allSatisfy { VideoRequest.Field(rawValue: $0) != nil }, "\(model.id)")
            #expect(model.takes(.prompt) != model.isUpscaler, "\(model.id)")
            #expect((model[.image]?.need == .known(.required)) == Self.needsImage.contains(model.id), "\(model.id)")
        }
    }

    static let needsImage = Set(
        VideoModel.recorded.filter { $0.kind == .known(.imageToVideo) && !$0.id.contains("reference-to-video") }
            .map(\.id) + ["kling-v3-4k-reference-to-video"])

    @Test(arguments: VideoModel.recorded) func `requests made from the capabilities validate`(model: VideoModel) {
        var random = RandomRequest(seed: 4)
        for round in 0..<40 {
            let request = random.fitting(model)
            let findings = request.validate(against: model)
            #expect(findings == [], "\(model.id), round \(round): \(request)")
        }
    }

    @Test(arguments: VideoModel.recorded) func `each step outside brings its finding, and no other`(model: VideoModel) {
        var random = RandomRequest(seed: 5)
        for round in 0..<10 {
            let good = random.fitting(model)
            for step in Self.steps(outside: model) {
                var request = good
                guard step.change(&request) else { continue }
                let findings = request.validate(against: model)
                #expect(findings.map(\.field) == [step.field], "\(model.id), round \(round), \(step.name): \(findings)")
                #expect(findings.first?.code == .known(step.code), "\(model.id), round \(round), \(step.name)")
            }
        }
    }

    /// A change that makes a good request a bad one in exactly one way; false where it has nothing to change.
    struct Step {
        var name: String
        var field: String
        var code: Finding.Code
        var change: (inout VideoRequest) -> Bool

        init(_ field: VideoRequest.Field, _ code: Finding.Code, _ change: @escaping (inout VideoRequest) -> Void) {
            (name, self.field, self.code) = ("\(field) \(code)", field.rawValue, code)
            self.change = { request in
                change(&request)
                return true
            }
        }

        /// Only where the request has the field.
        init(
            in field: VideoRequest.Field, at path: String, _ code: Finding.Code,
            _ change: @escaping (inout VideoRequest) -> Void
        ) {
            (name, self.field, self.code) = ("\(path) \(code)", path, code)
            self.change = { request in
                change(&request)
                return request.has(field)
            }
        }
    }

    static func steps(outside model: VideoModel) -> [Step] {
        words(model) + strangers(model) + missing(model) + tooMany(model) + inside(model)
    }

    private static func words(_ model: VideoModel) -> [Step] {
        var steps = [Step(.model, .unknownModel) { $0.model = "another" }]
        if !model.durations.isEmpty, model.takes(.duration) {
            steps.append(Step(.duration, .notAllowed) { $0.duration = "7.77.7" })
        }
        if model.followsSourceLength, model.takes(.duration) {
            for word in ["Auto", "auto", "-1", "301", "0", "1e2", "nan", "5 s", ""] {
                steps.append(Step(.duration, .notAllowed) { $0.duration = word })
            }
        }
        if model.takes(.resolution) { steps.append(Step(.resolution, .notAllowed) { $0.resolution = "8640p" }) }
        if model.takes(.aspectRatio) { steps.append(Step(.aspectRatio, .notAllowed) { $0.aspectRatio = "7:5" }) }
        if model.takes(.upscaleFactor) { steps.append(Step(.upscaleFactor, .notAllowed) { $0.upscaleFactor = .max }) }
        if model.takes(.bitrate) { steps.append(Step(.bitrate, .notAllowed) { $0.bitrate = .unknown("lavish") }) }
        if model.takes(.prompt) {
            let limit = model.promptCharacterLimit
            steps.append(Step(.prompt, .tooLong) { $0.prompt = String(repeating: "x", count: limit + 1) })
            steps.append(Step(.prompt, .malformed) { $0.prompt = "a\0b" })
            steps.append(
                Step(.negativePrompt, .tooLong) { $0.negativePrompt = String(repeating: "x", count: limit + 1) })
        }
        return steps
    }

    /// A value for each field that a model may not take.
    private static func strangers(_ model: VideoModel) -> [Step] {
        let source = MediaSource.url("https://media.example/stranger")
        let all: [(VideoRequest.Field, (inout VideoRequest) -> Void)] = [
            (.prompt, { $0.prompt = "x" }), (.negativePrompt, { $0.negativePrompt = "x" }),
            (.duration, { $0.duration = "5s" }), (.resolution, { $0.resolution = "720p" }),
            (.aspectRatio, { $0.aspectRatio = "16:9" }), (.audio, { $0.audio = true }),
            (.upscaleFactor, { $0.upscaleFactor = 2 }), (.image, { $0.image = source }),
            (.endImage, { $0.endImage = source }), (.audioTrack, { $0.audioTrack = source }),
            (.video, { $0.video = source }), (.referenceImages, { $0.referenceImages = [source] }),
            (.referenceVideos, { $0.referenceVideos = [source] }),
            (.referenceAudios, { $0.referenceAudios = [source] }),
            (.referenceDocuments, { $0.referenceDocuments = [source] }),
            (.referenceVideoSeconds, { $0.referenceVideoSeconds = 5 }),
            (.elements, { $0.elements = [VideoRequest.Element(frontalImage: source)] }),
            (.sceneImages, { $0.sceneImages = [source] }),
            (.keyframes, { $0.keyframes = [VideoRequest.Keyframe(image: source, frame: 0)] }),
            (.imageReferences, { $0.imageReferences = [VideoRequest.ImageReference(image: source)] }),
            (.videoReferences, { $0.videoReferences = [VideoRequest.VideoReference(video: source)] }),
            (
                .cameraPath,
                { $0.cameraPath = [VideoRequest.CameraPoint(time: 0, azimuth: 0, elevation: 0, distance: 1)] }
            ),
            (.referenceTask, { $0.referenceTask = .known(.auto) }), (.bitrate, { $0.bitrate = .known(.high) }),
            (.voice, { $0.voice = "alto" }),
        ]
        return all.filter { !model.takes($0.0) }.map { Step($0.0, .notSupported, $0.1) }
    }

    private static func missing(_ model: VideoModel) -> [Step] {
        var steps: [Step] = []
        func need(_ field: VideoRequest.Field, _ remove: @escaping (inout VideoRequest) -> Void) {
            if model[field]?.need == .known(.required) { steps.append(Step(field, .required, remove)) }
        }
        need(.prompt) { $0.prompt = nil }
        need(.prompt) { $0.prompt = " \n" }
        need(.image) { $0.image = nil }
        need(.endImage) { $0.endImage = nil }
        need(.video) { $0.video = nil }
        if model.takes(.duration), !model.followsSourceLength {
            steps.append(Step(.duration, .required) { $0.duration = nil })
        }
        if model.takes(.resolution) { steps.append(Step(.resolution, .required) { $0.resolution = nil }) }
        if model.takes(.aspectRatio) { steps.append(Step(.aspectRatio, .required) { $0.aspectRatio = nil }) }
        steps.append(
            Step(in: .referenceVideos, at: "reference_video_seconds", .required) { $0.referenceVideoSeconds = nil })
        return steps
    }

    private static func tooMany(_ model: VideoModel) -> [Step] {
        let source = MediaSource.url("https://media.example/many")
        func many<Entry>(_ entry: Entry, _ field: VideoRequest.Field) -> [Entry] {
            Array(repeating: entry, count: (model[field]?.most ?? 0) + 1)
        }
        let all: [(VideoRequest.Field, (inout VideoRequest) -> Void)] = [
            (.referenceImages, { $0.referenceImages = many(source, .referenceImages) }),
            (
                .referenceAudios,
                {
                    $0.referenceAudios = many(source, .referenceAudios)
                    $0.referenceImages = [source]
                }
            ),
            (.referenceDocuments, { $0.referenceDocuments = many(source, .referenceDocuments) }),
            (.elements, { $0.elements = many(VideoRequest.Element(frontalImage: source), .elements) }),
            (.sceneImages, { $0.sceneImages = many(source, .sceneImages) }),
            (
                .imageReferences,
                { $0.imageReferences = many(VideoRequest.ImageReference(image: source), .imageReferences) }
            ),
            (
                .videoReferences,
                { $0.videoReferences = many(VideoRequest.VideoReference(video: source), .videoReferences) }
            ),
        ]
        return all.filter { model[$0.0]?.most != nil }.map { Step($0.0, .tooMany, $0.1) }
    }

    /// Wrong in the middle of what the request holds already.
    private static func inside(_ model: VideoModel) -> [Step] {
        [
            Step(in: .image, at: "image.url", .malformed) {
                if $0.image != nil { $0.image = .url("ftp://a.example/x") }
            },
            Step(in: .video, at: "video.url", .malformed) {
                if $0.video != nil { $0.video = .url("https://10.0.0.1/x") }
            },
            Step(in: .referenceVideos, at: "reference_video_seconds", .outOfRange) {
                if $0.referenceVideoSeconds != nil { $0.referenceVideoSeconds = .infinity }
            },
            Step(in: .elements, at: "elements[0].frontal_image", .required) {
                $0.elements?[0] = VideoRequest.Element(referenceImages: [.url("https://media.example/1")])
            },
            Step(in: .keyframes, at: "keyframes[0].frame", .outOfRange) { $0.keyframes?[0].frame = .max },
            Step(in: .imageReferences, at: "image_references[0].role", .notAllowed) {
                $0.imageReferences?[0].role = .unknown("extra")
            },
        ]
    }
}
