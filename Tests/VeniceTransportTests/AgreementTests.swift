import Foundation
import HTTPTransport
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

@testable import VeniceTransport

/// The client's bodies against the upstream's double, on a socket: what the capabilities allow is accepted, what they do
/// not is refused by both.
@Suite(.serialized) struct AgreementTests {
    /// A simulator that no number of calls exhausts, and a client with the recorded models as it lists them.
    private static func withVenice(_ body: (VeniceClient, [VideoModel]) async throws -> Void) async throws {
        let media = FileManager.default.temporaryDirectory.appending(path: "gondola-test-media")
        var configuration = VeniceSimulator.Configuration(mediaDirectory: media)
        configuration.queueLimitPerMinute = 1_000_000
        configuration.failureLimit = 1_000_000
        configuration.balance = Cents(1_000_000_000)
        // A picture is as good as another here, and making them takes longer than the test.
        configuration.mediaVariants = 1
        let simulator = try await Simulator.start(configuration)
        let account = VeniceAccount(id: "main", baseURL: simulator.baseURL + "/api/v1", key: Redacted(sampleKey))
        let client = VeniceClient(account, http: CurlHTTPClient())
        let result: Result<Void, any Error>
        do {
            let models = try await client.models().models
            #expect(models.count == 116)
            result = .success(try await body(client, models))
        } catch {
            result = .failure(error)
        }
        try await simulator.shutdown()
        try result.get()
    }

    /// What the upstream says to a body; nil when it takes it.
    private static func refusal(
        _ client: VeniceClient, _ request: VideoRequest, _ model: VideoModel
    ) async throws -> VeniceError? {
        let body = try QueueRequest(request, model: model)
        return await failure { () throws(VeniceError) in try await client.queue(body) { _ in } }
    }

    @Test func `a request made from a model's capabilities validates, is priced and is accepted`() async throws {
        try await Self.withVenice { client, models in
            for model in models {
                let request = model.plainRequest
                #expect(request.validate(against: model) == [], "\(model.id)")
                let price = try await client.quote(QuoteRequest(request, model: model))
                #expect(price > .zero)
                let error = try await Self.refusal(client, request, model)
                #expect(error == nil, "\(model.id)")
            }
        }
    }

    @Test func `every word of a model's lists is accepted`() async throws {
        try await Self.withVenice { client, models in
            for model in models {
                var requests: [VideoRequest] = []
                func add(_ set: (inout VideoRequest) -> Void) {
                    var request = model.plainRequest
                    set(&request)
                    requests.append(request)
                }
                if !model.followsSourceLength { for word in model.durations { add { $0.duration = word } } }
                if model.takes(.resolution) { for word in model.resolutions { add { $0.resolution = word } } }
                for word in model.aspectRatios { add { $0.aspectRatio = word } }
                if model.sound == .known(.optional) { for audio in [true, false] { add { $0.audio = audio } } }
                if model.isUpscaler { for factor in [1, 2, 4] { add { $0.upscaleFactor = factor } } }
                for request in requests {
                    #expect(request.validate(against: model) == [], "\(model.id)")
                    let error = try await Self.refusal(client, request, model)
                    #expect(error == nil, "\(model.id): \(request)")
                }
            }
        }
    }

    /// What the sources leave open is optional here. The upstream may refuse it, but then it says which field it was.
    @Test func `every optional field is accepted, or refused by its name`() async throws {
        try await Self.withVenice { client, models in
            var (accepted, refused) = (0, 0)
            for model in models {
                for value in sampleValues where model.takes(value.field) {
                    var request = model.plainRequest
                    value.set(&request)
                    guard request.validate(against: model).isEmpty else { continue }
                    switch try await Self.refusal(client, request, model) {
                    case nil: accepted += 1
                    case .invalid(let findings, _):
                        refused += 1
                        #expect(findings.map(\.field).contains(value.field.rawValue), "\(model.id) \(findings)")
                    case let other?: Issue.record("\(model.id) \(value.field): \(other)")
                    }
                }
            }
            #expect(accepted > refused)
        }
    }

