import TestSupport
import Testing
import VideoModels

/// The rows of PROTOCOL §20 that a check before sending can settle: which of the versions that sources give holds here.
@Suite struct DisagreementTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var number: Int
        var model: String
        var expected: [String]
        var change: @Sendable (inout VideoRequest) -> Void

        init(
            _ number: Int, _ model: String, _ expected: String...,
            change: @escaping @Sendable (inout VideoRequest) -> Void
        ) {
            (self.number, self.model, self.expected, self.change) = (number, model, expected, change)
        }

        var testDescription: String { "row \(number), \(model): \(expected)" }
    }

    static let source = MediaSource.url("https://media.example/1")
    static let rows: [Row] = [
        // The length of a source: absent, or seconds as text; the listed word is refused.
        Row(7, "wan-2-7-video-to-video") { $0.duration = nil },
        Row(7, "wan-2-7-video-to-video") { $0.duration = "12.5" },
        Row(7, "wan-2-7-video-to-video", "duration not_allowed") { $0.duration = "Auto" },
        Row(7, "wan-2-7-video-to-video", "duration not_allowed") { $0.duration = "300.5" },
        Row(7, "topaz-video-upscale", "duration not_supported") { $0.duration = "Auto" },
        Row(8, "topaz-video-upscale") { $0.prompt = nil },
        Row(8, "topaz-video-upscale", "prompt not_supported") { $0.prompt = "larger" },
        // The list decides whether the ratio is needed or refused.
        Row(9, "wan-2.5-preview-text-to-video", "aspect_ratio required") { $0.aspectRatio = nil },
        Row(9, "wan-2.5-preview-image-to-video", "aspect_ratio not_supported") { $0.aspectRatio = "16:9" },
        Row(9, "wan-2.1-pro-image-to-video", "aspect_ratio required") { $0.aspectRatio = nil },
        // Sound is a choice only where the model says so.
        Row(10, "wan-2.5-preview-text-to-video", "audio not_supported") { $0.audio = true },
        Row(10, "longcat-text-to-video", "audio not_supported") { $0.audio = false },
        Row(10, "kling-2.6-pro-text-to-video") { $0.audio = false },
        // The listing's own limit of the prompt, else 2500.
        Row(12, "longcat-text-to-video") { $0.prompt = String(repeating: "x", count: 2500) },
        Row(12, "longcat-text-to-video", "prompt too_long") { $0.prompt = String(repeating: "x", count: 2501) },
        Row(12, "seedance-2-5-text-to-video-basic") { $0.prompt = String(repeating: "x", count: 15_000) },
        Row(12, "runway-gen4-5-text", "prompt too_long") { $0.prompt = String(repeating: "x", count: 1001) },
        // Caps by family, four pictures where it is unknown.
        Row(15, "happyhorse-1-0-reference-to-video") { $0.referenceImages = Array(repeating: source, count: 4) },
        Row(15, "happyhorse-1-0-reference-to-video", "reference_images too_many") {
            $0.referenceImages = Array(repeating: source, count: 5)
        },
        Row(15, "seedance-2-5-reference-to-video-basic") { $0.referenceImages = Array(repeating: source, count: 30) },
        Row(16, "kling-o3-pro-reference-to-video") {
            $0.elements = Array(repeating: VideoRequest.Element(frontalImage: source), count: 4)
        },
        Row(16, "kling-o3-pro-reference-to-video", "elements too_many") {
            $0.elements = Array(repeating: VideoRequest.Element(frontalImage: source), count: 5)
        },
        // The length of reference clips is capped by the model, not by the schema's 150 s.
        Row(18, "seedance-2-0-reference-to-video-basic") {
            ($0.referenceVideos, $0.referenceVideoSeconds) = ([source], 15)
        },
        Row(18, "seedance-2-0-reference-to-video-basic", "reference_video_seconds out_of_range") {
            ($0.referenceVideos, $0.referenceVideoSeconds) = ([source], 45)
        },
        // The listing wins over guides; one of its resolutions is always sent; its words are open.
        Row(40, "wan-2.5-preview-text-to-video") { $0.resolution = "1080p" },
        Row(41, "wan-2.5-preview-text-to-video", "resolution required") { $0.resolution = nil },
        Row(46, "minimax-h3-text-to-video") { $0.resolution = "2K" },
        Row(46, "sora-2-pro-text-to-video") { $0.resolution = "true_1080p" },
        Row(46, "minimax-h3-text-to-video", "resolution not_allowed") { $0.resolution = "2k" },
    ]

    @Test(arguments: rows) func `the tolerant version holds`(row: Row) {
        let model = VideoModel.recorded(row.model)
        var request = ReferenceValidationTests.bare(model)
        if model.isUpscaler || model.followsSourceLength { (request.duration, request.video) = (nil, Self.source) }
        if model.isUpscaler { request.resolution = nil }
        if model.takesReferences { request.referenceImages = [Self.source] }
        row.change(&request)
        #expect(request.validate(against: model).map { "\($0.field) \($0.code)" } == row.expected)
    }

    @Test func `rows 7 and 8 turn around once the upstream insists`() {
        for (id, field) in [("wan-2-7-video-to-video", "duration"), ("topaz-video-upscale", "prompt")] {
            var model = VideoModel.recorded(id)
            let isNews = model.repair(from: [Finding(field: field, code: .required, message: "Required")])
            #expect(isNews)
            var request = VideoRequest(model: id, prompt: model.isUpscaler ? nil : "p")
            request.video = Self.source
            request.resolution = model.isUpscaler ? nil : model.resolutions.first
            #expect(request.validate(against: model).map { "\($0.field) \($0.code)" } == ["\(field) required"])
            if field == "prompt" { request.prompt = "p" } else { request.duration = "12.5" }
            #expect(request.validate(against: model) == [])
        }
    }

    @Test func `rows 13 and 14: nothing is filled in, and no field is there that the upstream refuses`() throws {
        let json = String(decoding: try Wire.encode(VideoRequest.sample), as: UTF8.self)
        #expect(!json.contains("negative_prompt"))
        #expect(VideoRequest.Field(rawValue: "seed") == nil)
    }
}
