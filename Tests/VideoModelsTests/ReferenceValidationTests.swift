import TestSupport
import Testing
import VideoModels

/// PROTOCOL §4, §14 and §15: the rules between fields, and those inside lists.
@Suite struct ReferenceValidationTests {
    static let source = MediaSource.url("https://media.example/1")
    static let seedance = VideoModel.recorded("seedance-2-5-reference-to-video-basic")
    static let kling = VideoModel.recorded("kling-o3-pro-reference-to-video")
    static let keyframes = VideoModel.recorded("flux-3-image-to-video")
    static let camera = VideoModel(
        id: "minimax-h3-max-multi-angle", name: "Multi angle", kind: .known(.imageToVideo), durations: ["5s"],
        resolutions: [], aspectRatios: [], sound: .known(.none))
    static let wan = VideoModel(
        id: "wan-3-0-reference-to-video", name: "Wan 3", kind: .known(.imageToVideo), durations: ["5s"],
        resolutions: [], aspectRatios: [], sound: .known(.always))

    /// The least that the model needs, without anything to look at.
    static func bare(_ model: VideoModel) -> VideoRequest {
        var request = VideoRequest(model: model.id)
        request.prompt = model[.prompt]?.need == .known(.required) ? "p" : nil
        request.duration = model.durations.first
        request.resolution = model.resolutions.first
        request.aspectRatio = model.aspectRatios.first
        if model[.image]?.need == .known(.required) { request.image = source }
        return request
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var model: VideoModel
        var expected: [String]
        var change: @Sendable (inout VideoRequest) -> Void

        init(_ model: VideoModel, _ expected: String..., change: @escaping @Sendable (inout VideoRequest) -> Void) {
            (self.model, self.expected, self.change) = (model, expected, change)
        }

        var testDescription: String { "\(model.id): \(expected)" }
    }

