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
        (#"{"error":"words","details":"more","issues":[]}"#, "words: more", nil),
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
        let several = read(#"{"issues":[{"code":"unrecognized_keys","keys":["seed","imageUrl"],"path":[]}]}"#)
        #expect(several.findings.map(\.field) == ["seed", "imageUrl"])
        let parameter = read(
            #"{"error":{"message":"This model does not support aspect_ratio","param":"aspect_ratio"}}"#)
        #expect(parameter.findings.map(\.field) == ["aspect_ratio"])
    }

    @Test(arguments: [
        ("This model does not support aspect_ratio", "aspect_ratio", Finding.Code.notSupported),
        ("This model does not support omni_reference_task_type", "reference_task", .notSupported),
        ("This model does not support audio", "audio", .notSupported), ("Model is required", "model", .required),
        ("`duration` is required for this model", "duration", .required),
        ("Array must contain at most 4 element(s) in reference_image_urls", "reference_images", .tooMany),
        ("Invalid enum value. Expected '720p' | '1080p', received '4k' for resolution", "resolution", .notAllowed),
    ])
    func `a sentence that names a field is a finding`(message: String, field: String, code: Finding.Code) {
        let findings = read(#"{"error":"\#(message)"}"#).findings
        #expect(findings.map(\.field) == [field])
        #expect(findings.map(\.code) == [.known(code)])
    }

    static let ambiguous = [
        ("This model does not support image_url alongside reference_image_urls", "image_url", "image"),
        ("Either image_url or reference_image_urls is required", "image_url", "image"),
        ("duration is required when resolution is 4k", "duration", "duration"),
        ("image_url is required for motion_mode pro", "image_url", "image"),
        ("This model does not support image_url: elements.0.image_url", "image_url", "image"),
        (
            "Array must contain at most 2 element(s) in reference_image_urls beside video_url", "reference_image_urls",
            "reference_images"
        ),
    ]

    @Test(arguments: ambiguous)
    func `what names several fields is a conflict and teaches nothing of a model, whatever shape it comes in`(
        message: String, path: String, field: String
    ) throws {
        var model = try recordedModel("seedance-2-0-reference-to-video-basic")
        for text in [
            #"{"error":"\#(message)"}"#, #"{"error":{"message":"\#(message)","param":"\#(path)"}}"#,
            #"{"issues":[{"code":"custom","path":["\#(path)"],"message":"\#(message)"}]}"#,
            #"{"issues":[{"path":["\#(path)"],"received":"undefined","message":"\#(message)"}]}"#,
            #"{"details":{"\#(path)":{"_errors":["\#(message)"]}}}"#,
        ] {
            let findings = read(text).findings
            #expect(findings.map(\.field) == [field])
            #expect(findings.map(\.code) == [.known(.conflict)])
            let isNews = model.repair(from: findings)
            #expect(!isNews)
        }
    }

    @Test func `unknown keys are each told, though one message names them all`() throws {
        let message = "Unrecognized key(s) in object: 'voice_id', 'end_image_url'"
        let keys = #""code":"unrecognized_keys","keys":["voice_id","end_image_url"]"#
        let findings = read(#"{"issues":[{\#(keys),"path":[],"message":"\#(message)"}]}"#).findings
        #expect(findings.map(\.field) == ["voice", "end_image"])
        #expect(findings.map(\.code) == [.known(.notSupported), .known(.notSupported)])
        var model = try recordedModel("seedance-2-0-reference-to-video-basic")
        #expect(model.takes(.endImage))
        let isNews = model.repair(from: findings)
        #expect(isNews)
        #expect(!model.takes(.endImage))
    }

    @Test(arguments: ["Request ID is invalid.", "Invalid JSON", "", "Image is corrupted"])
    func `a sentence that names none is not`(message: String) {
        #expect(read(#"{"error":"\#(message)"}"#).findings == [])
    }

    @Test(arguments: [
        ("image_url", "image"), ("end_image_url", "end_image"), ("audio_url", "audio_track"), ("video_url", "video"),
        ("reference_video_urls,1", "reference_videos[1]"), ("reference_audio_urls,0", "reference_audios[0]"),
        ("reference_document_urls,0", "reference_documents[0]"), ("scene_image_urls,3", "scene_images[3]"),
        ("elements,0,frontal_image_url", "elements[0].frontal_image"),
        ("elements,1,reference_image_urls,2", "elements[1].reference_images[2]"),
        ("elements,0,video_url", "elements[0].video"), ("keyframes,2,frame_index", "keyframes[2].frame"),
        ("image_references,0,type", "image_references[0].role"),
        ("image_references,0,ref_name", "image_references[0].name"),
        ("video_references,0,audio_url", "video_references[0].audio"),
        ("camera_trajectory,0,time", "camera_path[0].time"), ("omni_reference_task_type", "reference_task"),
        ("bitrate_mode", "bitrate"), ("voice_id", "voice"),
        ("reference_video_total_duration", "reference_video_seconds"), ("something_new", "something_new"),
    ])
    func `a path is told in the names of VideoRequest`(path: String, field: String) {
        let steps = path.split(separator: ",").map { Int($0) == nil ? "\"\($0)\"" : "\($0)" }.joined(separator: ",")
        #expect(read(#"{"issues":[{"path":[\#(steps)],"message":"Required"}]}"#).findings.map(\.field) == [field])
    }

    @Test func `a list that is too long names how many are taken`() {
        let text = #"{"issues":[{"code":"too_big","maximum":4,"type":"array","path":["elements"],"message":"m"}]}"#
        let finding = read(text).findings.first
        #expect(finding?.code == .known(.tooMany))
        #expect(finding?.allowed == ["4"])
    }

    @Test(arguments: [
        (
            #"{"error":{"message":"no","type":"provider_content_policy","credits_refunded":true,"recommended_model":"m"}}"#,
            true, true, "m"
        ),
        (#"{"error":"Your prompt violates the content policy","suggested_prompt":"p"}"#, true, nil, nil),
        (#"{"error":"Refused by moderation","credits_refunded":false,"hint":"h"}"#, true, false, nil),
        (#"{"error":"Video duration exceeds 15s"}"#, false, nil, nil), ("{}", false, nil, nil),
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

    @Test(arguments: [
        #"{"done":true,"link":"https:\/\/private-share.venice.ai\/v1\/share\/read\/TOPSECRET"}"#,
        #"{"done":true,"link":"https://private-share.venice.ai/v1/share/read/TOPSECRET"}"#,
    ])
    func `a link in an answer that cannot be read is hidden, however its slashes are written`(body: String) async {
        let error = await failure { () throws(VeniceError) in
            try await VeniceClient(.json(body)).retrieve(model: "m", queueID: "q")
        }
        #expect(error?.evidence.message.contains("private-share.venice.ai") == true)
        #expect(error?.evidence.message.contains("TOPSECRET") == false)
    }

    @Test func `a long message is cut and made one line`() {
        let evidence = VeniceEvidence(endpoint: .quote, message: String(repeating: "a\n\u{7}b ", count: 10_000))
        #expect(evidence.message.count <= 500)
        #expect(!evidence.message.contains("\n"))
        #expect(!evidence.message.contains("\u{7}"))
    }
}
