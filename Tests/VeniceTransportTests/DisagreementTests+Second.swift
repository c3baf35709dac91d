import Foundation
import HTTPTransport
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

extension DisagreementTests {
    private func thrown(
        _ status: Int, _ body: String = "{}", headers: HTTPHeaders = [:], at endpoint: VeniceEndpoint
    ) async -> VeniceError? {
        let client = VeniceClient(.json(body, status: status, headers: headers))
        return await failure { () throws(VeniceError) in try await client.ask(endpoint) }
    }

    @Test func `row 24: a file arrives as bytes, behind the link of the submission, or behind one of the retrieve`()
        async throws
    {
        let bytes = VeniceClient(.answer(status: 200, headers: [:], chunks: [mp4], failure: nil))
        guard case .video = try await bytes.retrieve(model: "m", queueID: "q") else { return report("no video") }
        let receipt = QueueReceipt(
            body: Array(#"{"queue_id":"q","download_url":"https://l"}"#.utf8), requestedModel: "m")
        #expect(receipt?.downloadURL?.reveal() == "https://l")
        for key in ["download_url", "url", "video_url"] {
            let client = VeniceClient(.json(#"{"status":"COMPLETED","\#(key)":"https://x.venice.ai/f"}"#))
            guard case .completed(let link) = try await client.retrieve(model: "m", queueID: "q") else {
                return report("not completed")
            }
            #expect(link?.reveal() == "https://x.venice.ai/f")
        }
    }

    @Test func `row 25: whoever is given a link has one, whatever the model is called`() {
        for model in ["grok-imagine-text-to-video-private", "wan-2.5-preview-text-to-video", "new"] {
            let with = Array(#"{"model":"\#(model)","queue_id":"q","download_url":"https://l"}"#.utf8)
            let without = Array(#"{"model":"\#(model)","queue_id":"q"}"#.utf8)
            #expect(QueueReceipt(body: with, requestedModel: model)?.downloadURL != nil)
            #expect(QueueReceipt(body: without, requestedModel: model)?.downloadURL == nil)
        }
    }

    @Test func `row 26: an unknown job is gone, by either status`() async {
        #expect(await thrown(404, at: .retrieve)?.word == "gone")
        #expect(await thrown(400, #"{"error":"Request ID is invalid."}"#, at: .retrieve)?.word == "gone")
        #expect(await thrown(404, "Not Found", at: .retrieve)?.word == "retry later")
    }

    @Test func `row 27: a 500 on retrieve is tried again a few times and then believed`() async {
        guard case .retryLater(_, mayBeFinal: true, _)? = await thrown(500, at: .retrieve) else {
            return report("a 500 may be the end of a job")
        }
        let policy = JobPolicy()
        #expect((3...5).contains(policy.serverErrorLimit))
        #expect(policy.polling.serverErrorGap * Double(policy.serverErrorLimit - 1) >= 60)
    }

    @Test func `row 28: content policy is understood on queue and retrieve, as an object and flat`() async {
        let object = #"{"error":{"message":"no","type":"provider_content_policy","credits_refunded":true}}"#
        let flat = #"{"error":"Your prompt violates the content policy","credits_refunded":true}"#
        for endpoint in [VeniceEndpoint.queue, .retrieve] {
            for body in [object, flat] {
                guard case .refused(let refusal, _)? = await thrown(422, body, at: endpoint) else {
                    Issue.record("\(endpoint) \(body)")
                    continue
                }
                #expect(refusal.kind == .contentPolicy)
                #expect(refusal.notes.refunded == true)
            }
        }
    }

    @Test func `row 29: a 503 on queue is an outcome that nobody knows`() async {
        #expect(await thrown(503, at: .queue)?.word == "outcome unknown")
    }

    @Test func `row 30: a missing credential is the operator's, as a 401 and as a 402`() async {
        let discovery =
            #"{"x402Version":2,"error":"e","resource":{"url":"u"},"accepts":[],"extensions":{},"authOptions":{}}"#
        #expect(await thrown(401, at: .queue)?.word == "operator must act")
        guard case .paymentNeeded(let shape, _)? = await thrown(402, discovery, at: .queue) else {
            return report("no payment")
        }
        #expect(shape.isForOperator)
    }

    @Test func `row 31: no failure is repeated by the client, so that the budget for errors lasts`() async {
        for status in [400, 401, 402, 403, 404, 409, 410, 413, 415, 422, 429, 500, 503] {
            for endpoint in VeniceEndpoint.allCases {
                let http = ScriptedHTTPClient(.json("{}", status: status), .json("{}", status: status))
                _ = await failure { () throws(VeniceError) in try await VeniceClient(http).ask(endpoint) }
                #expect(http.requests.count == 1, "\(endpoint) \(status)")
            }
        }
        let headers = AnswerHeaders(["x-ratelimit-remaining": "3", "x-ratelimit-resets": "1800000005000"])
        #expect(headers.rateLimits.errorBudgetRemaining == 3)
        #expect(headers.rateLimits.errorBudgetReset == .at(Date(timeIntervalSince1970: 1_800_000_005)))
    }

    @Test func `row 32: the unit of a reset follows from its size`() {
        #expect(ResetMoment("1800000000000") == .at(Date(timeIntervalSince1970: 1_800_000_000)))
        #expect(ResetMoment("1800000000") == .at(Date(timeIntervalSince1970: 1_800_000_000)))
        #expect(ResetMoment("30") == .after(.seconds(30)))
    }

    @Test func `row 33: a wallet's remaining balance is read where it is told`() {
        #expect(AnswerHeaders(["X-Balance-Remaining": "4.230000"]).walletBalance == Money("4.23"))
        #expect(AnswerHeaders([:]).walletBalance == nil)
    }

    @Test func `row 34: a wallet signs each request anew, for 4 minutes, under the new name`() async throws {
        let key = try #require(WalletKey(Redacted(String(repeating: "46", count: 32))))
        let http = ScriptedHTTPClient(.json(#"{"status":"QUEUED"}"#), .json(#"{"status":"QUEUED"}"#))
        let client = VeniceClient(VeniceAccount(id: "w", credential: .wallet(key)), http: http)
        for _ in 1...2 { _ = try await client.retrieve(model: "m", queueID: "q") }
        let values = http.requests.compactMap { $0.headers["SIGN-IN-WITH-X"] }
        #expect(Set(values).count == 2)
        #expect(http.requests.allSatisfy { $0.headers["X-Sign-In-With-X"] == nil })
        #expect(SignInMessage.lifetime == 240)
        let message = SignInMessage(address: key.address, nonce: "n", at: Date(timeIntervalSince1970: 0))
        #expect(message.expiresAt == Date(timeIntervalSince1970: 240))
    }

    @Test func `row 35: a sign-in is for api.venice.ai, and its statement can be that of the challenge`() throws {
        let body = #"{"code":"PAYMENT_REQUIRED","siwxChallenge":{"info":{"statement":"Sign in to Venice API"}}}"#
        guard case .walletTooLow(let shortfall) = ErrorBody(Array(body.utf8)).payment else {
            return report("no shortfall")
        }
        var message = SignInMessage(address: "0xa", nonce: "n", at: Date(timeIntervalSince1970: 0))
        #expect(message.text.hasPrefix("api.venice.ai wants you to sign in"))
        message.statement = try #require(shortfall.signIn?.statement)
        #expect(message.text.contains("\n\nSign in to Venice API\n\n"))
    }

    @Test func `row 36: a balance asked for without a signature fails alike as a 401 and as a 402`() async {
        let discovery = #"{"x402Version":2,"resource":{"url":"u"},"accepts":[],"extensions":{}}"#
        for endpoint in [VeniceEndpoint.walletBalance, .walletTransactions] {
            #expect(await thrown(401, at: endpoint)?.word == "operator must act")
            guard case .paymentNeeded(let shape, _)? = await thrown(402, discovery, at: endpoint) else {
                return report("no payment")
            }
            #expect(shape.isForOperator)
        }
    }

    @Test func `row 37: no package of the upstream's is used`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let manifest = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
        #expect(manifest.contains(".package(url:"))
        #expect(!manifest.lowercased().contains("venice-ai") && !manifest.lowercased().contains("x402"))
    }

    @Test func `row 38: a transcript is a courtesy of the past: a 410 names what to use instead`() async {
        let error = await thrown(
            410, headers: ["Deprecation": "true", "Link": "</v1/chat>; rel=\"successor-version\""], at: .transcriptions)
        #expect(error?.word == "gone")
        #expect(error?.evidence.headers?.deprecation.successor == "/v1/chat")
    }

    @Test func `row 39: a list of regions makes no rule here, a 403 speaks for itself`() async throws {
        let text = """
            {"data":[{"id":"a","model_spec":{"regionRestrictions":["DE","US"],
              "constraints":{"model_type":"text-to-video","durations":["5s"]}}}]}
            """
        let model = try #require(JSON(text.utf8).flatMap { ModelCatalogue($0) }?.models.first)
        #expect(model.plainRequest.validate(against: model) == [])
        #expect(await thrown(403, at: .queue)?.word == "operator must act")
    }

    @Test func `row 40: the metadata decide what a model can do`() throws {
        #expect(try recordedModel("wan-2.5-preview-text-to-video").resolutions.contains("1080p"))
        let veo = try recordedModel("veo3.1-fast-text-to-video")
        #expect(veo.resolutions.contains("4k"))
        var request = veo.plainRequest
        request.resolution = "4k"
        #expect(request.validate(against: veo) == [])
        #expect(try QueueRequest(request, model: veo).parts.object["resolution"] == .string("4k"))
    }

    @Test func `row 41: a resolution is always named where the model lists some`() {
        for model in recordedModels where model.takes(.resolution) {
            var request = model.plainRequest
            request.resolution = nil
            #expect(request.validate(against: model).map(\.field) == ["resolution"], "\(model.id)")
        }
    }

    /// With budget to spare a job is looked at every 2 s, more often than any source says; with forty others only where it
    /// is likely to be done.
    @Test func `row 42: looks come as often as the shared budget allows and the usual time suggests`() {
        let law = DurationKnowledge().law(usual: 60, unknownUsual: 180)
        func isDue(_ lastLook: Double, _ elapsed: Double, among count: Int) -> Bool {
            let job = PollPlanner.Candidate(law: law, lastLook: lastLook, elapsed: elapsed)
            let other = PollPlanner.Candidate(law: law, lastLook: 40, elapsed: 50)
            return PollPlanner().next(among: [job] + Array(repeating: other, count: count), rate: 2) == 0
        }
        #expect(!isDue(50, 51.9, among: 0) && isDue(50, 52.1, among: 0))
        #expect(!isDue(0, 20, among: 40) && !isDue(48, 52, among: 40) && isDue(40, 55, among: 40))
    }

    @Test func `row 43: any model may ask for a consent`() async throws {
        let body = #"""
            {"error":{"code":"needs_consent","message":"m"},"consent_flow":"seedance","consent":{"policy_text":"t"}}
            """#
        for model in [
            try recordedModel("wan-2.5-preview-text-to-video"), try recordedModel("seedance-2-0-text-to-video-basic"),
        ] {
            let request = try QueueRequest(model.plainRequest, model: model)
            let error = await failure { () throws(VeniceError) in
                try await VeniceClient(.json(body, status: 409)).queue(request) { _ in }
            }
            #expect(error?.word == "consent needed")
            let agreed = try QueueRequest(model.plainRequest, model: model, consent: .seedance)
            #expect(agreed.parts.object["consents"]?["seedance"]?.object?.count == 3)
        }
    }

    @Test func `row 44: a code of the top-up is the same with and without its prefix`() async {
        for prefix in ["", "X402_"] {
            let failed = await thrown(402, #"{"error":"\#(prefix)SETTLEMENT_FAILED","message":"m"}"#, at: .topUp)
            #expect(failed?.word == "retry later")
            #expect(failed?.evidence.code == "SETTLEMENT_FAILED")
            let invalid = await thrown(400, #"{"error":"\#(prefix)INVALID_PAYMENT","message":"m"}"#, at: .topUp)
            #expect(invalid?.evidence.code == "INVALID_PAYMENT")
        }
    }

    @Test func `row 45: after its end a model is gone, or another one answers and is named`() async throws {
        #expect(await thrown(404, at: .queue)?.word == "gone")
        #expect(await thrown(410, at: .queue)?.word == "gone")
        let request = try QueueRequest(.sample, model: .sample())
        let client = VeniceClient(.json(#"{"model":"wan-3-0-text-to-video","queue_id":"q"}"#))
        let receipt = try await client.queue(request) { _ in }
        #expect(receipt.model == "wan-3-0-text-to-video" && receipt.model != request.model)
    }

    @Test func `row 46: words that no schema lists are kept, and keys that it does not know are passed over`() throws {
        let text = """
            {"object":"list","surprise":{"a":[1]},"data":[
              {"id":"a","type":"video","new":1,"model_spec":{"constraints":{"model_type":"dream","durations":["5s"],
               "resolutions":["2k","480P","1080P"],"topaz":{"models":[]}}}},
              {"id":"b","type":"decision","model_spec":{}}]}
            """
        let catalogue = try #require(JSON(text.utf8).flatMap { ModelCatalogue($0) })
        let model = try #require(catalogue.models.first)
        #expect(catalogue.models.count == 1 && catalogue.skipped == [])
        #expect(model.resolutions == ["2k", "480P", "1080P"])
        #expect(model.kind == .unknown("dream"))
        #expect(try Wire.decode(VideoModel.self, from: Wire.encode(model)) == model)
    }
}
