import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

struct QueueRequestTests {
    private func text(_ parts: [HTTPRequest.Part]) -> String {
        HTTPRequest("POST", "https://a.example", body: .parts(parts)).bodyText
    }

    @Test func `a text-to-video body holds the listed fields in a fixed order`() throws {
        let request = try QueueRequest(.sample, model: .sample())
        #expect(
            text(request.parts) == #"{"model":"wan-2.5-preview-text-to-video","prompt":"A \"boat\"\nat dusk","#
                + #""duration":"5s","resolution":"720p","aspect_ratio":"16:9"}"#)
    }

    @Test func `what the model does not list stays out`() throws {
        var request = VideoRequest.sample
        request.audio = false
        request.upscaleFactor = 2
        request.image = .url("https://a.example/i.png")
        request.endImage = .url("https://a.example/e.png")
        request.video = .url("https://a.example/v.mp4")
        request.audioTrack = .url("https://a.example/a.mp3")
        request.referenceImages = [.url("https://a.example/r.png")]
        let model = VideoModel.sample(durations: ["Auto"], resolutions: [], aspectRatios: [])
        #expect(
            text(try QueueRequest(request, model: model).parts)
                == #"{"model":"wan-2.5-preview-text-to-video","prompt":"A \"boat\"\nat dusk"}"#)
    }

    @Test(arguments: [(VideoModel.Sound.optional, true), (.always, false), (.none, false)])
    func `audio is sent only where it can be switched`(sound: VideoModel.Sound, isSent: Bool) throws {
        var request = VideoRequest.sample
        request.audio = false
        let body = text(try QueueRequest(request, model: .sample(sound: sound)).parts)
        #expect(body.contains(#""audio":false"#) == isSent)
        let untouched = text(try QueueRequest(.sample, model: .sample(sound: sound)).parts)
        #expect(!untouched.contains("audio"))
    }

