import Foundation
import Testing

@testable import VeniceSimulator

/// Models that are offline, on their way out, blocked, in beta or unlisted.
struct ModelRuleTests {
    private static let model = "pixverse-c1-text-to-video"
    private static let end = Date(timeIntervalSince1970: 1_800_000_100)

    private static func rule(_ rule: ModelRule) -> Bench.Change { .set(\.world, World(models: [model: rule])) }

    private func listed(_ bench: Bench, _ id: String = model) async throws -> JSONValue? {
        let models = try await bench.get("/api/v1/models?type=video", key: nil).json["data"]?.array
        return models?.first { $0["id"] == .string(id) }
    }

    @Test func `a model that is offline says so in the list and answers 503`() async throws {
        try await Bench.with(Self.rule(ModelRule(offline: true))) { bench in
            #expect(try await listed(bench)?["model_spec"]?["offline"] == true)
            let refused = try await bench.post("queue", Sample.quick)
            #expect(refused.status == 503)
            #expect(try await bench.simulator.ledger().violations.isEmpty)
        }
    }

    @Test func `a blocked region is told in the list and with 403, for quotes too`() async throws {
        let world = World(region: "DE", models: [Self.model: ModelRule(regionRestrictions: ["DE"])])
        try await Bench.with(.set(\.world, world)) { bench in
            #expect(try await listed(bench)?["model_spec"]?["regionRestrictions"] == ["DE"])
            for name in ["queue", "quote"] {
                let body = name == "queue" ? Sample.quick : Sample.quickQuote
                let refused = try await bench.post(name, body)
                #expect(refused.status == 403)
                #expect(refused.json["error"]?.string?.contains("unavailable in your region") == true)
            }
            #expect(try await bench.post("queue", Sample.linked).status == 200)
        }
    }

    @Test func `a deprecation is told in headers while it lasts, and remaps afterwards`() async throws {
        let successor = "longcat-distilled-text-to-video"
        let rule = ModelRule(
            deprecation: Deprecation(
                startsAt: Self.end - 50, removesAt: Self.end, autoRemap: true, replacementModelId: successor))
        let body: JSONValue = [
            "model": .string(Self.model), "prompt": "x", "duration": "5s", "aspect_ratio": "16:9", "resolution": "720p",
        ]
        try await Bench.with(Self.rule(rule)) { bench in
            let before = try await bench.post("queue", body)
            #expect(before.json["model"]?.string == Self.model)
            #expect(before.headers["x-venice-model-deprecation-warning"] == nil)
            #expect(try await listed(bench)?["model_spec"]?["deprecation"]?["autoRemap"] == true)
            bench.clock.advance(seconds: 50)
            let warned = try await bench.post("queue", body)
            #expect(warned.headers["x-venice-model-deprecation-warning"]?.contains(successor) == true)
            #expect(warned.headers["x-venice-model-deprecation-date"] == Self.end.formatted(Ledger.time))
            #expect(warned.headers["x-venice-deprecated"] == "true")
            bench.clock.advance(seconds: 50)
            #expect(try await listed(bench) == nil)
            let remapped = try await bench.queue(body)
            #expect(remapped.model == successor)
            #expect(try await bench.retrieve(remapped).status == 200)
            var asked = remapped
            asked.model = Self.model
            #expect(try await bench.retrieve(asked).json["error"] == "Request ID is invalid.")
        }
    }

    @Test(arguments: [nil, 404, 410] as [Int?])
    func `a removed model that is not rerouted is gone, and may name its successor`(_ status: Int?) async throws {
        let deprecation = Deprecation(
            removesAt: Self.end, autoRemap: false, replacementModelId: "wan-2-7-text-to-video", goneStatus: status)
        try await Bench.with(Self.rule(ModelRule(deprecation: deprecation))) { bench in
            let job = try await bench.queue(Sample.quick)
            bench.clock.advance(seconds: 100)
            let gone = try await bench.post("queue", Sample.quick)
            #expect(gone.status == status ?? 404)
            #expect(gone.json["error"]?.string?.contains("wan-2-7-text-to-video") == true)
            #expect(try await bench.post("quote", Sample.quickQuote).status == status ?? 404)
            // What was queued before goes on.
            #expect(try await bench.retrieve(job).status == 200)
        }
    }

    @Test func `a model in beta is there only for keys with access`() async throws {
        let world = World(
            models: [Self.model: ModelRule(beta: true)], keys: [Sample.key: KeyRule(beta: true)])
        try await Bench.with(.set(\.world, world)) { bench in
            #expect(try await listed(bench) == nil)
            #expect(try await bench.post("queue", Sample.quick, key: Sample.adminKey).status == 404)
            let wide = try await bench.get("/api/v1/models?type=video").json["data"]?.array ?? []
            #expect(wide.contains { $0["id"] == .string(Self.model) && $0["model_spec"]?["beta"] == true })
            #expect(wide.count == 128)
            #expect(try await bench.post("queue", Sample.quick).status == 200)
        }
    }

