import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// The recorded catalogue, read as the client reads it.
let recordedModels: [VideoModel] = {
    guard let bytes = try? recordedCatalogue(), let json = JSON(bytes), let list = ModelCatalogue(json) else {
        return []
    }
    return list.models
}()

func recordedModel(_ id: String) throws -> VideoModel {
    try #require(recordedModels.first { $0.id == id }, "\(id) is not in the catalogue")
}

extension MediaSource {
    static let picture = MediaSource.url("https://media.example.com/p.png")
    static let clip = MediaSource.url("https://media.example.com/c.mp4")
    static let sound = MediaSource.url("https://media.example.com/s.mp3")
    static let page = MediaSource.url("https://media.example.com/page")
}

extension VideoModel {
    /// What the model cannot do without, each with the first of what it lists.
    var plainRequest: VideoRequest {
        func isNeeded(_ field: VideoRequest.Field) -> Bool { self[field]?.need == .known(.required) }
        var request = VideoRequest(model: id)
        if isNeeded(.prompt) { request.prompt = "A gondola in the fog" }
        if !followsSourceLength { request.duration = durations.first }
        if takes(.resolution) { request.resolution = resolutions.first }
        if takes(.aspectRatio) { request.aspectRatio = aspectRatios.first }
        if isNeeded(.image) { request.image = .picture }
        if isNeeded(.endImage) { request.endImage = .picture }
        if isNeeded(.video) { request.video = .clip }
        // A reference model needs at least one thing to look at.
        if id.contains("reference-to-video") { request.referenceImages = [.picture] }
        return request
    }
}

/// A value for each field of a request, good at any model that takes the field.
let sampleValues: [(field: VideoRequest.Field, set: @Sendable (inout VideoRequest) -> Void)] = [
    (.prompt, { $0.prompt = "A gondola" }), (.negativePrompt, { $0.negativePrompt = "blur" }),
    (.audio, { $0.audio = false }), (.upscaleFactor, { $0.upscaleFactor = 4 }), (.image, { $0.image = .picture }),
    (.endImage, { $0.endImage = .picture }), (.audioTrack, { $0.audioTrack = .sound }), (.video, { $0.video = .clip }),
    (.referenceImages, { $0.referenceImages = [.picture] }),
    (
        .referenceVideos,
        {
            $0.referenceVideos = [.clip]
            $0.referenceVideoSeconds = 5
        }
    ),
    (.referenceAudios, { $0.referenceAudios = [.sound] }), (.referenceDocuments, { $0.referenceDocuments = [.page] }),
    (.elements, { $0.elements = [.init(frontalImage: .picture, referenceImages: [.picture], video: nil)] }),
    (.sceneImages, { $0.sceneImages = [.picture] }),
    (.keyframes, { $0.keyframes = [.init(image: .picture, frame: 0), .init(image: .picture, frame: 24)] }),
    (.imageReferences, { $0.imageReferences = [.init(image: .picture, role: .known(.subject), name: "a")] }),
    (.videoReferences, { $0.videoReferences = [.init(video: .clip, name: "b", audio: .sound)] }),
    (
        .cameraPath,
        {
            $0.cameraPath = [
                .init(time: 0, azimuth: -30, elevation: 0, distance: 1.5),
                .init(time: 1, azimuth: 30, elevation: 12.5, distance: 2),
            ]
        }
    ),
    (.referenceTask, { $0.referenceTask = .known(.reference) }), (.bitrate, { $0.bitrate = .known(.high) }),
    (.voice, { $0.voice = "anna" }),
]

extension VideoRequest {
    /// Every field of the protocol at once.
    static func everything(_ model: String) -> VideoRequest {
        var request = VideoRequest(model: model, prompt: "A boat")
        (request.duration, request.resolution, request.aspectRatio) = ("5s", "720p", "16:9")
        for value in sampleValues { value.set(&request) }
        return request
    }
}

extension VideoModel {
    /// A model that takes every field of the protocol.
    static var omnivore: VideoModel {
        var model = VideoModel.sample("omnivore", kind: .imageToVideo, durations: ["5s"], sound: .optional)
        for field in VideoRequest.Field.allCases { model.inputs[field.rawValue] = ModelInput() }
        return model
    }
}

extension [HTTPRequest.Part] {
    /// The body as it would be sent, files read.
    var text: String { HTTPRequest("POST", "https://a.example", body: .parts(self)).bodyText }
    var object: [String: JSON] { JSON(text.utf8)?.object ?? [:] }
}

/// Compares with `Fixtures/name`, which `UPDATE_GOLDEN=1` writes instead.
func expectGolden(_ name: String, _ text: String, source: SourceLocation = #_sourceLocation) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)")
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
        try Data((text + "\n").utf8).write(to: file)
    }
    let golden = try String(contentsOf: file, encoding: .utf8)
    #expect(text + "\n" == golden, sourceLocation: source)
}