    @Test func `files become data URLs that are read while they are sent`() throws {
        let image = try TemporaryFile(Array("picture".utf8))
        let asset = AssetID(at: Date(timeIntervalSince1970: 1))
        var request = VideoRequest.sample
        request.image = .asset(asset)
        request.endImage = .url("https://a.example/e.png?x=\"1\"")
        let model = VideoModel.sample(
            "kling-2.6-pro-image-to-video", kind: .imageToVideo, resolutions: [], aspectRatios: [])
        let assets: VeniceAssets = [asset: .file(path: image.path, mimeType: "image/png", bytes: 7)]
        let parts = try QueueRequest(request, model: model, assets: assets).parts
        #expect(parts.contains(.file(path: image.path, encoding: .base64)))
        #expect(
            text(parts) == #"{"model":"kling-2.6-pro-image-to-video","prompt":"A \"boat\"\nat dusk","duration":"5s","#
                + #""image_url":"data:image/png;base64,cGljdHVyZQ==","end_image_url":"https://a.example/e.png?x=\"1\""}"#
        )
    }

    @Test func `references and a sound track go where they are taken`() throws {
        var request = VideoRequest.sample
        request.negativePrompt = "blur"
        request.audioTrack = .url("https://a.example/a.mp3")
        request.referenceImages = [.url("https://a.example/1.png"), .url("https://a.example/2.png")]
        var model = VideoModel.sample("wan-3-0-reference-to-video", kind: .imageToVideo)
        model.inputs["audio_track"] = ModelInput()
        let body = text(try QueueRequest(request, model: model).parts)
        #expect(body.contains(#""negative_prompt":"blur""#))
        #expect(body.contains(#""audio_url":"https://a.example/a.mp3""#))
        #expect(body.hasSuffix(#""reference_image_urls":["https://a.example/1.png","https://a.example/2.png"]}"#))
    }

    @Test func `an upscale body is model, clip and factor`() throws {
        var request = VideoRequest.sample
        request.model = "topaz-video-upscale"
        request.upscaleFactor = 4
        request.video = .url("https://a.example/v.mp4")
        let model = VideoModel.sample(
            "topaz-video-upscale", kind: .videoToVideo, durations: ["Auto"], resolutions: ["2x", "4x"], aspectRatios: []
        )
        let golden = #"{"model":"topaz-video-upscale","upscale_factor":4,"video_url":"https://a.example/v.mp4"}"#
        #expect(text(try QueueRequest(request, model: model).parts) == golden)
        #expect(text(try QuoteRequest(request, model: model).parts) == golden)
    }

    @Test func `a quote names what the price depends on and nothing else`() throws {
        var request = VideoRequest.sample
        request.negativePrompt = "blur"
        request.image = .url("https://a.example/i.png")
        request.audio = true
        let model = VideoModel.sample("kling-2.6-pro-image-to-video", kind: .imageToVideo, sound: .optional)
        #expect(
            text(try QuoteRequest(request, model: model).parts)
                == #"{"model":"kling-2.6-pro-image-to-video","duration":"5s","resolution":"720p","aspect_ratio":"16:9","audio":true}"#
        )
    }

    @Test func `a missing asset and too much media are findings, all at once`() throws {
        let large = AssetID(at: Date(timeIntervalSince1970: 1))
        let missing = AssetID(at: Date(timeIntervalSince1970: 2))
        var request = VideoRequest.sample
        request.image = .asset(large)
        request.endImage = .asset(missing)
        let assets: VeniceAssets = [large: .file(path: "/x", mimeType: "image/png", bytes: 27_000_000)]
        let error = #expect(throws: VeniceError.self) {
            try QueueRequest(request, model: .sample(kind: .imageToVideo), assets: assets)
        }
        guard case .invalid(let findings, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(findings.map(\.field) == ["end_image", "image"])
        #expect(findings.map(\.code) == [.known(.notFound), .known(.tooLong)])
    }

    /// Every recorded model: a request that takes the first of each list validates, and its body has exactly those fields.
    @Test func `a body for any known model holds what that model lists, as text, without a null`() throws {
        let recorded = try #require(JSON(try recordedCatalogue()))
        let models = try #require(ModelCatalogue(recorded)).models
        #expect(models.count == 116)
        for model in models {
            let request = model.fullRequest
            #expect(request.validate(against: model) == [], "\(model.id)")
            let body = try #require(JSON(text(try QueueRequest(request, model: model).parts).utf8)?.object)
            #expect(body["model"] == .string(model.id))
            #expect((body["duration"] != nil) == !model.followsSourceLength, "\(model.id)")
            #expect((body["resolution"] != nil) == (!model.isUpscaler && !model.resolutions.isEmpty), "\(model.id)")
            #expect((body["aspect_ratio"] != nil) == !model.aspectRatios.isEmpty, "\(model.id)")
            #expect((body["audio"] != nil) == (model.sound == .known(.optional)), "\(model.id)")
            #expect((body["prompt"] != nil) == !model.isUpscaler, "\(model.id)")
            #expect((body["upscale_factor"] != nil) == model.isUpscaler, "\(model.id)")
            #expect((body["video_url"] != nil) == model.takesVideo, "\(model.id)")
            #expect(body["seed"] == nil)
            #expect(!body.values.contains(.null))
        }
    }
}

extension VideoModel {
    /// A request that names everything the model lists, and no more.
    fileprivate var fullRequest: VideoRequest {
        var request = VideoRequest(model: id, prompt: isUpscaler ? nil : "A boat")
        request.duration = followsSourceLength ? nil : durations.first
        request.resolution = isUpscaler ? nil : resolutions.first
        request.aspectRatio = aspectRatios.first
        request.audio = sound == .known(.optional) ? true : nil
        request.upscaleFactor = isUpscaler ? 2 : nil
        if self[.image]?.need == .known(.required) { request.image = .url("https://a.example/i.png") }
        if self[.endImage]?.need == .known(.required) { request.endImage = .url("https://a.example/e.png") }
        if takesVideo { request.video = .url("https://a.example/v.mp4") }
        if takesReferences { request.referenceImages = [.url("https://a.example/r.png")] }
        return request
    }
}