    @Test func `unlisted models are listed when that is switched on`() async throws {
        try await Bench.with(.set(\.listsUnlisted, true)) { bench in
            let model = try await listed(bench, "wan-3-0-reference-to-video")
            #expect(model?["model_spec"]?["privacy"] == "anonymized")
        }
    }

    // MARK: Consent

    private static let agreed: JSONValue = [
        "seedance": [
            "confirmed_terms_and_privacy": true, "confirmed_legal_right": true,
            "confirmed_screening_acknowledged": true,
        ]
    ]

    private static func faces(_ pictures: [Data], consents: JSONValue? = nil) -> JSONValue {
        var body: [String: JSONValue] = [
            "model": "seedance-2-0-reference-to-video", "prompt": "x", "duration": "4s", "aspect_ratio": "16:9",
            "resolution": "480p", "audio": false,
            "reference_image_urls": .array(pictures.map { .string(Sample.dataURL("image/png", $0)) }),
        ]
        body["consents"] = consents
        return .object(body)
    }

    private let one = Sample.png(640, 480)
    private let two = Sample.png(640, 481)

    @Test func `a face-capable model asks once for each picture, and the same body with consents is taken`()
        async throws
    {
        try await Bench.with { bench in
            let asked = try await bench.post("queue", Self.faces([one]))
            #expect(asked.status == 409)
            let keys = Set(asked.json.object?.keys.map { $0 } ?? [])
            #expect(keys == ["error", "consent_flow", "face_media_roles", "consent", "docs_url"])
            #expect(asked.json["error"]?["code"] == "needs_consent")
            #expect(asked.json["consent_flow"] == "seedance")
            #expect(asked.json["face_media_roles"] == ["reference_image"])
            #expect(Set(asked.json["consent"]?.object?.keys.map { $0 } ?? []) == ["consent_version", "policy_text"])
            #expect(try await bench.simulator.ledger().charges.isEmpty)

            _ = try await bench.queue(Self.faces([one], consents: Self.agreed))
            _ = try await bench.queue(Self.faces([one]))
            #expect(try await bench.post("queue", Self.faces([one, two])).status == 409)
            let other = try await bench.post("queue", Self.faces([one]), key: "VENICE_INFERENCE_KEY_other")
            #expect(other.status == 409)
            #expect(try await bench.kinds() == [])
        }
    }

    @Test func `consents with a key too many, one too few or a false one are refused`() async throws {
        try await Bench.with { bench in
            _ = try await bench.post("queue", Self.faces([one]))
            let flags = Self.agreed["seedance"]?.object ?? [:]
            for change: (inout [String: JSONValue]) -> Void in [
                { $0["consent_version"] = "2026-05" }, { $0["confirmed_legal_right"] = nil },
                { $0["confirmed_legal_right"] = false },
            ] {
                var changed = flags
                change(&changed)
                let body = Self.faces([one], consents: ["seedance": .object(changed)])
                #expect(try await bench.post("queue", body).status == 400)
            }
        }
    }

    @Test func `consents for another body than the one that was asked about are a violation`() async throws {
        try await Bench.with { bench in
            _ = try await bench.post("queue", Self.faces([one]))
            _ = try await bench.queue(Self.faces([two], consents: Self.agreed))
            #expect(try await bench.kinds() == [.consentUnasked])
        }
    }

    @Test func `listed models never ask`() async throws {
        try await Bench.with { bench in
            let listed: JSONValue = [
                "model": "seedance-2-0-reference-to-video-basic", "prompt": "x", "duration": "4s",
                "aspect_ratio": "16:9", "resolution": "480p", "reference_image_urls": [Sample.picture],
            ]
            let taken = try await bench.post("queue", listed)
            #expect(taken.status == 200)
        }
    }

    // MARK: The file

    @Test func `a world in JSON reads as what it means`() throws {
        let json = """
            {"region": "DE",
             "models": {"a": {"offline": true, "region_restrictions": ["DE"],
                              "deprecation": {"removes_at": "2027-01-15T08:01:40Z", "auto_remap": false}}},
             "keys": {"K": {"consumption_limit": {"usd": 5.25, "window": "MONTH"}, "model_privacy": "PRIVATE_ONLY"}}}
            """
        let world = try World(json: Data(json.utf8))
        let rule = ModelRule(
            offline: true, deprecation: Deprecation(removesAt: Self.end, autoRemap: false), regionRestrictions: ["DE"])
        let key = KeyRule(consumptionLimit: .init(usd: Cents(525), window: .month), modelPrivacy: .privateOnly)
        #expect(world == World(region: "DE", models: ["a": rule], keys: ["K": key]))
    }

    @Test(arguments: [
        #"{"models": {"a": {"ofline": true}}}"#, #"{"model": {}}"#, #"{"keys": {"K": {"model_privacy": "SOME"}}}"#,
        #"{"models": {"a": {"deprecation": {"removes_at": "soon", "auto_remap": true}}}}"#, "[", "",
    ])
    func `a world that is misspelled is refused`(_ json: String) {
        #expect(throws: (any Error).self) { try World(json: Data(json.utf8)) }
    }
}
