import Foundation
import Testing

@testable import VeniceSimulator

/// What the families of models take beyond what their metadata says, and what quotes make of it.
struct FamilyRuleTests {
    private let catalogue: Catalogue

    init() throws { catalogue = try Catalogue.bundled() }

    /// The model's own good body with some fields replaced; null takes a field out.
    private func judge(_ id: String, _ changes: [String: JSONValue]) throws -> (status: Int, text: String) {
        let (model, family) = try #require(catalogue[id])
        var body = Sample.body(model, family)
        for (key, value) in changes { body[key] = value == .null ? nil : value }
        guard case .failure(let refused) = QueueValidation.judge(.object(body), catalogue) else { return (200, "") }
        guard case .bytes(let bytes) = refused.answer.body else { return (refused.answer.status, "") }
        return (refused.answer.status, String(decoding: bytes, as: UTF8.self))
    }

    private static let text = "kling-2.6-pro-text-to-video"
    private static let image = "kling-2.6-pro-image-to-video"
    private static let reference = "seedance-2-5-reference-to-video-basic"
    private static let elements = "kling-o3-pro-reference-to-video"
    private static let upscale = "topaz-video-upscale"
    private static let picture = Sample.picture

    private static func path(_ times: Double...) -> JSONValue {
        .array(times.map { ["time": .number($0), "azimuth": 10, "elevation": 0, "distance": 1] })
    }

    private static func hosted(_ query: String) -> JSONValue { .string("https://example.com/clip?\(query)") }
    private static func clip(_ seconds: Double) -> JSONValue {
        .string(Sample.dataURL("video/mp4", Sample.mp4(seconds: seconds)))
    }
    private static func sound(_ seconds: Double) -> JSONValue {
        .string(Sample.dataURL("audio/wav", Sample.wav(seconds: seconds)))
    }

    private static let seedance20 = "seedance-2-0-reference-to-video-basic"
    private static let wan3 = "wan-3-0-reference-to-video"
    private static let multiAngle = "minimax-h3-max-multi-angle"
    private static let typed = "wan-2-7-reference-to-video"
    private static let video = "wan-2-7-video-to-video"
    private static let front: JSONValue = ["frontal_image_url": picture]
    private static let rich: JSONValue = [
        "frontal_image_url": picture, "reference_image_urls": [picture, picture, picture],
    ]

