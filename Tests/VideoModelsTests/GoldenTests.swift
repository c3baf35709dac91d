import Foundation
import TestSupport
import Testing
import VideoModels

/// What is on the wire is a promise to phones in the field: these texts only ever grow.
@Suite struct GoldenTests {
    private func expect<Value: Codable & Equatable>(_ value: Value, writes golden: String) throws {
        let json = try Wire.encode(value)
        #expect(String(decoding: json, as: UTF8.self) == golden)
        #expect(try Wire.decode(Value.self, from: Data(golden.utf8)) == value)
    }

    @Test func `a request with everything`() throws {
        var request = VideoRequest.sample
        request.negativePrompt = "text"
        request.audio = true
        request.upscaleFactor = 2
        request.image = .asset(.sample(5))
        request.endImage = .url("https://a.example/end.png")
        request.audioTrack = .url("https://a.example/a.mp3")
        request.video = .url("https://a.example/v.mp4")
        request.referenceImages = [.url("https://a.example/r.png")]
        try expect(
            request,
            writes: #"{"aspect_ratio":"16:9","audio":true,"audio_track":{"url":"https://a.example/a.mp3"},"#
                + #""duration":"5s","end_image":{"url":"https://a.example/end.png"},"#
                + #""image":{"asset_id":"\#(AssetID.sample(5))"},"model":"wan-2.5-preview-text-to-video","#
                + #""negative_prompt":"text","prompt":"A lighthouse in the storm","#
                + #""reference_images":[{"url":"https://a.example/r.png"}],"resolution":"720p","upscale_factor":2,"#
                + #""video":{"url":"https://a.example/v.mp4"}}"#)
        #expect(
            request.media.map(\.field) == ["image", "end_image", "audio_track", "video", "reference_images[0]"])
    }

