import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// PROTOCOL §20, rows 7 and 8: what stays out at first is added once when the upstream asks for it.
struct CorrectionTests {
    private func refusal(_ body: String, status: Int = 400, at endpoint: VeniceEndpoint = .queue) -> VeniceError {
        VeniceError(
            endpoint, status: status, headers: AnswerHeaders([:]), body: Array(body.utf8),
            now: .init(timeIntervalSince1970: 0))
    }

    private func clip(_ id: String, seconds: String?) throws -> QueueRequest {
        let model = try recordedModel(id)
        var request = model.plainRequest
        request.duration = seconds
        return try QueueRequest(request, model: model)
    }

    static let duration = [
        #"{"error":"duration is required"}"#,
        #"{"issues":[{"code":"invalid_type","path":["duration"],"message":"Required"}]}"#,
        #"{"details":{"duration":{"_errors":["Required"]}}}"#, #"{"error":{"message":"Required","param":"duration"}}"#,
    ]

    @Test(arguments: duration)
    func `a source's length is told once it is asked for, in seconds as text`(body: String) throws {
        let request = try clip("wan-2-7-video-to-video", seconds: "12.5")
        #expect(request.parts.object["duration"] == nil)
        let corrected = try #require(request.corrected(after: refusal(body)))
        #expect(corrected.parts.object["duration"] == .string("12.5"))
        var rest = corrected.parts.object
        rest["duration"] = nil
        #expect(rest == request.parts.object)
        #expect(corrected.corrected(after: refusal(body)) == nil)
    }

    @Test func `without a length to tell there is nothing to correct`() throws {
        #expect(try clip("wan-2-7-video-to-video", seconds: nil).corrected(after: refusal(Self.duration[0])) == nil)
    }

    @Test func `an upscaler that insists on a prompt gets one`() throws {
        let request = try clip("topaz-video-upscale", seconds: nil)
        #expect(request.parts.object["prompt"] == nil)
        let corrected = try #require(request.corrected(after: refusal(#"{"error":"prompt is required"}"#)))
        #expect(corrected.parts.object["prompt"]?.text?.isEmpty == false)
        #expect(corrected.corrected(after: refusal(#"{"error":"prompt is required"}"#)) == nil)
    }

    @Test(arguments: [
        #"{"error":"This model does not support duration"}"#, #"{"error":"This model does not support prompt"}"#,
        #"{"error":"resolution is required"}"#, #"{"error":"Invalid JSON"}"#, "", "<html>",
    ])
    func `any other refusal stands`(body: String) throws {
        #expect(try clip("wan-2-7-video-to-video", seconds: "5").corrected(after: refusal(body)) == nil)
        #expect(try clip("topaz-video-upscale", seconds: "5").corrected(after: refusal(body)) == nil)
    }

    static let conditional = [
        #"{"error":"duration must be a text"}"#, #"{"error":"Invalid duration"}"#,
        #"{"error":"duration is required when resolution is 4k"}"#, #"{"error":"duration is required when you pay"}"#,
        #"{"error":"Either duration or video_url is required"}"#,
        #"{"issues":[{"code":"custom","path":["duration"],"message":"Required if audio_url is given"}]}"#,
        #"{"details":{"duration":{"_errors":["Must be shorter"]}}}"#,
        #"{"issues":[{"path":["duration",0],"message":"Required"}]}"#,
    ]

    @Test(arguments: conditional)
    func `no correction is claimed where nothing is learned, so that the same body is never sent twice`(
        body: String
    ) throws {
        let request = try clip("wan-2-7-video-to-video", seconds: "5")
        #expect(request.corrected(after: refusal(body)) == nil)
        guard case .invalid(let findings, _) = refusal(body) else {
            Issue.record("not a 400")
            return
        }
        var model = request.source.model
        let isNews = model.repair(from: findings)
        #expect(!isNews)
    }

    @Test func `a refusal that also speaks against what a person asked for stands`() throws {
        let body = """
            {"issues":[{"path":["duration"],"message":"Required"},
              {"code":"unrecognized_keys","path":[],"keys":["resolution"],"message":"Unrecognized key: 'resolution'"}]}
            """
        #expect(try clip("wan-2-7-video-to-video", seconds: "5").corrected(after: refusal(body)) == nil)
    }

    @Test(arguments: duration)
    func `a corrected request is what a model that learned from the refusal makes`(body: String) throws {
        let request = try clip("wan-2-7-video-to-video", seconds: "5")
        guard case .invalid(let findings, _) = refusal(body) else {
            Issue.record("not a 400")
            return
        }
        var model = request.source.model
        let isNews = model.repair(from: findings)
        #expect(isNews)
        #expect(try QueueRequest(request.source.request, model: model) == request.corrected(after: refusal(body)))
    }

    @Test(arguments: [401, 402, 404, 409, 422, 429, 500, 504])
    func `only a 400 is answered, for it alone means that nothing was charged`(status: Int) throws {
        let request = try clip("wan-2-7-video-to-video", seconds: "5")
        #expect(request.corrected(after: refusal(Self.duration[0], status: status)) == nil)
        #expect(request.corrected(after: refusal(Self.duration[0], at: .quote)) == nil)
        #expect(request.corrected(after: .notSent(VeniceEvidence(endpoint: .queue, message: "duration"))) == nil)
    }

    @Test func `a model with a list of its own is never corrected`() throws {
        let model = try recordedModel("wan-2.5-preview-text-to-video")
        let request = try QueueRequest(model.plainRequest, model: model)
        for body in Self.duration + [#"{"error":"prompt is required"}"#] {
            #expect(request.corrected(after: refusal(body)) == nil)
        }
    }
}