    /// The rules of the families about clips, elements, frames, documents, camera paths and typed references.
    private static let familyRules: [(String, [String: JSONValue], Int, String)] = [
        (seedance20, ["reference_video_urls": [clip(15)]], 200, ""),
        (seedance20, ["reference_video_urls": [clip(15.5)]], 422, "Video duration exceeds"),
        (seedance20, ["reference_video_urls": [clip(1.5)]], 422, "too short"),
        (seedance20, ["reference_video_urls": [clip(8), clip(8)]], 422, "maximum total of 15"),
        (seedance20, ["reference_video_urls": [hosted("sim-bytes=50000001")]], 422, "maximum size of 50 MB"),
        (seedance20, ["reference_video_urls": [hosted("sim-broken=1")]], 400, "could not be read"),
        (seedance20, ["reference_audio_urls": [sound(16)]], 422, "Audio duration exceeds"),
        (seedance20, ["reference_audio_urls": [hosted("sim-bytes=15000001")]], 422, "maximum size of 15 MB"),
        (reference, ["reference_video_urls": [clip(30)]], 200, ""),
        (reference, ["reference_video_urls": [clip(31)]], 422, "maximum of 30"),
        (reference, ["duration": "auto", "reference_video_urls": [clip(3)]], 422, "Minimum is 4 seconds"),
        (reference, ["duration": "-1", "reference_video_urls": [clip(4)]], 200, ""),
        ("seedance-2-5-us-reference-to-video-private", ["duration": "-1", "reference_video_urls": [clip(4)]], 400, ""),
        (
            "seedance-2-5-us-reference-to-video-private", ["reference_video_urls": [hosted("sim-bytes=150000000")]],
            200, ""
        ),
        (wan3, ["reference_document_urls": ["https://example.com/a.pdf"], "reference_image_urls": .null], 200, ""),
        (wan3, ["reference_document_urls": [hosted("sim-bytes=100000001")]], 422, "100 MB"),
        (wan3, ["reference_document_urls": [hosted("a=1"), hosted("a=2")]], 400, "at most 1"),
        (wan3, ["reference_video_urls": [clip(1)]], 200, ""),
        (multiAngle, ["prompt": .null], 200, ""), (multiAngle, ["camera_trajectory": path(0, 0.5, 1)], 200, ""),
        (multiAngle, ["camera_trajectory": path(0, 0.5, 0.5)], 400, "strictly increasing"),
        (multiAngle, ["camera_trajectory": path(0)], 400, "at least 2"),
        (multiAngle, ["camera_trajectory": path(0, 1.5)], 400, "between"),
        (multiAngle, ["camera_trajectory": [["time": 0], ["time": 1]]], 400, "Required"),
        (multiAngle, ["image_url": .null], 400, "Required"),
        (multiAngle, ["aspect_ratio": "16:9"], 400, "does not support aspect_ratio"),
        (text, ["camera_trajectory": path(0, 1)], 400, "does not support camera_trajectory"),
        (
            typed, ["reference_image_urls": .null, "image_references": [["image_url": picture, "type": "subject"]]],
            200, ""
        ),
        (typed, ["video_references": [["video_url": clip(3), "ref_name": "a", "audio_url": sound(3)]]], 200, ""),
        (typed, ["image_references": [["image_url": picture, "type": "hero"]]], 400, "invalid_enum_value"),
        (seedance20, ["video_references": [["video_url": clip(3)]]], 400, "does not support video_references"),
        (text, ["image_references": [["image_url": picture]]], 400, "does not support image_references"),
        (text, ["voice_id": "v"], 200, ""), (video, ["voice_id": "v"], 400, "does not support voice_id"),
        (elements, ["elements": .array(.init(repeating: front, count: 4))], 200, ""),
        (elements, ["elements": .array(.init(repeating: front, count: 4)), "image_url": picture], 400, "at most 3"),
        (elements, ["elements": [rich, rich]], 400, "At most 7 images"),
        ("minimax-h3-reference-to-video", ["reference_image_urls": .null, "image_url": picture], 200, ""),
        (
            "minimax-h3-reference-to-video",
            ["audio_url": sound(5), "reference_audio_urls": [sound(3), sound(3), sound(3)]], 400, "next to audio_url"
        ),
        ("happyhorse-1-0-video-to-video", ["reference_image_urls": [picture]], 200, ""),
        (video, ["reference_image_urls": [picture]], 400, "does not support reference_image_urls"),
        (video, ["video_url": clip(301)], 422, "maximum of 300"), (upscale, ["video_url": clip(301)], 422, "300"),
        ("wan-2-7-image-to-video", ["audio_url": sound(2)], 422, "too short"),
        ("wan-2.6-image-to-video", ["audio_url": sound(2)], 200, ""),
        ("wan-2.6-image-to-video", ["audio_url": sound(31)], 422, "Audio duration exceeds"),
        ("flux-3-image-to-video", ["keyframes": [frame(0), frame(120)]], 200, ""),
        ("flux-3-image-to-video", ["keyframes": [frame(0), frame(121)]], 400, "duration × 24"),
        ("flux-3-image-to-video", ["keyframes": [frame(7), frame(7)]], 400, "unique"),
        ("flux-3-image-to-video", ["keyframes": [frame(-1)]], 400, "between"),
        ("seedance-2-0-image-to-video-basic", ["image_url": hosted("sim-width=3000&sim-height=300")], 422, "ratio"),
        (image, ["image_url": hosted("sim-width=200&sim-height=300")], 400, "too small"),
        (reference, ["omni_reference_task_type": "editing", "reference_video_urls": [clip(5)]], 200, ""),
        (text, ["anon_user_id": .string(String(repeating: "x", count: 129))], 400, "at most 128"),
        (text, ["bitrate_mode": "low"], 400, "invalid_enum_value"),
    ]

