import Foundation
import HTTPTransport
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// PROTOCOL §20: where sources disagree, row by row, the behaviour that gets along with all of them.
struct DisagreementTests {
    @Test func `all rows from 1 to 46 are here, each once`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let files = ["DisagreementTests.swift", "DisagreementTests+Second.swift"]
        let text = try files.map { try String(contentsOf: folder.appending(path: $0), encoding: .utf8) }.joined()
        let rows = text.matches(of: #/func `row (\d+):/#).compactMap { Int($0.1) }
        #expect(rows.sorted() == Array(1...46))
    }

    /// The body that a call sends.
    private func sent(_ call: (VeniceClient) async throws -> Void) async -> HTTPRequest? {
        let http = ScriptedHTTPClient()
        try? await call(VeniceClient(http))
        return http.requests.first
    }

    private func status(_ body: String) async throws -> RetrieveOutcome {
        try await VeniceClient(.json(body)).retrieve(model: "m", queueID: "q")
    }

    @Test func `row 1: the job's id is read in four spellings and sent in one`() async throws {
        for key in ["queue_id", "queueid", "id", "queueId"] {
            #expect(QueueReceipt(body: Array(#"{"\#(key)":"q-1"}"#.utf8), requestedModel: "m")?.queueID == "q-1")
        }
        let body = await sent { _ = try await $0.retrieve(model: "m", queueID: "q-1") }?.bodyText
        #expect(body == #"{"model":"m","queue_id":"q-1"}"#)
    }

    @Test func `row 2: all spellings of the timings are read, and none is needed`() async throws {
        for (usual, elapsed) in [
            ("average_execution_time", "execution_duration"), ("estimatedDuration", "executionDuration"),
            ("averageExecutionTime", "executionDuration"),
        ] {
            let body = #"{"status":"PROCESSING","\#(usual)":60000,"\#(elapsed)":1500}"#
            guard case .processing(let timings) = try await status(body) else { return report("\(body)") }
            #expect(timings.usual == .seconds(60))
            #expect(timings.elapsed == .milliseconds(1500))
        }
        guard case .processing(let none) = try await status(#"{"status":"PROCESSING"}"#) else {
            return report("not processing")
        }
        #expect(none.usual == nil && none.elapsed == nil)
    }

