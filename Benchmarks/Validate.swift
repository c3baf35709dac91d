import ArgumentParser
import Foundation
import VideoModels

/// Requests checked a second, over every recorded model, against writing the same requests as JSON.
struct Validate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Requests checked a second, against encoding them.")

    @Option(help: "The recorded models.") var models = Recorded.defaultPath

    func run() async throws {
        let pairs = try await Recorded.models(models).map { (model: $0, request: Self.request(for: $0)) }
        let rounds = 200
        var findings = 0
        let time = await seconds {
            for _ in 0..<rounds { for (model, request) in pairs { findings += request.validate(against: model).count } }
        }
        let encoder = JSONEncoder()
        let peer = try await seconds {
            for _ in 0..<rounds { for (_, request) in pairs { _ = try encoder.encode(request) } }
        }
        try compare(
            "validate (\(pairs.count) models)", time, with: "JSONEncoder", peer, count: Double(rounds * pairs.count),
            unit: "requests", limit: 3)
    }

    private static func request(for model: VideoModel) -> VideoRequest {
        var request = VideoRequest(model: model.id, prompt: String(repeating: "A boat at dusk. ", count: 30))
        request.duration = model.durations.first
        request.resolution = model.resolutions.first
        request.aspectRatio = model.aspectRatios.first
        if model.kind != .known(.textToVideo) { request.image = .url("https://example.com/start.png") }
        return request
    }
}