    private static func frame(_ index: Int) -> JSONValue {
        ["image_url": picture, "frame_index": .number(Double(index))]
    }

    @Test(arguments: familyRules.indices)
    func `the rules of the families hold at their edges`(_ index: Int) throws {
        let (id, changes, status, text) = Self.familyRules[index]
        let answer = try judge(id, changes)
        #expect(answer.status == status, "\(id) \(changes.keys): \(answer.text)")
        #expect(text.isEmpty || answer.text.contains(text), "\(id) \(changes.keys): \(answer.text)")
    }

    @Test func `reference video is billed by whole seconds, and a quote that leaves it out is lower`() throws {
        func quote(_ total: Double?) throws -> Cents {
            var body: JSONValue = ["model": .string(Self.seedance20), "duration": "5s", "resolution": "720p"]
            if let total, case .object(var fields) = body {
                fields["reference_video_total_duration"] = .number(total)
                body = .object(fields)
            }
            return Pricing().price(try QuoteValidation.judge(body, catalogue, authenticated: true).get(), at: .now)
        }
        let (plain, ten) = (try quote(nil), try quote(10))
        let fifteen = Pricing.Inputs(model: Self.seedance20, seconds: 15, resolution: "720p", audio: true)
        #expect(ten == Pricing().price(fifteen, at: .now) && plain < ten)
        let (model, family) = try #require(catalogue[Self.seedance20])
        var body = Sample.body(model, family)
        body.merge(["duration": "5s", "resolution": "720p", "reference_video_urls": [Self.clip(9.2)]]) { $1 }
        let accepted = try QueueValidation.judge(.object(body), catalogue).get()
        #expect(Pricing().price(accepted.price, at: .now) == ten)
    }

    @Test(arguments: [
        (seedance20, 15.0, true), (seedance20, 15.5, false), (reference, 30, true), (reference, 31, false),
        (text, 149, true), (text, 151, false),
    ])
    func `a quote takes as much reference video as its model does`(_ id: String, total: Double, isTaken: Bool) throws {
        let (model, _) = try #require(catalogue[id])
        let body: JSONValue = [
            "model": .string(id), "duration": .string(model.durations[0]),
            "reference_video_total_duration": .number(total),
        ]
        let result = QuoteValidation.judge(body, catalogue, authenticated: true)
        #expect(((try? result.get()) != nil) == isTaken)
    }

    @Test(arguments: [("1x", 1), ("2x", 2), ("4x", 4)])
    func `an upscale quote still takes the older name of the factor`(_ alias: String, _ factor: Int) throws {
        let body: JSONValue = [
            "model": .string(Self.upscale), "video_url": Self.clip(12), "resolution": .string(alias),
        ]
        let inputs = try QuoteValidation.judge(body, catalogue, authenticated: true).get()
        #expect(inputs.upscaleFactor == factor && inputs.seconds == 12)
    }

    @Test func `what matches its source is quoted by the source`() throws {
        var body: JSONValue = ["model": .string(Self.reference), "duration": "5s", "aspect_ratio": "adaptive"]
        #expect(throws: QueueValidation.Refused.self) {
            try QuoteValidation.judge(body, catalogue, authenticated: true).get()
        }
        body = [
            "model": .string(Self.reference), "duration": "auto", "aspect_ratio": "adaptive",
            "reference_video_total_duration": 7,
        ]
        #expect(try QuoteValidation.judge(body, catalogue, authenticated: true).get().seconds == 7)
    }
}