    static let cases: [Case] = [
        // Something to look at.
        Case(seedance, "reference_images required") { _ in },
        Case(seedance) { $0.image = source },
        Case(seedance) { $0.referenceImages = [source] },
        Case(wan) { $0.referenceDocuments = [source] },
        Case(wan, "reference_documents too_many") { $0.referenceDocuments = [source, source] },
        Case(kling) { $0.sceneImages = [source] },
        Case(kling) { $0.elements = [VideoRequest.Element(video: source)] },
        Case(.recorded("kling-v3-4k-reference-to-video")) { _ in },
        Case(.recorded("kling-v3-4k-reference-to-video"), "image required") { $0.image = nil },
        // Sounds need company.
        Case(seedance, "reference_images required") {
            $0.image = source
            $0.referenceAudios = [source]
        },
        Case(seedance) { ($0.referenceImages, $0.referenceAudios) = ([source], [source]) },
        // MiniMax H3 takes no start frame next to references, and counts the sound track.
        Case(.recorded("minimax-h3-reference-to-video"), "image conflict") {
            ($0.image, $0.referenceImages) = (source, [source])
        },
        Case(.recorded("minimax-h3-reference-to-video"), "end_image conflict") {
            ($0.endImage, $0.referenceImages) = (source, [source])
        },
        Case(.recorded("minimax-h3-reference-to-video"), "reference_audios too_many") {
            ($0.audioTrack, $0.referenceImages) = (source, [source])
            $0.referenceAudios = [source, source, source]
        },
        Case(
            .recorded("minimax-h3-enhanced-reference-to-video"), "reference_videos not_supported",
            "reference_images required"
        ) {
            $0.referenceVideos = [source]
        },
        // Reference clips, and how long they are.
        Case(seedance, "reference_video_seconds required") { $0.referenceVideos = [source] },
        Case(seedance) { ($0.referenceVideos, $0.referenceVideoSeconds) = ([source, source], 4) },
        Case(seedance, "reference_video_seconds out_of_range") {
            ($0.referenceVideos, $0.referenceVideoSeconds) = ([source, source], 3.9)
        },
        Case(seedance, "reference_video_seconds out_of_range") {
            ($0.referenceVideos, $0.referenceVideoSeconds) = ([source], 30.5)
        },
        Case(seedance, "reference_video_seconds out_of_range") {
            ($0.referenceVideos, $0.referenceVideoSeconds) = ([source], .nan)
        },
        // What follows the source.
        Case(seedance, "reference_videos required", "reference_video_seconds required") { $0.duration = "auto" },
        Case(seedance, "reference_videos required", "reference_video_seconds required") { $0.aspectRatio = "adaptive" },
        Case(seedance, "reference_videos required", "reference_video_seconds required") {
            $0.referenceTask = .known(.extend)
        },
        Case(seedance) {
            ($0.duration, $0.aspectRatio, $0.referenceTask) = ("-1", "auto", .unknown("editing"))
            ($0.referenceVideos, $0.referenceVideoSeconds) = ([source], 4)
        },
        Case(seedance, "reference_video_seconds out_of_range") {
            ($0.duration, $0.referenceVideos, $0.referenceVideoSeconds) = ("-1", [source], 3)
        },
        Case(seedance, "reference_task not_allowed") {
            ($0.referenceImages, $0.referenceTask) = ([source], .unknown("paint"))
        },
        Case(.recorded("seedance-2-0-reference-to-video-basic"), "duration not_allowed") {
            ($0.duration, $0.referenceImages) = ("-1", [source])
        },
        Case(.recorded("seedance-2-5-text-to-video-basic"), "aspect_ratio not_allowed") { $0.aspectRatio = "adaptive" },
        // Elements.
        Case(kling, "elements[1].frontal_image required") {
            $0.elements = [VideoRequest.Element(frontalImage: source), VideoRequest.Element(referenceImages: [source])]
        },
        Case(kling, "elements[0].reference_images too_many") {
            $0.elements = [
                VideoRequest.Element(frontalImage: source, referenceImages: [source, source, source, source])
            ]
        },
        Case(kling, "elements[0].video.url malformed") { $0.elements = [VideoRequest.Element(video: .url("x"))] },
        // Keyframes: 24 a second, 5 s.
        Case(keyframes) { $0.keyframes = [.init(image: source, frame: 0), .init(image: source, frame: 120)] },
        Case(keyframes, "keyframes[0].frame out_of_range") { $0.keyframes = [.init(image: source, frame: 121)] },
        Case(keyframes, "keyframes[0].frame out_of_range") { $0.keyframes = [.init(image: source, frame: -1)] },
        Case(keyframes, "keyframes[1].frame conflict") {
            $0.keyframes = [.init(image: source, frame: 7), .init(image: source, frame: 7)]
        },
        Case(keyframes, "keyframes too_many") {
            $0.keyframes = (0...10).map { VideoRequest.Keyframe(image: source, frame: $0) }
        },
        // The camera.
        Case(camera) { _ in },
        Case(camera, "prompt malformed") { $0.prompt = "" },
        Case(camera, "camera_path too_few") { $0.cameraPath = points(0) },
        Case(camera, "camera_path too_many") {
            $0.cameraPath = points(0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)
        },
        Case(camera) { $0.cameraPath = points(0, 1) },
        Case(camera, "camera_path[1].time out_of_range") { $0.cameraPath = points(0.5, 0.5) },
        Case(camera, "camera_path[1].time out_of_range") { $0.cameraPath = points(0, 1.1) },
        Case(camera, "camera_path[0].time out_of_range") { $0.cameraPath = points(.nan, 1) },
        Case(camera, "camera_path[0].azimuth out_of_range") { $0.cameraPath = points(0, 1) { $0.azimuth = .infinity } },
        Case(camera, "camera_path[0].elevation out_of_range") { $0.cameraPath = points(0, 1) { $0.elevation = 91 } },
        Case(camera, "camera_path[0].distance out_of_range") { $0.cameraPath = points(0, 1) { $0.distance = 0 } },
        Case(camera, "camera_path[0].distance out_of_range") { $0.cameraPath = points(0, 1) { $0.distance = .nan } },
        // Typed references.
        Case(kling) { $0.imageReferences = [.init(image: source, role: .known(.background), name: "sea")] },
        Case(kling, "image_references[0].name malformed") { $0.imageReferences = [.init(image: source, name: " ")] },
        Case(kling, "image_references[0].name malformed") { $0.imageReferences = [.init(image: source, name: "a\0")] },
        Case(kling, "image_references[0].role not_allowed") {
            $0.imageReferences = [.init(image: source, role: .unknown("villain"))]
        },
        Case(.recorded("wan-2-7-reference-to-video")) {
            $0.videoReferences = [.init(video: source, name: "dog", audio: source)]
        },
        Case(.recorded("wan-2-7-reference-to-video"), "video_references[0].audio.url malformed") {
            $0.videoReferences = [.init(video: source, audio: .url("x"))]
        },
        Case(.recorded("pixverse-c1-transition"), "end_image required") { _ in },
        Case(.recorded("runway-gen4-5"), "image required") { $0.image = nil },
    ]

    static func points(
        _ times: Double..., change: (inout VideoRequest.CameraPoint) -> Void = { _ in }
    ) -> [VideoRequest.CameraPoint] {
        var points = times.map { VideoRequest.CameraPoint(time: $0, azimuth: 0, elevation: 0, distance: 1) }
        change(&points[0])
        return points
    }

