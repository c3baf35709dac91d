import TestSupport
import Testing
import VideoModels

/// What a 400 of the upstream teaches about a model, and what it must not teach.
@Suite struct RepairTests {
    static let reference = VideoModel.recorded("seedance-2-0-reference-to-video-basic")

    static func finding(
        _ field: String, _ code: Finding.Code, _ message: String = "Required", allowed: [String]? = nil
    ) -> Finding {
        Finding(field: field, code: code, message: message, allowed: allowed)
    }

    struct Lesson: Sendable, CustomTestStringConvertible {
        var finding: Finding
        var model = RepairTests.reference
        var holds: @Sendable (VideoModel) -> Bool
        var testDescription: String { "\(finding.field) \(finding.code)" }
    }

    static let refusal = "This model does not support it"
    static let lessons: [Lesson] = [
        Lesson(finding: finding("duration", .notAllowed, "Invalid", allowed: ["6s", "9s"])) {
            $0.durations == ["6s", "9s"]
        },
        Lesson(finding: finding("duration", .required, allowed: ["6s"])) { $0.durations == ["6s"] },
        Lesson(finding: finding("resolution", .notAllowed, "Invalid", allowed: ["480P"])) {
            $0.resolutions == ["480P"]
        },
        Lesson(finding: finding("resolution", .notSupported, refusal)) { !$0.takes(.resolution) },
        Lesson(finding: finding("aspect_ratio", .notAllowed, "Invalid", allowed: ["1:1"])) {
            $0.aspectRatios == ["1:1"]
        },
        Lesson(finding: finding("aspect_ratio", .notSupported, refusal)) { !$0.takes(.aspectRatio) },
        Lesson(finding: finding("audio", .notSupported, refusal)) { !$0.takes(.audio) },
        Lesson(finding: finding("bitrate", .notAllowed, "Invalid", allowed: ["low"])) {
            $0[.bitrate]?.options == ["low"]
        },
        Lesson(finding: finding("end_image", .notSupported, refusal)) { !$0.takes(.endImage) },
        Lesson(finding: finding("voice", .notSupported, "Unrecognized key(s) in object: 'voice_id'")) {
            !$0.takes(.voice)
        },
        Lesson(finding: finding("image", .required)) { $0[.image]?.need == .known(.required) },
        Lesson(finding: finding("end_image", .required, "Invalid input: expected string, received undefined")) {
            $0[.endImage]?.need == .known(.required)
        },
        Lesson(finding: finding("elements", .required)) { $0[.elements]?.need == .known(.required) },
        Lesson(finding: finding("reference_images", .tooMany, "Array must contain at most 5 element(s)")) {
            $0[.referenceImages]?.most == 5 && $0[.referenceImages]?.leastRatio == 0.4
        },
        Lesson(finding: finding("reference_images", .tooLong, "Array must contain at most 5 element(s)")) {
            $0[.referenceImages]?.most == 5
        },
        Lesson(finding: finding("reference_images", .tooMany, "Too big", allowed: ["5"])) {
            $0[.referenceImages]?.most == 5
        },
        Lesson(finding: finding("reference_images", .tooMany, "Too big: expected array to have <=5 items")) {
            $0[.referenceImages]?.most == 5
        },
        Lesson(finding: finding("prompt", .tooLong, "String must contain at most 900 character(s)")) {
            $0.promptCharacterLimit == 900
        },
        Lesson(finding: finding("duration", .required), model: .upscaleSample) {
            $0[.duration]?.need == .known(.required)
        },
        Lesson(finding: finding("prompt", .required), model: .upscaleSample) { $0[.prompt]?.need == .known(.required) },
    ]

    @Test(arguments: lessons) func `a finding is learned, once`(lesson: Lesson) {
        var model = lesson.model
        #expect(!lesson.holds(model))
        let isNews = model.repair(from: [lesson.finding])
        #expect(isNews)
        #expect(lesson.holds(model))
        let learned = model
        let isNewsAgain = model.repair(from: [lesson.finding])
        #expect(!isNewsAgain)
        #expect(model == learned)
    }

