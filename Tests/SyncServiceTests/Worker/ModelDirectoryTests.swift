import Foundation
import HTTPTransport
import Logging
import Synchronization
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

    /// A time that passes only when told.
    private final class Watch: Sendable {
        private let time = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
        var now: Date { time.withLock { $0 } }
        func pass(_ seconds: TimeInterval) { time.withLock { $0 += seconds } }
    }

    private func with(
        _ steps: ScriptedHTTPClient.Step..., watch: Watch = Watch(), body: (ModelDirectory) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let venice = VeniceClient(
                VeniceAccount(id: "main", key: Redacted("k")), http: ScriptedHTTPClient(steps))
            var log = Logger(label: "test")
            log.logLevel = .critical
            let directory = ModelDirectory(
                store: database.store, venice: venice, refreshInterval: 60, log: log, now: { watch.now })
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

    @Test func `a lesson lasts an hour, whether or not a listing could contradict it`() async throws {
        let watch = Watch()
        try await with(Self.listing(durations: "\"5s\""), watch: watch) { directory in
            let before = try #require(model(directory))
            let needed = Finding(field: "voice", code: .required, message: "Required")
            directory.learn(from: Self.refusal(Self.shorter, needed), about: "a-image-to-video")
            watch.pass(1800)
            directory.learn(from: Self.refusal(Self.noEnd), about: "a-image-to-video")
            watch.pass(1799)
            #expect(model(directory)?.durations == ["3s"])
            #expect(model(directory)?[.voice]?.need == .known(.required))
            watch.pass(1)
            #expect(model(directory)?.durations == ["5s"])
            #expect(model(directory)?[.voice] == before[.voice])
            #expect(directory.all.first?.takes(.endImage) == false)
            watch.pass(1800)
            #expect(model(directory) == before)
            #expect(directory.all == [before])
        }
    }

    @Test func `a lesson can be learned anew, and a clock that is set back ends it`() async throws {
        let watch = Watch()
        try await with(Self.listing(durations: "\"5s\""), watch: watch) { directory in
            let before = model(directory)
            for _ in 0..<2 {
                directory.learn(from: Self.refusal(Self.noEnd), about: "a-image-to-video")
                #expect(model(directory)?.takes(.endImage) == false)
                watch.pass(3600)
                #expect(model(directory) == before)
            }
            directory.learn(from: Self.refusal(Self.noEnd), about: "a-image-to-video")
            watch.pass(-1)
            #expect(model(directory) == before)
        }
    }

    @Test func `of two lessons on the same the newer holds`() async throws {
        try await with(Self.listing(durations: "\"5s\"")) { directory in
            let longer = Finding(field: "duration", code: .notAllowed, message: "Invalid", allowed: ["9s"])
            directory.learn(from: Self.refusal(Self.shorter, longer), about: "a-image-to-video")
            #expect(model(directory)?.durations == ["9s"])
            directory.learn(from: Self.refusal(Self.shorter), about: "a-image-to-video")
            #expect(model(directory)?.durations == ["3s"])
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
