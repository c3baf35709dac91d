import Foundation
import HTTPTransport
import Logging
import TestSupport
import Testing
import VideoModels

@testable import SyncService
@testable import VeniceTransport

/// What a refusal teaches, and how long it lasts.
@Suite struct ModelDirectoryTests {
    private static func listing(durations: String) -> ScriptedHTTPClient.Step {
        .json(
            """
            {"data": [{"id": "a-image-to-video", "model_spec": {"constraints":
              {"model_type": "image-to-video", "durations": [\(durations)], "resolutions": [], "aspect_ratios": []}}}]}
            """)
    }

    private static func refusal(_ findings: Finding..., status: Int? = 400) -> VeniceError {
        .invalid(findings, VeniceEvidence(endpoint: .quote, status: status, message: "Invalid request parameters"))
    }

    private static let shorter = Finding(field: "duration", code: .notAllowed, message: "Invalid", allowed: ["3s"])
    private static let noEnd = Finding(
        field: "end_image", code: .notSupported, message: "This model does not support end_image_url")

    private func with(
        _ steps: ScriptedHTTPClient.Step..., body: (ModelDirectory) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let venice = VeniceClient(
                VeniceAccount(id: "main", key: Redacted("k")), http: ScriptedHTTPClient(steps))
            var log = Logger(label: "test")
            log.logLevel = .critical
            let directory = ModelDirectory(store: database.store, venice: venice, refreshInterval: 60, log: log)
            await directory.load()
            try await body(directory)
        }
    }

    private func model(_ directory: ModelDirectory) -> VideoModel? {
        if case .found(let model) = directory.find("a-image-to-video") { model } else { nil }
    }

    @Test func `a refusal corrects the model at once, and the next listing only what it speaks of`() async throws {
        try await with(Self.listing(durations: "\"5s\""), Self.listing(durations: "\"5s\", \"8s\"")) { directory in
            #expect(model(directory)?.takes(.endImage) == true)
            directory.learn(from: Self.refusal(Self.shorter, Self.noEnd), about: "a-image-to-video")
            #expect(model(directory)?.durations == ["3s"])
            #expect(model(directory)?.takes(.endImage) == false)
            #expect(await directory.refresh())
            #expect(model(directory)?.durations == ["5s", "8s"])
            #expect(model(directory)?.takes(.endImage) == false)
        }
    }

    @Test func `our own refusals and other answers teach nothing`() async throws {
        try await with(Self.listing(durations: "\"5s\"")) { directory in
            let before = model(directory)
            directory.learn(from: Self.refusal(Self.noEnd, status: nil), about: "a-image-to-video")
            directory.learn(from: Self.refusal(Self.noEnd, status: 422), about: "a-image-to-video")
            directory.learn(
                from: .throttled(retryAfter: nil, VeniceEvidence(endpoint: .quote, status: 429, message: "")),
                about: "a-image-to-video")
            directory.learn(from: Self.refusal(Self.noEnd), about: "another")
            #expect(model(directory) == before)
            #expect(directory.all.count == 1)
        }
    }
}
