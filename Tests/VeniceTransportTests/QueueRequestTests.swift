import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// PROTOCOL §4: what a submission's body holds, and what never.
struct QueueRequestTests {
    /// Recorded models with what is particular about each.
    static let goldens: [(model: String, change: @Sendable (inout VideoRequest) -> Void)] = [
        ("wan-2.5-preview-text-to-video", { $0.prompt = "A \"boat\"\nat dusk" }),
        ("kling-2.6-pro-image-to-video", { $0.audio = false }),
        ("pixverse-c1-transition", { $0.negativePrompt = "blur" }),
        ("topaz-video-upscale", { $0.upscaleFactor = 4 }),
        ("wan-2-7-video-to-video", { _ in }),
        (
            "kling-o3-pro-reference-to-video",
            {
                $0.prompt = "@Element1 before @Image1"
                $0.referenceImages = nil
                $0.elements = [
                    .init(frontalImage: .picture, referenceImages: [.picture, .picture], video: nil),
                    .init(frontalImage: nil, referenceImages: nil, video: .clip),
                ]
                $0.sceneImages = [.picture]
            }
        ),
        (
            "seedance-2-5-reference-to-video-basic",
            {
                $0.referenceVideos = [.clip]
                $0.referenceVideoSeconds = 12.5
                $0.referenceAudios = [.sound]
                $0.referenceTask = .known(.edit)
                $0.bitrate = .known(.high)
            }
        ),
    ]

    @Test(arguments: goldens.indices)
    func `the body for a recorded model is the golden one`(index: Int) throws {
        let golden = Self.goldens[index]
        let model = try recordedModel(golden.model)
        var request = model.plainRequest
        golden.change(&request)
        let queue = try QueueRequest(request, model: model).parts.text
        let quote = try QuoteRequest(request, model: model).parts.text
        try expectGolden("\(golden.model).queue.json", queue)
        try expectGolden("\(golden.model).quote.json", quote)
    }

    @Test func `every field of the protocol has its upstream name`() throws {
        let user = try #require(AnonymousUser("user-7"))
        let request = try QueueRequest(
            .everything("omnivore"), model: .omnivore, consent: .seedance, user: user)
        try expectGolden("everything.queue.json", request.parts.text)
        try expectGolden(
            "everything.quote.json", QuoteRequest(.everything("omnivore"), model: .omnivore).parts.text)
        #expect(request.parts.object["seed"] == nil)
    }

    @Test func `what the model does not take stays out, whatever the request names`() throws {
        let model = VideoModel.sample(durations: ["Auto"], resolutions: [], aspectRatios: [])
        var request = VideoRequest.everything(model.id)
        request.voice = nil
        #expect(
            try QueueRequest(request, model: model).parts.text
                == #"{"model":"wan-2.5-preview-text-to-video","prompt":"A gondola","negative_prompt":"blur"}"#)
    }

    @Test func `an empty list is as good as none`() throws {
        var request = VideoRequest(model: "omnivore", prompt: "p")
        (request.elements, request.keyframes, request.cameraPath) = ([], [], [])
        (request.referenceImages, request.sceneImages, request.imageReferences) = ([], [], [])
        request.videoReferences = []
        let text = try QueueRequest(request, model: .omnivore).parts.text
        #expect(text == #"{"model":"omnivore","prompt":"p"}"#)
        #expect(try QuoteRequest(request, model: .omnivore).parts.text == #"{"model":"omnivore"}"#)
    }

    @Test(arguments: [(VideoModel.Sound.optional, true), (.always, false), (.none, false)])
    func `audio is sent only where it can be switched`(sound: VideoModel.Sound, isSent: Bool) throws {
        var request = VideoRequest.sample
        request.audio = false
        let model = VideoModel.sample(sound: sound)
        #expect((try QueueRequest(request, model: model).parts.object["audio"] == .bool(false)) == isSent)
        #expect(try QueueRequest(.sample, model: model).parts.object["audio"] == nil)
    }

