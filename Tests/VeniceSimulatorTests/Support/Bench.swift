import Foundation

@testable import VeniceSimulator

/// A simulator on a socket with a clock that the test moves, and a client for it.
struct Bench: Sendable {
    let simulator: Simulator
    let clock: HandClock
    let client: PlainClient

    /// Videos are made once for all tests of a run.
    static let media = FileManager.default.temporaryDirectory.appendingPathComponent("venice-simulator-tests-media")

    /// Renders in exactly 100 s of the clock unless told otherwise.
    static func settings(_ clock: HandClock) -> Configuration {
        var settings = Configuration(mediaDirectory: media)
        settings.clock = clock
        settings.mediaVariants = 1
        // The clock stands still between two calls.
        settings.shortestPoll = 0
        settings.renderLaw = RenderLaw(
            medians: Dictionary(uniqueKeysWithValues: ModelKind.allCases.map { ($0, 100) }), sigma: 0)
        return settings
    }

    /// One setting that differs from the bench's own.
    struct Change: Sendable {
        let apply: @Sendable (inout Configuration) -> Void

        static func set<Value: Sendable>(
            _ path: any WritableKeyPath<Configuration, Value> & Sendable, _ value: Value
        ) -> Change {
            Change { $0[keyPath: path] = value }
        }
    }

    /// Starts, runs the body, and ends the simulator however the body ends.
    static func with(_ changes: Change..., body: (Bench) async throws -> Void) async throws {
        let clock = HandClock()
        var settings = settings(clock)
        for change in changes { change.apply(&settings) }
        let simulator = try await Simulator.start(settings)
        do {
            try await body(Bench(simulator: simulator, clock: clock, client: PlainClient(simulator.baseURL)))
        } catch {
            try await simulator.shutdown()
            throw error
        }
        try await simulator.shutdown()
    }

    func get(_ path: String, key: String? = Sample.key, headers: [String: String] = [:]) async throws
        -> PlainClient.Reply
    {
        var headers = headers
        if let key { headers["Authorization"] = "Bearer \(key)" }
        return try await client.call("GET", path, headers: headers)
    }

    /// The path of a job's private link.
    func path(_ job: Queued) throws -> String {
        guard let link = job.link else { throw PlainClient.Broken(what: "the job has no link") }
        return String(link.dropFirst(simulator.baseURL.count))
    }

    func post(_ name: String, _ body: JSONValue, key: String? = Sample.key) async throws -> PlainClient.Reply {
        var headers = ["Content-Type": "application/json"]
        if let key { headers["Authorization"] = "Bearer \(key)" }
        return try await client.call("POST", "/api/v1/video/\(name)", headers: headers, body: body.bytes)
    }

    /// Queues a body that must be accepted.
    func queue(_ body: JSONValue, key: String = Sample.key) async throws -> Queued {
        let reply = try await post("queue", body, key: key)
        guard reply.status == 200, let id = reply.json["queue_id"]?.string, let model = reply.json["model"]?.string
        else { throw PlainClient.Broken(what: "queue: \(reply.status) \(String(decoding: reply.body, as: UTF8.self))") }
        return Queued(model: model, id: id, link: reply.json["download_url"]?.string)
    }

    struct Queued: Sendable {
        var model: String
        var id: String
        var link: String?
    }

    func retrieve(_ job: Queued, deletes: Bool? = nil, key: String = Sample.key) async throws -> PlainClient.Reply {
        var body: [String: JSONValue] = ["model": .string(job.model), "queue_id": .string(job.id)]
        if let deletes { body["delete_media_on_completion"] = .bool(deletes) }
        return try await post("retrieve", .object(body), key: key)
    }

    /// Waits for the files and moves the clock past every rendering.
    func finishRendering() async {
        await simulator.waitForMedia()
        clock.advance(seconds: 1_000)
    }

    func kinds() async throws -> [Ledger.Violation.Kind] { try await simulator.ledger().violations.map(\.kind) }
}
