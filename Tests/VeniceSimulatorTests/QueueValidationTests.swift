import Foundation
import Testing

@testable import VeniceSimulator

struct QueueValidationTests {
    private let catalogue: Catalogue

    init() throws { catalogue = try Catalogue.bundled() }

    private func judge(_ body: JSONValue) -> (status: Int, text: String) {
        switch QueueValidation.judge(body, catalogue) {
        case .success: return (200, "")
        case .failure(let refused):
            guard case .bytes(let bytes) = refused.answer.body else { return (refused.answer.status, "") }
            return (refused.answer.status, String(decoding: bytes, as: UTF8.self))
        }
    }

    /// The model's own good body with some fields replaced; null takes a field out.
    private func judge(_ id: String, _ changes: [String: JSONValue]) throws -> (status: Int, text: String) {
        let (model, family) = try #require(catalogue[id])
        var body = Sample.body(model, family)
        for (key, value) in changes { body[key] = value == .null ? nil : value }
        return judge(.object(body))
    }

    @Test func `every model accepts a body made from its own capabilities`() {
        for entry in catalogue.entries {
            let answer = judge(.object(Sample.body(entry.model, entry.family)))
            #expect(answer.status == 200, "\(entry.model.id): \(answer.text)")
        }
    }

    @Test func `every model accepts each of its durations, resolutions and ratios`() throws {
        for (id, model) in catalogue.models {
            for duration in model.durations where duration != "Auto" {
                #expect(try judge(id, ["duration": .string(duration)]).status == 200)
            }
            for resolution in model.resolutions where !id.contains("upscale") {
                #expect(try judge(id, ["resolution": .string(resolution)]).status == 200)
            }
            for ratio in model.aspectRatios {
                #expect(try judge(id, ["aspect_ratio": .string(ratio)]).status == 200)
            }
        }
    }