    @Test(arguments: cases) func `each rule brings its finding, and what keeps it brings none`(rule: Case) {
        var request = Self.bare(rule.model)
        rule.change(&request)
        let findings = request.validate(against: rule.model).map { "\($0.field) \($0.code)" }
        #expect(findings == rule.expected)
    }

    @Test func `a hostile request brings a bounded number of findings`() {
        var request = Self.bare(Self.kling)
        request.elements = Array(repeating: VideoRequest.Element(), count: 50_000)
        request.referenceImages = Array(repeating: .url("x"), count: 50_000)
        #expect(request.validate(against: Self.kling).count == 100)
        request = Self.bare(.sample)
        request.prompt = String(repeating: "a" + String(repeating: "\u{301}", count: 1000), count: 1000)
        #expect(request.validate(against: .sample).first?.given?.unicodeScalars.count == 200)
    }

    @Test func `more media than any model takes are too many, wherever they stand`() {
        var model = Self.kling
        model.inputs["scene_images"] = ModelInput()
        var request = Self.bare(model)
        request.sceneImages = Array(repeating: Self.source, count: 201)
        #expect(request.validate(against: model).map { "\($0.field) \($0.code)" } == ["scene_images too_many"])
    }
}

/// What the server knows of uploaded files, and the phone too.
@Suite struct AssetValidationTests {
    static func asset(_ type: String, bytes: Int64 = 1000) -> Asset {
        Asset(id: .sample(), contentType: type, bytes: bytes, sha256: "", createdAt: .sample)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var field: String
        var type: String
        var bytes: Int64 = 1000
        var code: Finding.Code?
        var testDescription: String { "\(field): \(type), \(bytes)" }
    }

    static let cases: [Case] = [
        Case(field: "image", type: "image/png"), Case(field: "image", type: "image/heic"),
        Case(field: "image", type: "audio/mpeg", code: .notAllowed),
        Case(field: "image", type: "video/mp4", code: .notAllowed),
        Case(field: "audio_track", type: "audio/mpeg"), Case(field: "audio_track", type: "audio/wav; x=y"),
        Case(field: "audio_track", type: "audio/flac", code: .notAllowed),
        Case(field: "audio_track", type: "image/png", code: .notAllowed),
        Case(field: "audio_track", type: "audio/wav", bytes: 15_728_640),
        Case(field: "audio_track", type: "audio/wav", bytes: 15_728_641, code: .tooLarge),
        Case(field: "reference_videos[0]", type: "video/webm", bytes: 52_428_800),
        Case(field: "reference_videos[0]", type: "video/webm", bytes: .max, code: .tooLarge),
        Case(field: "reference_videos[0]", type: "image/gif", code: .notAllowed),
        Case(field: "reference_audios[0]", type: "audio/wav", bytes: 16_000_000, code: .tooLarge),
        Case(field: "reference_images[0]", type: "image/webp"),
    ]

    @Test(arguments: cases) func `a file is what its field is for, and not too large`(rule: Case) {
        let model = VideoModel.recorded("seedance-2-0-reference-to-video-basic")
        var request = ReferenceValidationTests.bare(model)
        request.referenceImages = [.url("https://media.example/1")]
        let source = MediaSource.asset(.sample())
        switch rule.field {
        case "image": request.image = source
        case "audio_track": request.audioTrack = source
        case "reference_videos[0]": (request.referenceVideos, request.referenceVideoSeconds) = ([source], 5)
        case "reference_audios[0]": request.referenceAudios = [source]
        default: request.referenceImages = [source]
        }
        let findings = request.validate(against: model, assets: [.sample(): Self.asset(rule.type, bytes: rule.bytes)])
        #expect(findings.map(\.field) == (rule.code == nil ? [] : [rule.field]))
        #expect(findings.first?.code == rule.code.map { .known($0) })
    }

    @Test func `an asset that is not there is named where it stands`() {
        let model = ReferenceValidationTests.kling
        var request = ReferenceValidationTests.bare(model)
        request.elements = [VideoRequest.Element(frontalImage: .asset(.sample(1)), video: .asset(.sample(2)))]
        let findings = request.validate(against: model, assets: [.sample(1): Self.asset("image/png")])
        #expect(findings.map(\.field) == ["elements[0].video"])
        #expect(findings.map(\.code) == [.known(.notFound)])
        #expect(findings.first?.given == AssetID.sample(2).description)
    }

    @Test func `findings of the request and of its files come at once`() {
        var request = VideoRequest(model: VideoModel.imageSample.id)
        request.image = .asset(.sample())
        let findings = request.validate(against: .imageSample, assets: [.sample(): Self.asset("audio/wav")])
        #expect(findings.map(\.field) == ["prompt", "duration", "image"])
    }
}