    @Test func `absent fields stay out`() throws {
        try expect(VideoRequest(model: "m", prompt: "p"), writes: #"{"model":"m","prompt":"p"}"#)
        try expect(
            JobSubmission(request: VideoRequest(model: "m"), maxPrice: Money("1.5")),
            writes: #"{"max_price":"1.5","request":{"model":"m"}}"#)
    }

    @Test(arguments: ["{}", #"{"asset_id":"019aa5d6-0000-7000-8000-000000000000","url":"https://a.b"}"#])
    func `a source is one of asset and address`(json: String) {
        #expect(throws: DecodingError.self) { try Wire.decode(MediaSource.self, from: Data(json.utf8)) }
    }

    static let head = #""created_at":"2026-11-21T09:30:00.125Z","#
    static let request =
        #""request":{"aspect_ratio":"16:9","duration":"5s","model":"wan-2.5-preview-text-to-video","#
        + #""prompt":"A lighthouse in the storm","resolution":"720p"},"#
    static let id = JobID.sample().description
    static let updated = #""updated_at":"2026-11-21T09:30:00.125Z""#

    @Test func `a job that waits`() throws {
        try expect(
            Job.sample,
            writes: #"{\#(Self.head)"id":"\#(Self.id)",\#(Self.request)"status":"waiting",\#(Self.updated)}"#)
    }

    @Test func `a job with everything`() throws {
        var job = Job.sample
        job.status = .unknown("teleporting")
        job.price = .sample
        job.estimate = Job.Estimate(startedAt: .sample, usualSeconds: 90)
        job.videoID = .sample()
        job.failure = Job.Failure(code: "content_policy", message: "No.", refunded: false)
        job.attention = Job.Attention(kind: .known(.unknownOutcome), message: "?")
        try expect(
            job,
            writes: #"{"attention":{"kind":"unknown_outcome","message":"?"},\#(Self.head)"#
                + #""estimate":{"started_at":"2026-11-21T09:30:00.125Z","usual_seconds":90},"#
                + #""failure":{"code":"content_policy","message":"No.","refunded":false},"#
                + #""id":"\#(Self.id)","price":"0.55",\#(Self.request)"status":"teleporting",\#(Self.updated),"#
                + #""video_id":"\#(VideoID.sample())"}"#)
    }

    static let video =
        #"{"bytes":4096,"content_type":"video/mp4","created_at":"2026-11-21T09:30:00.125Z","duration_seconds":5,"#
        + #""has_sound":true,"height":720,"id":"\#(VideoID.sample())","job_id":"\#(JobID.sample())","#
        + #""model":"wan-2.5-preview-text-to-video","sha256":"\#(String(repeating: "ab", count: 32))","width":1280}"#

    @Test func `a video and an asset`() throws {
        try expect(Video.sample, writes: Self.video)
        let hash = String(repeating: "0", count: 64)
        try expect(
            Asset(id: .sample(), contentType: "image/png", bytes: 7, sha256: hash, createdAt: .sample),
            writes: #"{"bytes":7,"content_type":"image/png","created_at":"2026-11-21T09:30:00.125Z","#
                + #""id":"\#(AssetID.sample())","sha256":"\#(hash)"}"#)
    }

    @Test func `a page with each kind of change`() throws {
        let page = ChangePage(
            isSnapshot: false,
            changes: [
                Change(sequence: 4, object: .video(.sample)),
                Change(sequence: 5, object: .deleted(kind: .known(.job), id: Self.id)),
                Change(sequence: 6, object: .deleted(kind: .unknown("album"), id: "a")),
                Change(sequence: 7, object: .unknown(kind: "album", id: "b")),
            ], cursor: "1.x", hasMore: true, from: 3, through: 7)
        try expect(
            page,
            writes: #"{"changes":[{"id":"\#(VideoID.sample())","kind":"video","sequence":4,"video":\#(Self.video)},"#
                + #"{"deleted":true,"id":"\#(Self.id)","kind":"job","sequence":5},"#
                + #"{"deleted":true,"id":"a","kind":"album","sequence":6},"#
                + #"{"id":"b","kind":"album","sequence":7}],"#
                + #""cursor":"1.x","from":3,"has_more":true,"is_snapshot":false,"through":7}"#)
    }

    @Test func `a change of a kind that came later is kept out without an error`() throws {
        let json = #"{"album":{"name":"x"},"id":"b","kind":"album","sequence":7}"#
        let change = try Wire.decode(Change.self, from: Data(json.utf8))
        #expect(change == Change(sequence: 7, object: .unknown(kind: "album", id: "b")))
        let job = #"{"id":"\#(Self.id)","kind":"job","sequence":7}"#
        #expect(throws: DecodingError.self) { try Wire.decode(Change.self, from: Data(job.utf8)) }
    }

    @Test func `a problem with its findings`() throws {
        try expect(
            Problem(
                status: 422, code: .validationFailed, title: "Not valid", detail: "d", requestID: "r",
                errors: [
                    Finding(field: "duration", code: .notAllowed, message: "m", given: "7s", allowed: ["5s"])
                ]),
            writes: #"{"code":"validation_failed","detail":"d","errors":[{"allowed":["5s"],"code":"not_allowed","#
                + #""field":"duration","given":"7s","message":"m"}],"request_id":"r","status":422,"#
                + #""title":"Not valid","type":"urn:gondola:problem:validation_failed"}"#)
        try expect(
            Problem(status: 404, code: .notFound, title: "t"),
            writes: #"{"code":"not_found","status":404,"title":"t","type":"urn:gondola:problem:not_found"}"#)
    }

    @Test func `a finding shortens what was given`() {
        let finding = Finding(field: "f", code: .tooLong, message: "m", given: String(repeating: "x", count: 500))
        #expect(finding.given?.count == 200)
    }

    @Test func `details, quotes and models`() throws {
        try expect(
            JobDetail(job: .sample, sequence: 3, timeline: [Job.Step(status: .known(.waiting), at: .sample)]),
            writes: #"{"job":{\#(Self.head)"id":"\#(Self.id)",\#(Self.request)"status":"waiting",\#(Self.updated)},"#
                + #""sequence":3,"timeline":[{"at":"2026-11-21T09:30:00.125Z","status":"waiting"}]}"#)
        try expect(Quote(price: .sample), writes: #"{"price":"0.55"}"#)
        try expect(
            VideoModel.upscaleSample,
            writes: #"{"aspect_ratios":[],"durations":["Auto"],"id":"topaz-video-upscale","is_offline":false,"#
                + #""kind":"video","name":"Topaz","privacy":"anonymized","prompt_character_limit":2500,"#
                + #""resolutions":["2x","4x"],"sound":"none","takes_audio_track":false,"takes_video":true}"#)
    }

    @Test func `the words of the wire are stable`() {
        #expect(
            Job.Status.allCases.map(\.rawValue) == [
                "waiting", "submitting", "rendering", "downloading", "ready", "failed", "cancelled", "attention",
            ])
        #expect(Job.Status.allCases.filter(\.isFinal) == [.ready, .failed, .cancelled])
        #expect(
            Job.Attention.Kind.allCases.map(\.rawValue) == ["unknown_outcome", "consent_needed", "account_blocked"])
        #expect(Change.Kind.allCases.map(\.rawValue) == ["job", "video"])
    }
}

@Suite struct EstimateTests {
    @Test func `progress grows, stands at 0,8 at the usual time and never claims to be done`() {
        let estimate = Job.Estimate(startedAt: .sample, usualSeconds: 90)
        let steps = (0..<500).map { estimate.progress(at: Date.sample.addingTimeInterval(Double($0))) }
        #expect(steps == steps.sorted())
        #expect(steps[0] == 0)
        #expect(abs(steps[90] - 0.8) < 0.0001)
        #expect(steps[499] == 0.99)
    }

    @Test func `a clock that is behind and an estimate of nothing give 0`() {
        let estimate = Job.Estimate(startedAt: .sample, usualSeconds: 90)
        #expect(estimate.progress(at: Date.sample.addingTimeInterval(-60)) == 0)
        #expect(Job.Estimate(startedAt: .sample, usualSeconds: 0).progress(at: .distantFuture) == 0)
    }
}
