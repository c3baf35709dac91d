import TestSupport
import Testing
import VideoModels

@Suite struct ValidationTests {
    /// A change to a request that is good without it, and the one finding that it must bring.
    struct Case: Sendable, CustomTestStringConvertible {
        var model: VideoModel
        var change: @Sendable (inout VideoRequest) -> Void
        var field: String
        var code: Finding.Code

        init(
            _ model: VideoModel, _ field: String, _ code: Finding.Code,
            _ change: @escaping @Sendable (inout VideoRequest) -> Void
        ) {
            (self.model, self.field, self.code, self.change) = (model, field, code, change)
        }

        var testDescription: String { "\(model.id): \(field) \(code)" }
    }

    @Test func `a field that the model does not take is told with what was given`() {
        let findings = WireSample.request.validate(against: .sample).filter { $0.code == .known(.notSupported) }
        #expect(findings.count > 15)
        #expect(
            findings.allSatisfy { $0.given?.isEmpty == false }, "\(findings.filter { $0.given == nil }.map(\.field))")
        #expect(findings.first { $0.field == "end_image" }?.given?.hasPrefix("https://") == true)
        #expect(findings.first { $0.field == "elements" }?.given == "2 of them")
    }

    static let image = MediaSource.url("https://a.example/1.png")

    /// Good for its model.
    static func good(_ model: VideoModel) -> VideoRequest {
        var request = VideoRequest(model: model.id)
        if !model.isUpscaler {
            request.prompt = "A lighthouse"
            request.duration = model.durations.first
            request.resolution = model.resolutions.first
        }
        request.aspectRatio = model.aspectRatios.first
        if model.isUpscaler { request.upscaleFactor = 2 }
        if model.takesVideo { request.video = .url("https://a.example/1.mp4") }
        if model.kind == .known(.imageToVideo) {
            if model.takesReferences { request.referenceImages = [image] } else { request.image = image }
        }
        return request
    }

    static let models: [VideoModel] = [.sample, .imageSample, .referenceSample, .upscaleSample]

    static let cases: [Case] = [
        Case(.sample, "model", .unknownModel) { $0.model = "another" },
        Case(.sample, "prompt", .required) { $0.prompt = nil },
        Case(.sample, "prompt", .required) { $0.prompt = " \n\t" },
        Case(.sample, "prompt", .tooLong) { $0.prompt = String(repeating: "x", count: 41) },
        Case(.sample, "prompt", .malformed) { $0.prompt = "a\0b" },
        Case(.upscaleSample, "prompt", .notSupported) { $0.prompt = "x" },
        Case(.sample, "negative_prompt", .tooLong) { $0.negativePrompt = String(repeating: "x", count: 41) },
        Case(.sample, "negative_prompt", .malformed) { $0.negativePrompt = "\0" },
        Case(.sample, "duration", .required) { $0.duration = nil },
        Case(.sample, "duration", .notAllowed) { $0.duration = "5" },
        Case(.upscaleSample, "duration", .notSupported) { $0.duration = "Auto" },
        Case(.sample, "resolution", .required) { $0.resolution = nil },
        Case(.sample, "resolution", .notAllowed) { $0.resolution = "720P" },
        Case(.imageSample, "resolution", .notSupported) { $0.resolution = "720p" },
        Case(.upscaleSample, "resolution", .notSupported) { $0.resolution = "2x" },
        Case(.sample, "aspect_ratio", .required) { $0.aspectRatio = nil },
        Case(.sample, "aspect_ratio", .notAllowed) { $0.aspectRatio = "4:3" },
        Case(.imageSample, "aspect_ratio", .notSupported) { $0.aspectRatio = "16:9" },
        Case(.imageSample, "audio", .notSupported) { $0.audio = false },
        Case(.referenceSample, "audio", .notSupported) { $0.audio = true },
        Case(.upscaleSample, "upscale_factor", .notAllowed) { $0.upscaleFactor = .min },
        Case(.upscaleSample, "upscale_factor", .notAllowed) { $0.upscaleFactor = 3 },
        Case(.sample, "upscale_factor", .notSupported) { $0.upscaleFactor = 2 },
        Case(.sample, "image", .notSupported) { $0.image = image },
        Case(.sample, "end_image", .notSupported) { $0.endImage = image },
        Case(.imageSample, "image", .required) { $0.image = nil },
        Case(.upscaleSample, "video", .required) { $0.video = nil },
        Case(.sample, "video", .notSupported) { $0.video = image },
        Case(.sample, "audio_track", .notSupported) { $0.audioTrack = image },
        Case(.imageSample, "reference_images", .notSupported) { $0.referenceImages = [image] },
        Case(.referenceSample, "reference_images", .tooMany) {
            $0.referenceImages = Array(repeating: image, count: 5)
        },
        Case(.referenceSample, "reference_images[1].url", .malformed) {
            $0.referenceImages = [image, .url("ftp://a.example/x")]
        },
    ]

    @Test(arguments: models) func `a request that fits has no finding`(model: VideoModel) {
        #expect(Self.good(model).validate(against: model) == [])
    }

    @Test func `a request may use all that the model offers`() {
        var request = Self.good(.sample)
        request.audio = false
        request.negativePrompt = "text"
        request.prompt = String(repeating: "é", count: 40)
        #expect(request.validate(against: .sample) == [])
        var references = Self.good(.referenceSample)
        references.image = .asset(.sample())
        references.endImage = Self.image
        references.audioTrack = Self.image
        references.referenceImages = Array(repeating: Self.image, count: 4)
        references.negativePrompt = ""
        #expect(references.validate(against: .referenceSample) == [])
    }

    @Test(arguments: cases) func `each wrong field is found, alone`(wrong: Case) {
        var request = Self.good(wrong.model)
        wrong.change(&request)
        let findings = request.validate(against: wrong.model)
        #expect(findings.map(\.field) == [wrong.field])
        #expect(findings.first?.code == .known(wrong.code))
        #expect(findings.first?.message.isEmpty == false)
    }

    @Test func `a field without a value, such as an empty list, asks for nothing`() {
        var request = Self.good(.sample)
        (request.referenceImages, request.elements, request.keyframes) = ([], [], [])
        #expect(request.validate(against: .sample) == [])
        var upscale = Self.good(.upscaleSample)
        upscale.upscaleFactor = nil
        #expect(upscale.validate(against: .upscaleSample) == [])
    }

    @Test func `a choice that is refused names what is allowed`() throws {
        var request = Self.good(.sample)
        request.resolution = "8k"
        let finding = try #require(request.validate(against: .sample).first)
        #expect(finding.given == "8k")
        #expect(finding.allowed == ["480p", "720p"])
    }

    @Test func `a model that is offline is named`() {
        var model = VideoModel.sample
        model.isOffline = true
        #expect(Self.good(model).validate(against: model).map(\.code) == [.known(.modelUnavailable)])
    }

    @Test func `every finding comes at once`() {
        var request = VideoRequest(model: VideoModel.sample.id)
        request.resolution = "8k"
        request.image = Self.image
        #expect(
            request.validate(against: .sample).map(\.field)
                == ["prompt", "duration", "resolution", "aspect_ratio", "image"])
    }

    @Test func `a model of a later kind is judged by what it publishes`() {
        let model = VideoModel(
            id: "a", name: "A", kind: .unknown("hologram"), durations: ["5s"], resolutions: ["480p"],
            aspectRatios: ["16:9"], sound: .known(.none))
        var request = Self.good(model)
        request.image = Self.image
        #expect(request.validate(against: model) == [])
    }

    @Test(arguments: [
        "", "a.png", "https://", "https://localhost/a", "https://user@a.example/", "https://u:p@a.example/",
        "data:image/png;base64,AAAA", "file:///etc/passwd", "https:// a.example/",
        "https://a.example/" + String(repeating: "x", count: 8192), "https://a.example/\0", "https://a.example/\n",
        "http://10.1.2.3/", "http://127.0.0.1/", "http://169.254.169.254/latest", "http://172.31.0.1/a",
        "http://192.168.1.1/", "http://100.64.0.1/", "http://0.0.0.0/", "http://1.2.3/", "http://1.2.3.999/",
        "http://224.0.0.1/", "http://metadata.google.internal/", "http://printer.local/", "http://a..example/",
        "http://[::1]/", "http://[fe80::1]/", "http://[fd00::1]/", "http://[::ffff:10.0.0.1]/",
    ])
    func `an address that is not public http is malformed`(url: String) {
        var request = Self.good(.imageSample)
        request.image = .url(url)
        let findings = request.validate(against: .imageSample)
        #expect(findings.map(\.field) == ["image.url"])
        #expect(findings.map(\.code) == [.known(.malformed)])
    }

    @Test(arguments: [
        "https://a.example/1.png", "http://a.example:8080/1.png?x=%20#y", "https://8.8.8.8/a", "HTTPS://A.EXAMPLE/",
        "https://[2001:db8::1]/a", "https://bücher.example/ü.png", "https://172.32.0.1/", "https://a.example./x",
        "https://a.example/" + String(repeating: "x", count: 8000),
    ])
    func `a public address is taken`(url: String) {
        var request = Self.good(.imageSample)
        request.image = .url(url)
        #expect(request.validate(against: .imageSample) == [])
    }
}
