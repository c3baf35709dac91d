import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// PROTOCOL §12.1: one reader for all shapes.
struct ErrorBodyTests {
    private func read(_ text: String) -> ErrorBody { ErrorBody(Array(text.utf8)) }

    @Test(arguments: [
        (#"{"error":"words"}"#, "words", nil), (#"{"error":"words","code":"C"}"#, "words", "C"),
        (#"{"code":"C","error":"words"}"#, "words", "C"),
        (#"{"error":{"message":"words","type":"t","code":"C","param":"p"}}"#, "words", "C"),
        (#"{"error":"words","details":"more","issues":[]}"#, "words", nil),
        (#"{"error":"words","request_id":"r"}"#, "words", nil),
        (#"{"error":"X402_INVALID_PAYMENT","message":"words"}"#, "words", "INVALID_PAYMENT"),
        (#"{"error":"X402_SIGN_IN_EXPIRED","message":"words"}"#, "words", "X402_SIGN_IN_EXPIRED"),
        (#"{"message":"words"}"#, "words", nil), ("words", "words", nil), ("", "", nil),
        (
            "<!DOCTYPE html><html><head><title>502 Bad Gateway</title>", "a page instead of an answer: 502 Bad Gateway",
            nil
        ),
        ("\n <html>", "a page instead of an answer", nil), (#"{"error":null}"#, "", nil), (#"{"error":[1]}"#, "", nil),
        (#"["words"]"#, #"["words"]"#, nil),
    ])
    func `message and code in every shape`(text: String, message: String, code: String?) {
        let body = read(text)
        #expect(body.message == message)
        #expect(body.code == code)
    }

    @Test func `issues become findings under the names of VideoRequest`() {
        let body = read(
            """
            {"error":"Invalid request","issues":[
              {"code":"invalid_enum_value","path":["duration"],"options":["5s","10s"],"received":"7s","message":"bad"},
              {"code":"invalid_type","path":["image_url"],"expected":"string","received":"undefined","message":"Required"},
              {"code":"unrecognized_keys","keys":["seed"],"path":[],"message":"Unrecognized key(s) in object: 'seed'"},
              {"code":"invalid_union","path":["reference_image_urls",2],"message":"Expected 'a' | 'b', received 'c'"},
              "odd"]}
            """)
        #expect(body.findings.map(\.field) == ["duration", "image", "seed", "reference_images[2]"])
        #expect(body.findings[0].allowed == ["5s", "10s"])
        #expect(body.findings[0].code == .known(.notAllowed))
        #expect(body.findings[1].code == .known(.required))
        #expect(body.findings[2].field == "seed")
        #expect(body.findings[3].allowed == ["a", "b"])
    }

    @Test func `a tree of details and a named parameter become findings too`() {
        let tree = read(
            #"{"error":"x","details":{"_errors":[],"resolution":{"_errors":["Expected '720p' | '1080p'"]},"keyframes":{"0":{"image_url":{"_errors":["Required"]}}}}}"#
        )
        #expect(tree.findings.map(\.field) == ["keyframes[0].image", "resolution"])
        #expect(tree.findings.map(\.code) == [.known(.required), .known(.notAllowed)])
        #expect(tree.findings[1].allowed == ["720p", "1080p"])
        let parameter = read(
            #"{"error":{"message":"This model does not support aspect_ratio","param":"aspect_ratio"}}"#)
        #expect(parameter.findings.map(\.field) == ["aspect_ratio"])
    }

    @Test(arguments: [
        (
            #"{"error":{"message":"no","type":"provider_content_policy","credits_refunded":true,"recommended_model":"m"}}"#,
            true, true, "m"
        ),
        (#"{"error":"Your prompt violates the content policy","suggested_prompt":"p"}"#, true, nil, nil),
        (#"{"error":"Refused by moderation","credits_refunded":false,"hint":"h"}"#, true, false, nil),
        (#"{"error":"Video duration exceeds 15s"}"#, false, nil, nil), ("", false, nil, nil),
    ])
    func `refusals`(text: String, isPolicy: Bool, refunded: Bool?, model: String?) async {
        let client = VeniceClient(.json(text, status: 422))
        guard
            case .refused(let refusal, _) = await failure({ () throws(VeniceError) in
                try await client.retrieve(model: "m", queueID: "q")
            })
        else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.kind == (isPolicy ? .contentPolicy : .media))
        #expect(refusal.notes.refunded == refunded)
        #expect(refusal.notes.recommendedModel == model)
    }

    @Test(arguments: [
        (
            #"{"x402Version":2,"error":"e","resource":{},"accepts":[],"extensions":{},"authOptions":{}}"#,
            PaymentShape.discovery, true
        ),
        (
            #"{"code":"PAYMENT_REQUIRED","reason":"insufficient_balance","currentBalanceUsd":0.04,"minimumBalanceUsd":0.1,"suggestedTopUpUsd":"5"}"#,
            .walletTooLow(balance: Money("0.04"), minimum: Money("0.1"), suggestedTopUp: Money("5")), false
        ),
        (#"{"error":"Insufficient USD or Diem balance to complete request."}"#, .insufficientBalance, false),
        (#"{"error":"x","code":"INSUFFICIENT_BALANCE"}"#, .insufficientBalance, false),
        (#"{"error":"API key USD spend limit exceeded."}"#, .keyLimit, true),
        (#"{"error":"x","code":"API_KEY_DIEM_SPEND_LIMIT_EXCEEDED"}"#, .keyLimit, true),
        (#"{"x402Version":2,"accepts":[]}"#, .topUpOffer, false), ("{}", .unknown, false),
    ])
    func `the shapes of 402`(text: String, shape: PaymentShape, isForOperator: Bool) {
        #expect(read(text).payment == shape)
        #expect(shape.isForOperator == isForOperator)
    }

    @Test func `a consent challenge keeps its text word for word`() async throws {
        let text = #"""
            {"error":{"code":"needs_consent","message":"Consent"},"consent_flow":"seedance","face_media_roles":["image","video"],
             "consent":{"consent_version":"3","policy_text":"I agree.\n  Twice."},"docs_url":"https://docs.example"}
            """#
        let request = try QueueRequest(.sample, model: .sample())
        let client = VeniceClient(.json(text, status: 409))
        guard
            case .consentNeeded(let challenge, _) = await failure({ () throws(VeniceError) in
                try await client.queue(request) { _ in }
            })
        else {
            Issue.record("no consent")
            return
        }
        #expect(challenge.policyText == "I agree.\n  Twice.")
        #expect(challenge.roles == ["image", "video"])
        #expect(challenge.version == "3")
    }

    @Test func `evidence names the request and hides what is secret`() async {
        let body = """
            {"error":"Bad key \(sampleKey) or Bearer abcdef at https://private-share.venice.ai/v1/share/TOPSECRET?x=1 \
            data:image/png;base64,TOPSECRET end","request_id":"req-1"}
            """
        let client = VeniceClient(.json(body, status: 401, headers: ["CF-RAY": "ray-1"]))
        let error = await failure { () throws(VeniceError) in try await client.rateLimits() }
        #expect(error?.evidence.ray == "ray-1")
        #expect(error?.evidence.requestID == "req-1")
        let text = "\(error!)"
        #expect(!text.contains("TOPSECRET"))
        #expect(!text.contains("abcdef"))
        #expect(text.contains("private-share.venice.ai"))
        #expect(text.contains("end"))
        #expect(!"\(client.account)".contains("TOPSECRET"))
    }

    @Test func `a long message is cut and made one line`() {
        let evidence = VeniceEvidence(endpoint: .quote, message: String(repeating: "a\n\u{7}b ", count: 10_000))
        #expect(evidence.message.count <= 500)
        #expect(!evidence.message.contains("\n"))
        #expect(!evidence.message.contains("\u{7}"))
    }
}
