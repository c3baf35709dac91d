import ArgumentParser
import Foundation
import HTTPTransport
import VeniceTransport
import VideoModels

/// Answers a second, through the whole client, against `JSONSerialization` reading the same bytes.
struct Decode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Answers read a second, against JSONSerialization.")

    @Option(help: "The recorded models.") var models = Recorded.defaultPath

    func run() async throws {
        let processing = #"{"status":"PROCESSING","average_execution_time":145000,"execution_duration":53200}"#
        try await measure("retrieve", processing, count: 20_000, limit: 12) {
            _ = try await $0.retrieve(model: "m", queueID: "q")
        }
        let model = try await Recorded.models(models)[0]
        let request = try QueueRequest(VideoRequest(model: model.id, prompt: "p"), model: model)
        let receipt =
            #"{"model":"m","queue_id":"123e4567-e89b-12d3-a456-426614174000","download_url":"https://v.ai/x"}"#
        try await measure("queue", receipt, count: 20_000, limit: 20) { _ = try await $0.queue(request) { _ in } }
        let list = try Recorded.list(models)
        try await measure("models", list, count: 20, limit: 6) { _ = try await $0.models() }
    }

    private func measure(
        _ name: String, _ text: String, count: Int, limit: Double, _ call: (VeniceClient) async throws -> Void
    ) async throws {
        let bytes = Array(text.utf8)
        let client = VeniceClient(VeniceAccount(id: "bench", key: Redacted("key")), http: Canned(body: bytes))
        let time = try await seconds { for _ in 0..<count { try await call(client) } }
        let data = Data(bytes)
        let peer = try await seconds { for _ in 0..<count { _ = try JSONSerialization.jsonObject(with: data) } }
        try compare(
            "\(name) (\(bytes.count) bytes)", time, with: "JSONSerialization", peer, count: Double(count),
            unit: "documents", limit: limit)
    }
}

/// Answers everything with the same bytes.
struct Canned: HTTPClient {
    let body: [UInt8]

    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        HTTPResponse(status: 200, headers: ["Content-Type": "application/json"], body: HTTPResponseBody([body]))
    }
}

/// The upstream's models as they were recorded, in the shape of its answer.
enum Recorded {
    static let defaultPath = "Sources/VeniceSimulator/Resources/video-models.json"

    static func list(_ path: String) throws -> String {
        let file = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        guard let root = file as? [String: Any], let models = root["models"] as? [[String: Any]],
            let constraints = root["constraints"] as? [String: Any]
        else { throw ValidationError("\(path) does not hold the recorded models") }
        let data = models.map { model in
            var model = model
            var spec = model["model_spec"] as? [String: Any] ?? [:]
            spec["constraints"] = (model["id"] as? String).flatMap { constraints[$0] }
            model["model_spec"] = spec
            return model
        }
        let list: [String: Any] = ["object": "list", "type": "video", "data": data]
        return String(decoding: try JSONSerialization.data(withJSONObject: list), as: UTF8.self)
    }

    static func models(_ path: String) async throws -> [VideoModel] {
        let list = Array(try list(path).utf8)
        let client = VeniceClient(VeniceAccount(id: "bench", credential: .anonymous), http: Canned(body: list))
        return try await client.models().models
    }
}