    @Test func `row 3: letter case of a status is nothing, an unknown word means patience, words of failure an end`()
        async throws
    {
        for word in ["PROCESSING", "processing", "queued", "running", "pending", "in_progress", "levitating"] {
            guard case .processing = try await status(#"{"status":"\#(word)"}"#) else { return report("\(word)") }
        }
        for word in ["COMPLETED", "completed", "Completed"] {
            guard case .completed = try await status(#"{"status":"\#(word)"}"#) else { return report("\(word)") }
        }
        for word in ["failed", "FAILED", "error", "cancelled", "expired", "rejected"] {
            guard case .failed = try await status(#"{"status":"\#(word)"}"#) else { return report("\(word)") }
        }
    }

    @Test func `row 4: retrieve and complete always name the model`() async throws {
        let retrieve = await sent { _ = try await $0.retrieve(model: "m", queueID: "q") }
        let complete = await sent { try await $0.complete(model: "m", queueID: "q") }
        #expect(retrieve?.bodyText.contains(#""model":"m""#) == true)
        #expect(complete?.bodyText == #"{"model":"m","queue_id":"q"}"#)
    }

    @Test func `row 5: retrieve is a POST without a query`() async throws {
        let request = await sent { _ = try await $0.retrieve(model: "m", queueID: "q") }
        #expect(request?.method == "POST")
        #expect(request?.url == "https://api.venice.ai/api/v1/video/retrieve")
    }

    @Test func `row 6: a duration goes as text and is read as text or number`() throws {
        let body = try QueueRequest(.sample, model: .sample()).parts.object
        #expect(body["duration"] == .string("5s"))
        let listed = #"{"data":[{"id":"a","model_spec":{"constraints":{"model_type":"video","durations":[5,"10s"]}}}]}"#
        let catalogue = try #require(JSON(listed.utf8).flatMap { ModelCatalogue($0) })
        #expect(catalogue.models.first?.durations == ["5s", "10s"])
    }

    private func refusal(_ words: String) -> VeniceError {
        VeniceError(
            .queue, status: 400, headers: AnswerHeaders([:]), body: Array(#"{"error":"\#(words)"}"#.utf8), now: Date())
    }

    @Test func `row 7: a model that follows its source gets no duration, and seconds as text once it asks`() throws {
        let models = recordedModels.filter(\.followsSourceLength)
        #expect(models.count == 5)
        for model in models {
            var request = model.plainRequest
            request.duration = "12.5"
            let first = try QueueRequest(request, model: model)
            #expect(first.parts.object["duration"] == nil)
            let second = try #require(first.corrected(after: refusal("duration is required")))
            #expect(second.parts.object["duration"] == .string("12.5"))
            #expect(second.corrected(after: refusal("duration is required")) == nil)
        }
    }

    @Test func `row 8: an upscaler gets no prompt, and one once it asks`() throws {
        let model = try recordedModel("topaz-video-upscale")
        let first = try QueueRequest(model.plainRequest, model: model)
        #expect(first.parts.object["prompt"] == nil)
        let second = try #require(first.corrected(after: refusal("prompt is required")))
        #expect(second.parts.object["prompt"] != nil)
        #expect(second.corrected(after: refusal("prompt is required")) == nil)
    }

    @Test func `row 9: an aspect ratio is sent exactly where the model lists some`() throws {
        for model in recordedModels {
            var request = model.plainRequest
            request.aspectRatio = model.aspectRatios.first ?? "16:9"
            let body = try QueueRequest(request, model: model).parts.object
            #expect((body["aspect_ratio"] == nil) == model.aspectRatios.isEmpty, "\(model.id)")
            request.aspectRatio = nil
            let missed = request.validate(against: model).contains { $0.field == "aspect_ratio" }
            #expect(missed == !model.aspectRatios.isEmpty, "\(model.id)")
        }
    }

    @Test func `row 10: sound is switched only where it can be`() throws {
        for model in recordedModels {
            var request = model.plainRequest
            request.audio = true
            let body = try QueueRequest(request, model: model).parts.object
            #expect((body["audio"] != nil) == (model.sound == .known(.optional)), "\(model.id)")
        }
    }

    @Test func `row 11: the flag for sound is audio_configurable and no other`() throws {
        func sound(_ flags: String) -> Open<VideoModel.Sound>? {
            let text =
                #"{"data":[{"id":"a","model_spec":{"constraints":{"model_type":"video","durations":["5s"],\#(flags)}}}]}"#
            return JSON(text.utf8).flatMap { ModelCatalogue($0) }?.models.first?.sound
        }
        #expect(sound(#""audio":true,"audio_configurable":true"#) == .known(.optional))
        #expect(sound(#""audio":true,"supportsAudioConfig":true"#) == .known(.always))
    }

    @Test func `row 12: the longest prompt is the model's own, else 2500 characters`() throws {
        let told = recordedModels.filter { $0.promptCharacterLimit != 2500 }
        #expect(told.count == 29)
        for model in recordedModels where !model.isUpscaler {
            var request = model.plainRequest
            request.prompt = String(repeating: "x", count: model.promptCharacterLimit)
            #expect(request.validate(against: model) == [], "\(model.id)")
            request.prompt? += "x"
            #expect(request.validate(against: model).map(\.field) == ["prompt"], "\(model.id)")
        }
    }

    @Test func `row 13: a negative prompt is sent as given or not at all`() throws {
        for model in recordedModels {
            var request = model.plainRequest
            #expect(try QueueRequest(request, model: model).parts.object["negative_prompt"] == nil)
            request.negativePrompt = "blur"
            let body = try QueueRequest(request, model: model).parts.object
            #expect(body["negative_prompt"] == (model.takes(.negativePrompt) ? .string("blur") : nil))
        }
    }

    @Test func `row 14: no body of any model names a seed`() throws {
        for model in recordedModels + [.omnivore] {
            let request = VideoRequest.everything(model.id)
            for text in [
                try QueueRequest(request, model: model, consent: .seedance).parts.text,
                try QuoteRequest(request, model: model).parts.text,
            ] {
                #expect(!text.contains("seed\"") && !text.contains("camera_fixed") && !text.contains("safe_mode"))
            }
        }
    }

    @Test func `row 15: references are capped by family, and at four pictures where none is known`() {
        func most(_ id: String, _ field: VideoRequest.Field = .referenceImages) -> Int? {
            VideoModel.sample(id, kind: .imageToVideo)[field]?.most
        }
        #expect(most("seedance-2-5-reference-to-video-basic") == 30)
        #expect(most("seedance-2-5-reference-to-video-basic", .referenceVideos) == 10)
        #expect(most("seedance-2-0-reference-to-video-basic") == 9)
        #expect(most("seedance-2-0-reference-to-video-basic", .referenceAudios) == 3)
        #expect(most("wan-3-0-reference-to-video") == 10)
        #expect(most("wan-3-0-reference-to-video", .referenceDocuments) == 1)
        #expect(most("nobody-knows-reference-to-video") == 4)
        #expect(most("nobody-knows-reference-to-video", .referenceVideos) == nil)
    }

    @Test func `row 16: there are at most four elements`() {
        let models = recordedModels.filter { $0.takes(.elements) }
        #expect(!models.isEmpty)
        for model in models { #expect(model[.elements]?.most == 4, "\(model.id)") }
    }

    @Test func `row 17: reference pictures go as reference_image_urls`() throws {
        for model in recordedModels where model.takesReferences {
            var request = model.plainRequest
            request.referenceImages = [.picture]
            let body = try QueueRequest(request, model: model).parts.object
            #expect(body["reference_image_urls"]?.array?.count == 1)
            #expect(body["image_urls"] == nil && body["referenceImageUrls"] == nil)
        }
    }

    @Test func `row 18: the length of all reference clips is for the price alone, and capped by model`() throws {
        for model in recordedModels where model.takes(.referenceVideos) {
            var request = model.plainRequest
            request.referenceVideos = [.clip]
            request.referenceVideoSeconds = 12.5
            let quote = try QuoteRequest(request, model: model).parts.object
            #expect(quote["reference_video_total_duration"] == .number("12.5"))
            #expect(try QueueRequest(request, model: model).parts.object["reference_video_total_duration"] == nil)
            let most = model[.referenceVideoSeconds]?.longestSeconds
            #expect(most == 15 || most == 30, "\(model.id)")
        }
    }

    @Test func `row 19: an upscale is priced by its clip, with the key`() async throws {
        let model = try recordedModel("topaz-video-upscale")
        let quote = try QuoteRequest(model.plainRequest, model: model)
        let request = await sent { _ = try await $0.quote(quote) }
        #expect(request?.headers["Authorization"] != nil)
        #expect(request?.bodyText == #"{"model":"topaz-video-upscale","video_url":"https://media.example.com/c.mp4"}"#)
    }

    @Test func `row 20: a quote carries the key where there is one`() async throws {
        let quote = try QuoteRequest(.sample, model: .sample())
        #expect(await sent { _ = try await $0.quote(quote) }?.headers["Authorization"] == "Bearer \(sampleKey)")
        let http = ScriptedHTTPClient(.json(#"{"quote":1}"#))
        let anonymous = VeniceClient(VeniceAccount(id: "a", credential: .anonymous), http: http)
        #expect(try await anonymous.quote(quote) == Money("1"))
        #expect(http.requests.first?.headers["Authorization"] == nil)
    }

    @Test func `row 21: a quote names no prompt, and its answer may or may not name a currency`() async throws {
        let quote = try QuoteRequest(.sample, model: .sample())
        #expect(quote.parts.object["prompt"] == nil)
        #expect(try await VeniceClient(.json(#"{"quote":0.5}"#)).quote(quote) == Money("0.5"))
        #expect(try await VeniceClient(.json(#"{"quote":0.5,"currency":"USD"}"#)).quote(quote) == Money("0.5"))
        let foreign = await failure { () throws(VeniceError) in
            try await VeniceClient(.json(#"{"quote":0.5,"currency":"EUR"}"#)).quote(quote)
        }
        #expect(foreign?.word == "unexpected answer")
    }

    @Test func `row 22: complete is best effort`() async throws {
        for (status, body) in [(200, "{}"), (400, #"{"error":"Request ID is invalid."}"#), (404, ""), (410, "")] {
            #expect(try await !VeniceClient(.json(body, status: status)).complete(model: "m", queueID: "q"))
        }
        #expect(try await VeniceClient(.json(#"{"success":true}"#)).complete(model: "m", queueID: "q"))
    }

    @Test func `row 23: nothing is deleted by the retrieve that fetches, only by one that is told to`() async throws {
        let fetch = await sent { _ = try await $0.retrieve(model: "m", queueID: "q") }
        let clean = await sent { _ = try await $0.retrieve(model: "m", queueID: "q", deleteMedia: true) }
        #expect(fetch?.bodyText.contains("delete_media_on_completion") == false)
        #expect(clean?.bodyText.contains(#""delete_media_on_completion":true"#) == true)
    }
}