    static let noise: [Finding] = [
        finding("model", .notSupported, refusal), finding("seed", .notSupported, refusal), finding("", .required),
        finding("elements[0].video", .notSupported, refusal), finding("reference_images[1]", .required),
        // Of this request's media, not of the model.
        finding("end_image", .notSupported, "Unsupported image format"), finding("end_image", .malformed, "broken"),
        finding("reference_images", .required, "At least one visual reference is required"),
        finding("end_image", .notSupported, "This model does not support end_image_url together with references"),
        finding("end_image", .notSupported, "This model does not support end_image_url alongside a video"),
        finding("end_image", .notSupported, "This model does not support end_image_url unless the clip is short"),
        finding("image", .required, "Either this or a reference is required"),
        finding("image", .required, "Required if there is no clip"), finding("image", .conflict, "Required"),
        finding("duration", .required, "Required when a clip is given", allowed: ["6s"]),
        finding("reference_images", .tooMany, "at most 3 element(s) when a clip is given"),
        // The listing's limit is the prompt's.
        finding("negative_prompt", .tooLong, "String must contain at most 900 character(s)"),
        // What the model cannot do without.
        finding("prompt", .notSupported, refusal),
        // No limits of a model.
        finding("duration", .notAllowed, "Invalid"), finding("duration", .notAllowed, "x", allowed: []),
        finding("duration", .notAllowed, "x", allowed: ["5s", "5s"]),
        finding("duration", .notAllowed, "x", allowed: (0...64).map { "\($0)s" }),
        finding("resolution", .notAllowed, "x", allowed: [String(repeating: "x", count: 33)]),
        finding("prompt", .tooLong, "too long"), finding("prompt", .tooLong, "at most 0 characters"),
        finding("prompt", .tooLong, "at most many"),
        finding("reference_images", .tooMany, "at most 99999999999999999999"),
        finding("reference_video_seconds", .required),
    ]

    @Test(arguments: noise) func `what says nothing of the model changes nothing`(finding: Finding) {
        var model = Self.reference
        let isNews = model.repair(from: [finding])
        #expect(!isNews)
        #expect(model == Self.reference)
    }

    @Test func `what was learned is what the check then says`() throws {
        var model = VideoModel.recorded("wan-2.6-image-to-video")
        var random = RandomRequest(seed: 3)
        var request = random.fitting(model)
        request.endImage = .url("https://media.example/end")
        request.duration = "5s"
        #expect(request.validate(against: model) == [])
        let learned = [
            Self.finding("end_image", .notSupported, Self.refusal),
            Self.finding("duration", .notAllowed, "Invalid", allowed: ["10s"]),
        ]
        let isNews = model.repair(from: learned)
        #expect(isNews)
        let findings = request.validate(against: model)
        #expect(findings.map { "\($0.field) \($0.code)" } == ["duration not_allowed", "end_image not_supported"])
        #expect(findings.first?.allowed == ["10s"])
    }

    @Test func `the listing knows better than a lesson only where it speaks of the field`() {
        for field in ["duration", "resolution", "aspect_ratio", "audio", "audio_track", "video"] {
            #expect(VideoModel.isListed(Self.finding(field, .notSupported)), "\(field)")
        }
        #expect(VideoModel.isListed(Self.finding("prompt", .tooLong)))
        #expect(!VideoModel.isListed(Self.finding("prompt", .required)))
        for field in ["image", "end_image", "reference_images", "voice", "bitrate", "elements"] {
            #expect(!VideoModel.isListed(Self.finding(field, .notSupported)), "\(field)")
        }
    }

    @Test func `no finding makes a model grow without bound, and all can be learned in any order`() {
        var random = RandomValues(seed: 13)
        for _ in 0..<500 {
            var model = VideoModel.recorded.randomElement(using: &random.generator) ?? .sample
            for _ in 0..<20 {
                var finding = random.finding()
                if let field = VideoRequest.Field.allCases.randomElement(using: &random.generator) {
                    finding.field = field.rawValue
                }
                if random.flip() {
                    finding.message =
                        ["Required", Self.refusal, "at most 7 x"].randomElement(using: &random.generator) ?? ""
                }
                _ = model.repair(from: [finding])
            }
            #expect(model.inputs.keys.allSatisfy { VideoRequest.Field(rawValue: $0) != nil })
            #expect(model.durations.count <= 64 && model.resolutions.count <= 64 && model.aspectRatios.count <= 64)
        }
    }
}