    @Test func `every model refuses what its metadata does not list`() throws {
        for (id, model) in catalogue.models {
            #expect(try judge(id, ["resolution": "1p"]).status == 400, "\(id)")
            #expect(
                try judge(id, ["duration": "31s"]).status
                    == (model.followsSource && !id.contains("upscale") ? 200 : 400))
            #expect(try judge(id, ["aspect_ratio": "4:5"]).status == (model.aspectRatios.contains("4:5") ? 200 : 400))
            #expect(try judge(id, ["audio": true]).status == (model.audioConfigurable ? 200 : 400), "\(id)")
            if !model.aspectRatios.isEmpty { #expect(try judge(id, ["aspect_ratio": .null]).status == 400) }
            if !model.followsSource { #expect(try judge(id, ["duration": .null]).status == 400) }
        }
    }

    private static let text = "kling-2.6-pro-text-to-video"
    private static let image = "kling-2.6-pro-image-to-video"
    private static let reference = "seedance-2-5-reference-to-video-basic"
    private static let elements = "kling-o3-pro-reference-to-video"
    private static let transition = "pixverse-c1-transition"
    private static let upscale = "topaz-video-upscale"
    private static let agreed: JSONValue = [
        "seedance": [
            "confirmed_terms_and_privacy": true, "confirmed_legal_right": true,
            "confirmed_screening_acknowledged": true,
        ]
    ]

    private static let refusals: [(String, [String: JSONValue], Int, String)] = [
        (text, ["seed": 5], 400, "Unrecognized key(s) in object: 'seed'"),
        (text, ["camera_fixed": true], 400, "camera_fixed"),
        (text, ["safe_mode": true], 400, "safe_mode"),
        (text, ["aspectRatio": "16:9"], 400, "aspectRatio"),
        (text, ["imageUrl": picture], 400, "imageUrl"),
        (text, ["resolution": "720p"], 400, "This model does not support resolution"),
        (text, ["image_url": picture], 400, "This model does not support image_url"),
        (text, ["video_url": clip], 400, "This model does not support video_url"),
        (text, ["audio_url": "https://example.com/a.mp3"], 400, "This model does not support audio_url"),
        (text, ["reference_image_urls": [picture]], 400, "does not support reference_image_urls"),
        (text, ["elements": [["frontal_image_url": picture]]], 400, "does not support elements"),
        (text, ["keyframes": [["image_url": picture, "frame_index": 0]]], 400, "does not support keyframes"),
        (text, ["upscale_factor": 2], 400, "does not support upscale_factor"),
        (text, ["omni_reference_task_type": "edit"], 400, "does not support omni_reference_task_type"),
        (text, ["bitrate_mode": "high"], 400, "does not support bitrate_mode"),
        (text, ["duration": 5], 400, "Expected string, received number"),
        (text, ["duration": "6s"], 400, "Expected '5s' | '10s'"),
        (text, ["aspect_ratio": "16:10"], 400, "invalid_enum_value"),
        (text, ["audio": "true"], 400, "Expected boolean, received string"),
        (text, ["prompt": ""], 400, "too_small"),
        (text, ["prompt": .string(String(repeating: "x", count: 2_501))], 400, "at most 2500"),
        (text, ["negative_prompt": .string(String(repeating: "x", count: 2_501))], 400, "at most 2500"),
        (text, ["prompt": .null], 400, "Required"),
        (text, ["model": "sora-9"], 404, "not found"),
        (text, ["model": .null], 400, "Model is required"),
        (text, ["consents": ["seedance": ["confirmed_legal_right": true]]], 400, "Required"),
        (text, ["anon_user_id": "a||b"], 400, "Printable ASCII"),
        (image, ["image_url": .null], 400, "Required"),
        (image, ["image_url": "http://169.254.169.254/x.png"], 400, "not allowed"),
        (image, ["image_url": .string(Sample.dataURL("image/png", Sample.png(100, 100)))], 400, "too small"),
        (image, ["image_url": .string(Sample.dataURL("image/png", Sample.mp4))], 400, "corrupted"),
        (image, ["image_url": gif], 400, "corrupted"),
        (transition, ["end_image_url": .null], 400, "Required"),
        (upscale, ["resolution": "2x"], 400, "does not support resolution"),
        (upscale, ["prompt": "x"], 400, "does not support prompt"),
        (upscale, ["duration": "5s"], 400, "does not support duration"),
        (upscale, ["upscale_factor": 3], 400, "upscale_factor"),
        (upscale, ["upscale_factor": 2.5], 400, "Expected integer"),
        (upscale, ["video_url": .null], 400, "Required"),
        ("wan-2-7-video-to-video", ["duration": "Auto"], 400, "seconds as text"),
        ("wan-2-7-video-to-video", ["duration": "301"], 400, "seconds as text"),
        (reference, ["reference_image_urls": .null], 400, "At least one visual reference"),
        (reference, ["reference_image_urls": .array(.init(repeating: picture, count: 31))], 400, "at most 30"),
        (reference, ["reference_image_urls": .null, "reference_audio_urls": [audio]], 400, "at least one reference"),
        (reference, ["reference_document_urls": ["https://example.com/a.pdf"]], 400, "reference_document_urls"),
        (reference, ["duration": "auto"], 400, "requires reference_video_urls"),
        (reference, ["aspect_ratio": "adaptive"], 400, "requires reference_video_urls"),
        (reference, ["omni_reference_task_type": "edit"], 400, "requires reference_video_urls"),
        (
            reference, ["reference_image_urls": [.string(Sample.dataURL("image/png", Sample.png(3_000, 300)))]], 422,
            "ratio"
        ),
        ("seedance-2-0-reference-to-video-basic", ["duration": "auto"], 400, "invalid_enum_value"),
        (
            "seedance-2-0-reference-to-video-basic",
            ["reference_image_urls": .array(.init(repeating: picture, count: 10))], 400, "at most 9"
        ),
        (
            "happyhorse-1-1-reference-to-video",
            ["reference_image_urls": .array(.init(repeating: picture, count: 5))], 400, "at most 4"
        ),
        ("minimax-h3-reference-to-video", ["image_url": picture], 400, "does not support image_url"),
        ("kling-v3-4k-reference-to-video", ["image_url": .null], 400, "Required"),
        (elements, ["elements": [["reference_image_urls": [picture]]]], 400, "frontal_image_url or video_url"),
        (elements, ["elements": .array(.init(repeating: ["frontal_image_url": picture], count: 5))], 400, "at most 4"),
        (elements, ["scene_image_urls": .array(.init(repeating: picture, count: 5))], 400, "at most 4"),
        (elements, ["elements": [["frontal_image_url": picture, "name": "x"]]], 400, "Unrecognized"),
    ]

    private static let picture = Sample.picture
    private static let gif = JSONValue.string(Sample.dataURL("image/gif", Data("GIF89a".utf8)))
    private static let clip = Sample.clip
    private static let audio = JSONValue.string(Sample.dataURL("audio/wav", Sample.wav))

    @Test(arguments: refusals.indices)
    func `what a model does not take is refused with the field and the reason`(_ index: Int) throws {
        let (id, changes, status, text) = Self.refusals[index]
        let answer = try judge(id, changes)
        #expect(answer.status == status, "\(id) \(changes.keys): \(answer.text)")
        #expect(answer.text.contains(text), "\(id) \(changes.keys): \(answer.text)")
    }

    private static let acceptances: [(String, [String: JSONValue])] = [
        (text, ["audio": false]), (text, ["negative_prompt": ""]), (text, ["consents": agreed]),
        (text, ["prompt": .string(String(repeating: "x", count: 2_500))]),
        (text, ["anon_user_id": "user-17"]),
        (image, ["image_url": "https://example.com/a.png"]),
        ("seedance-2-0-image-to-video-basic", ["image_url": gif]),
        (upscale, ["upscale_factor": 4]), (upscale, [:]),
        ("wan-2-7-video-to-video", ["duration": "12.5"]),
        (reference, ["duration": "-1", "reference_video_urls": [clip]]),
        (reference, ["aspect_ratio": "auto", "reference_video_urls": [clip]]),
        (reference, ["omni_reference_task_type": "extend", "reference_video_urls": [clip]]),
        (reference, ["reference_audio_urls": [audio]]),
        (reference, ["bitrate_mode": "high"]),
        (elements, ["elements": [["frontal_image_url": picture, "reference_image_urls": [picture]]]]),
        (elements, ["scene_image_urls": [picture], "reference_image_urls": .null]),
        ("minimax-h3-image-to-video", ["prompt": .string(String(repeating: "x", count: 7_000))]),
        ("wan-2-7-image-to-video", ["audio_url": audio]),
    ]

    @Test(arguments: acceptances.indices)
    func `what a model takes is accepted`(_ index: Int) throws {
        let (id, changes) = Self.acceptances[index]
        let answer = try judge(id, changes)
        #expect(answer.status == 200, "\(id) \(changes.keys): \(answer.text)")
    }

    @Test func `an explicit null is refused wherever it stands`() throws {
        let (model, family) = try #require(catalogue[Self.text])
        for field in QueueSchema.fields.keys where field != "model" {
            var body = Sample.body(model, family)
            body[field] = .null
            let answer = judge(.object(body))
            #expect(answer.status == 400 && answer.text.contains("received null"), "\(field): \(answer.text)")
        }
    }

    @Test func `a refusal by schema lists the options as data`() throws {
        let answer = try judge(Self.text, ["duration": "6s"])
        let json = try #require(JSONValue.parse(Data(answer.text.utf8)))
        #expect(json["issues"]?.array?.first?["options"] == ["5s", "10s"])
        #expect(json["details"]?["duration"]?["_errors"]?.array?.count == 1)
    }

    @Test func `a body that is no object is refused`() {
        for body: JSONValue in [[], "x", 5, true, .null] { #expect(judge(body).status == 400) }
    }

    @Test(arguments: [
        ("1080p", "9:16", 1080, 1920), ("480p", "16:9", 854, 480), ("4k", "1:1", 2160, 2160),
        ("768P", "4:3", 1024, 768),
        ("720p", "21:9", 1680, 720), ("2K", "16:9", 2560, 1440), ("true_1080p", "16:9", 1920, 1080),
    ])
    func `the file has the picture size that was asked for`(
        _ resolution: String, ratio: String, width: Int, height: Int
    ) {
        let shape = VideoShape(
            resolution: resolution, ratio: VideoShape.ratio(ratio), seconds: 5, sound: false)
        #expect((shape.width, shape.height) == (width, height))
    }

    @Test func `a quote drops what the model does not take and still wants what prices depend on`() throws {
        let body: JSONValue = [
            "model": .string(Self.text), "duration": "5s", "resolution": "720p", "prompt": "x", "seed": 4,
            "audio": false,
        ]
        let inputs = try QuoteValidation.judge(body, catalogue, authenticated: false).get()
        #expect(inputs == Pricing.Inputs(model: Self.text, seconds: 5, resolution: nil, audio: false))
        for body: JSONValue in [
            ["duration": "5s"], ["model": .string(Self.text)], ["model": .string(Self.text), "duration": "6s"],
            ["model": .string(Self.text), "duration": 5], ["model": "wan-2-7-video-to-video"],
            ["model": .string(Self.reference), "duration": "auto"],
        ] {
            guard case .failure(let refused) = QuoteValidation.judge(body, catalogue, authenticated: true) else {
                Issue.record("quoted: \(body)")
                continue
            }
            #expect(refused.answer.status == 400)
        }
    }

    @Test func `an upscale is quoted only with a key`() {
        let body: JSONValue = ["model": .string(Self.upscale), "video_url": Sample.clip]
        guard case .failure(let refused) = QuoteValidation.judge(body, catalogue, authenticated: false) else {
            Issue.record("quoted without a key")
            return
        }
        #expect(refused.answer.status == 403)
        #expect((try? QuoteValidation.judge(body, catalogue, authenticated: true).get()) != nil)
    }
}