    @Test func `a number that JSON cannot hold is a finding`() throws {
        for value in [Double.nan, .infinity] {
            var request = VideoRequest(model: "omnivore", prompt: "p")
            request.cameraPath = [.init(time: 0, azimuth: value, elevation: 0, distance: 1)]
            #expect(
                try findings { try QueueRequest(request, model: .omnivore) }.map(\.field) == ["camera_path[0].azimuth"])
            request.referenceVideos = [.clip]
            request.referenceVideoSeconds = value
            #expect(
                try findings { try QuoteRequest(request, model: .omnivore) }.map(\.field) == ["reference_video_seconds"]
            )
        }
    }

    @Test func `consent is the three statements, each true, and nothing else`() throws {
        let request = try QueueRequest(.sample, model: .sample(), consent: .seedance)
        #expect(
            request.parts.text.hasSuffix(
                #","consents":{"seedance":{"confirmed_terms_and_privacy":true,"confirmed_legal_right":true,"#
                    + #""confirmed_screening_acknowledged":true}}}"#))
        let without = try QueueRequest(.sample, model: .sample())
        #expect(without.parts.object["consents"] == nil)
        var same = request.parts.object
        same["consents"] = nil
        #expect(same == without.parts.object)
    }

    @Test(arguments: [
        ("user-7", true), ("a|b", true), (String(repeating: "x", count: 128), true), ("", false), ("a||b", false),
        ("ü", false), ("a\n", false), ("\u{7f}", false), (String(repeating: "x", count: 129), false),
    ])
    func `an anonymous user is printable ASCII without two bars`(id: String, isGood: Bool) {
        #expect((AnonymousUser(id) != nil) == isGood)
    }

    /// Every recorded model, with every field that the protocol knows: only what the model takes gets through.
    @Test(arguments: recordedModels.map(\.id))
    func `a body for any known model holds what that model takes, as text, without a null`(id: String) throws {
        let model = try recordedModel(id)
        var request = VideoRequest.everything(id)
        (request.duration, request.resolution) = (model.durations.first, model.resolutions.first ?? "720p")
        request.aspectRatio = model.aspectRatios.first ?? "16:9"
        let body = try QueueRequest(request, model: model).parts.object
        #expect(body["model"] == .string(id))
        #expect((body["duration"] != nil) == !model.followsSourceLength)
        if let duration = body["duration"] { #expect(duration == .string(model.durations[0])) }
        #expect((body["resolution"] != nil) == (!model.isUpscaler && !model.resolutions.isEmpty))
        #expect((body["aspect_ratio"] != nil) == !model.aspectRatios.isEmpty)
        #expect((body["audio"] != nil) == (model.sound == .known(.optional)))
        #expect((body["prompt"] != nil) == !model.isUpscaler)
        #expect((body["upscale_factor"] != nil) == model.isUpscaler)
        #expect((body["video_url"] != nil) == model.takesVideo)
        #expect((body["image_url"] != nil) == model.takes(.image))
        #expect((body["reference_image_urls"] != nil) == model.takesReferences)
        #expect((body["elements"] != nil) == model.takes(.elements))
        #expect(body["seed"] == nil && body["consents"] == nil && body["anon_user_id"] == nil)
        #expect(body["reference_video_total_duration"] == nil)
        #expect(!body.values.contains(.null) && !body.values.contains(.array([])))
    }

    /// Any fields with any words at any model: the body is JSON, and says nothing that the request does not.
    @Test(arguments: 0..<UInt64(200)) func `no request makes a body that is no JSON`(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let model =
            Bool.random(using: &generator) ? VideoModel.omnivore : recordedModels[Int(seed) % recordedModels.count]
        var request = VideoRequest(model: model.id)
        for value in sampleValues where Bool.random(using: &generator) { value.set(&request) }
        let words = ["", "\"", "\\", "\u{0}\u{1f}", "é😀\u{2028}", "}]", "null"].shuffled(using: &generator)
        (request.prompt, request.negativePrompt, request.voice, request.duration) = (
            words[0], words[1], words[2], words[3]
        )
        request.image = .url(words[4])
        for parts in [
            try QueueRequest(request, model: model).parts, try QuoteRequest(request, model: model).parts,
        ] {
            let read = try JSONSerialization.jsonObject(with: Data(parts.text.utf8)) as? [String: Any]
            #expect(read?["model"] as? String == model.id)
            #expect(!parts.object.values.contains(.null) && !parts.object.values.contains(.array([])))
            if let prompt = read?["prompt"] as? String { #expect(prompt == words[0]) }
        }
    }

    /// A quote is about the price: neither words nor pictures.
    @Test(arguments: recordedModels.map(\.id))
    func `a quote for any known model holds pricing inputs alone`(id: String) throws {
        let model = try recordedModel(id)
        let body = try QuoteRequest(.everything(id), model: model).parts.object
        let pricing: Set<String> = [
            "model", "duration", "resolution", "aspect_ratio", "audio", "upscale_factor", "video_url",
            "reference_video_total_duration", "reference_image_count",
        ]
        #expect(Set(body.keys).isSubset(of: pricing))
        #expect((body["video_url"] != nil) == model.takesVideo)
        #expect((body["reference_video_total_duration"] != nil) == model.takes(.referenceVideos))
        #expect((body["reference_image_count"] != nil) == model.takesReferences)
        #expect((body["upscale_factor"] != nil) == model.isUpscaler)
    }
}

/// The findings with which a body is refused before anything is sent.
func findings<Value>(_ make: () throws -> Value) throws -> [Finding] {
    do {
        _ = try make()
        return []
    } catch VeniceError.invalid(let findings, let evidence) {
        #expect(evidence.status == nil)
        return findings
    }
}