    /// Outside of what the model lists: our check finds it, and the upstream refuses the same body.
    @Test func `what a model does not list is refused by both`() async throws {
        try await Self.withVenice { client, models in
            let changes: [(field: VideoRequest.Field, set: (inout VideoRequest) -> Void)] = [
                (.resolution, { $0.resolution = "1p" }), (.aspectRatio, { $0.aspectRatio = "4:1" }),
                (.duration, { $0.duration = "31s" }), (.prompt, { $0.prompt = String(repeating: "x", count: 20_001) }),
            ]
            for model in models {
                for (field, set) in changes where field != .duration || !model.followsSourceLength {
                    var request = model.plainRequest
                    set(&request)
                    let findings = request.validate(against: model)
                    #expect(findings.map(\.field).contains(field.rawValue), "\(model.id) \(field)")
                    // The body as it would be if the model took the field, for the encoder would leave it out.
                    var open = model
                    open.inputs[field.rawValue] = ModelInput()
                    (open.resolutions, open.aspectRatios) = (["1p"], ["4:1"])
                    guard case .invalid(let told, _)? = try await Self.refusal(client, request, open) else {
                        Issue.record("\(model.id) took \(field)")
                        continue
                    }
                    #expect(told.map(\.field).contains(field.rawValue), "\(model.id) \(told)")
                }
            }
        }
    }

    @Test func `a field that a model does not take is refused by both, by its name`() async throws {
        try await Self.withVenice { client, models in
            for model in models {
                // What the upstream passes over in silence is no refusal (PROTOCOL §4).
                for value in sampleValues where !model.takes(value.field) && value.field != .negativePrompt {
                    var request = model.plainRequest
                    value.set(&request)
                    let found = request.validate(against: model).map(\.field)
                    #expect(found.contains(value.field.rawValue), "\(model.id) \(found)")
                    var open = model
                    open.inputs[value.field.rawValue] = ModelInput()
                    open.sound = .known(.optional)
                    guard case .invalid(let told, _)? = try await Self.refusal(client, request, open) else {
                        Issue.record("\(model.id) took \(value.field)")
                        continue
                    }
                    #expect(told.map(\.field).contains(value.field.rawValue), "\(model.id) \(told)")
                }
            }
        }
    }

    @Test func `what an account asks about itself is answered in words that the client reads`() async throws {
        try await Self.withVenice { client, models in
            let model = try #require(models.first { $0.id == "grok-imagine-text-to-video-private" })
            let price = try await client.quote(QuoteRequest(model.plainRequest, model: model))
            for _ in 0..<12 { #expect(try await Self.refusal(client, model.plainRequest, model) == nil) }
            #expect(try await client.rateLimits().isAccessPermitted == true)
            let refused = await failure { () throws(VeniceError) in try await client.billingBalance() }
            #expect(refused?.word == "operator must act")

            let key = Redacted(sampleKey.replacing("INFERENCE", with: "ADMIN"))
            let account = VeniceAccount(id: "admin", baseURL: client.account.baseURL, key: key)
            let admin = VeniceClient(account, http: CurlHTTPClient())
            #expect(try await admin.rateLimitLog().isEmpty)
            #expect(try await admin.billingBalance().canConsume == true)
            var page = try await admin.usageHistory(UsageFilter(currency: "USD", pageSize: 10))
            var entries = page.entries
            while let cursor = page.cursor {
                page = try await admin.usageHistory(after: cursor)
                entries += page.entries
            }
            #expect(entries.count == 12)
            #expect(entries.allSatisfy { $0.currency == "USD" && $0.amount == -price.usd })
            let stale = try #require(UsageCursor("stale"))
            let walk = await failure { () throws(VeniceError) in try await admin.usageHistory(after: stale) }
            #expect(walk?.word == "gone")
        }
    }

    @Test func `the retired route names its successor on a socket too`() async throws {
        try await Self.withVenice { client, _ in
            let retired = await failure { () throws(VeniceError) in try await client.ask(.transcriptions) }
            #expect(retired?.word == "gone")
            #expect(retired?.evidence.headers?.deprecation.word == "true")
            #expect(retired?.evidence.headers?.deprecation.successor?.contains("chat") == true)
        }
    }

    @Test func `what a model needs is missed by both`() async throws {
        try await Self.withVenice { client, models in
            for model in models {
                for (name, input) in model.inputs where input.need == .known(.required) {
                    guard let field = VideoRequest.Field(rawValue: name) else { continue }
                    var request = model.plainRequest
                    request.clear(field)
                    #expect(request.validate(against: model).map(\.field).contains(name), "\(model.id) \(name)")
                    guard case .invalid(let told, _)? = try await Self.refusal(client, request, model) else {
                        Issue.record("\(model.id) did without \(name)")
                        continue
                    }
                    #expect(told.map(\.field).contains(name), "\(model.id) \(told)")
                    #expect(told.map(\.code).contains(.known(.required)), "\(model.id) \(told)")
                }
            }
        }
    }
}

extension VideoRequest {
    fileprivate mutating func clear(_ field: Field) {
        switch field {
        case .prompt: prompt = nil
        case .image: image = nil
        case .endImage: endImage = nil
        case .video: video = nil
        default: Issue.record("no model is known to need \(field)")
        }
    }
}
