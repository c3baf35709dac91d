import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

let sampleKey = "VENICE_INFERENCE_KEY_TOPSECRET"
let mp4 = Array("\0\0\0\u{18}ftypisom\0\0\u{02}\0isomiso2".utf8)

extension VeniceClient {
    init(_ http: ScriptedHTTPClient) {
        self.init(VeniceAccount(id: "main", key: Redacted(sampleKey)), http: http)
        now = { Date(timeIntervalSince1970: 1_800_000_000) }
    }

    init(_ steps: ScriptedHTTPClient.Step...) { self.init(ScriptedHTTPClient(steps)) }
}

extension VideoModel {
    static func sample(
        _ id: String = "wan-2.5-preview-text-to-video", kind: Kind = .textToVideo, durations: [String] = ["5s", "10s"],
        resolutions: [String] = ["480p", "720p"], aspectRatios: [String] = ["16:9", "9:16"], sound: Sound = .always
    ) -> VideoModel {
        VideoModel(
            id: id, name: id, kind: .known(kind), durations: durations, resolutions: resolutions,
            aspectRatios: aspectRatios, sound: .known(sound))
    }
}

extension VideoRequest {
    static var sample: VideoRequest {
        var request = VideoRequest(model: "wan-2.5-preview-text-to-video", prompt: "A \"boat\"\nat dusk")
        request.duration = "5s"
        request.resolution = "720p"
        request.aspectRatio = "16:9"
        return request
    }
}

/// Every model of the recorded catalogue, in the shape of the models endpoint.
func recordedCatalogue() throws -> [UInt8] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Sources/VeniceSimulator/Resources/video-models.json")
    let root = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as! [String: Any]
    let constraints = root["constraints"] as! [String: Any]
    let models = (root["models"] as! [[String: Any]]).map { model in
        var model = model
        var spec = model["model_spec"] as! [String: Any]
        spec["constraints"] = constraints[model["id"] as! String]
        model["model_spec"] = spec
        return model
    }
    let list: [String: Any] = ["object": "list", "type": "video", "data": models]
    return Array(try JSONSerialization.data(withJSONObject: list))
}

/// A generator whose numbers follow from its seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// What a call throws; nil when it succeeds.
func failure<Value>(_ call: () async throws(VeniceError) -> Value) async -> VeniceError? {
    do throws(VeniceError) {
        _ = try await call()
        return nil
    } catch {
        return error
    }
}

/// Says what went wrong; unlike `Issue.record` it can end a test in one statement.
func report(_ words: String, source: SourceLocation = #_sourceLocation) {
    Issue.record(Comment(rawValue: words), sourceLocation: source)
}

extension VeniceError {
    /// The case alone, for tables.
    var word: String {
        if case .throttled = self { return "throttled" }
        return String("\(self)".prefix { $0 != ":" && $0 != "(" }).trimmingCharacters(in: .whitespaces)
    }
}

/// A file that is gone when nobody holds it any more.
final class TemporaryFile: Sendable {
    let path: String

    init(_ bytes: [UInt8]) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("gondola-\(UUID().uuidString)").path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
