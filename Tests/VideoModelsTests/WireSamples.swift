import Foundation
import TestSupport
import Testing
import VideoModels

/// One fixed value of each type that phones read or write, with everything that it can hold.
struct WireSample: Sendable, CustomTestStringConvertible {
    var name: String
    /// The value as it stands on the wire.
    var encoded: @Sendable () throws -> Data
    /// Decodes, and encodes again what came of it; nil if that is not the value.
    var reencoded: @Sendable (Data) throws -> Data?

    init<Value: Codable & Equatable & Sendable>(_ name: String, _ value: Value) {
        self.name = name
        encoded = { try Wire.encode(value) }
        reencoded = { data in
            let decoded = try Wire.decode(Value.self, from: data)
            return decoded == value ? try Wire.encode(decoded) : nil
        }
    }

    var testDescription: String { name }

    static let all: [WireSample] = [
        WireSample("request", request), WireSample("request-least", VideoRequest(model: "m", prompt: "p")),
        WireSample(
            "submission",
            JobSubmission(request: VideoRequest(model: "m"), maxPrice: Money("1.5"), priority: .known(.high))),
        WireSample("model", model), WireSample("model-upscale", VideoModel.upscaleSample),
        WireSample("job", job), WireSample("job-waiting", Job.sample),
        WireSample(
            "job-detail",
            JobDetail(job: .sample, sequence: 3, timeline: [Job.Step(status: .known(.waiting), at: .sample)])),
        WireSample("step-decided", Job.Step(status: .known(.attention), at: .sample, decision: .known(.wait))),
        WireSample("device", device), WireSample("me", me),
        WireSample("video", Video.sample), WireSample("asset", asset),
        WireSample("asset-page", AssetPage(assets: [asset], hasMore: true)),
        WireSample("video-link", VideoLink(url: "/v1/links/x", expiresAt: .sample)), WireSample("quote", quote),
        WireSample("change-page", page), WireSample("settings", settings), WireSample("spending", spending),
        WireSample("keeping", KeepingRule(days: 90, newest: 500, quotaBytes: 1, quotaRemovesOldest: true)),
        WireSample("digest-page", digest), WireSample("problem", problem),
        WireSample("problem-least", Problem(status: 404, code: .notFound, title: "t")),
        WireSample("change-batch", batch),
        WireSample(
            "deletion", Deletion(sequence: 7, kind: .known(.video), id: "\(VideoID.sample())", undeleteUntil: .sample)),
    ]

    static let request: VideoRequest = {
        var request = VideoRequest.sample
        let source = MediaSource.url("https://a.example/1")
        request.negativePrompt = "text"
        request.audio = true
        request.upscaleFactor = 2
        request.image = .asset(.sample(5))
        request.endImage = .url("https://a.example/end.png")
        request.audioTrack = .url("https://a.example/a.mp3")
        request.video = .url("https://a.example/v.mp4")
        request.referenceImages = [.url("https://a.example/r.png")]
        request.referenceVideos = [source]
        request.referenceAudios = [source]
        request.referenceDocuments = [source]
        request.referenceVideoSeconds = 12.5
        request.elements = [
            VideoRequest.Element(frontalImage: source, referenceImages: [source, source]),
            VideoRequest.Element(video: .asset(.sample(6))),
        ]
        request.sceneImages = [source]
        request.keyframes = [VideoRequest.Keyframe(image: source, frame: 48)]
        request.imageReferences = [VideoRequest.ImageReference(image: source, role: .known(.subject), name: "hero")]
        request.videoReferences = [VideoRequest.VideoReference(video: source, name: "dog", audio: source)]
        request.cameraPath = [
            VideoRequest.CameraPoint(time: 0, azimuth: -30, elevation: 10, distance: 1.5),
            VideoRequest.CameraPoint(time: 1, azimuth: 30, elevation: -10.25, distance: 2),
        ]
        request.referenceTask = .known(.edit)
        request.bitrate = .unknown("lavish")
        request.voice = "alto"
        return request
    }()

    static let model: VideoModel = {
        var model = VideoModel.recorded("seedance-2-5-reference-to-video-basic")
        model.description = "Makes videos."
        model.source = "https://a.example/model"
        model.tags = ["featured"]
        model.isRestricted = true
        model.isUncensored = true
        model.createdAt = .sample
        model.deprecation = VideoModel.Deprecation(
            removedAt: .sample, startsAt: .sample, isRemapped: true, replacement: "seedance-3")
        return model
    }()

    static let job: Job = {
        var job = Job.sample
        job.status = .unknown("teleporting")
        job.price = .sample
        job.estimate = Job.Estimate(startedAt: .sample, usualSeconds: 90)
        job.estimate?.range = Job.Span(early: 60, likely: 75.5, late: 110)
        job.estimate?.law = DurationLaw([DurationLaw.Part(weight: 1, mu: 4.25, sigma: 0.5)])
        job.estimate?.deadlineSeconds = 86_400
        job.priority = .known(.low)
        job.videoID = .sample()
        job.failure = Job.Failure(
            code: "content_policy", message: "No.", refunded: false, recommendedModel: "m-2",
            suggestedPrompt: "a calm sea", hint: "less", budget: budget)
        job.attention = Job.Attention(
            kind: .known(.consentNeeded), message: "?",
            consent: Job.ConsentPolicy(
                policyText: "I may.", version: "2", docsURL: "https://docs.example/consent", media: ["image"]),
            since: .sample, priceAtRisk: .sample, evidence: "timeout", verdict: .unknown("perhaps"),
            choices: [Job.Attention.Choice(.wait, cost: .zero, message: "Wait.")], revision: 7)
        job.hold = Job.Hold(kind: .known(.spendingCap), message: "Later.", until: .sample)
        return job
    }()

    static let budget = Job.Failure.Budget(
        period: .known(.day), limit: .sample, spent: .zero, price: .sample, renewsAt: .sample)

    static let quote = Quote(
        price: .sample,
        budget: Quote.Room(
            fits: true,
            limits: [Quote.Limit(period: .known(.month), limit: .sample, spent: .zero, renewsAt: .sample)]))

    static let asset = Asset(
        id: .sample(), contentType: "image/png", bytes: 7, sha256: String(repeating: "0", count: 64),
        createdAt: .sample, expiresAt: .sample)

    static let device = DeviceInfo(
        id: .sample(2), name: "phone", scopes: [.known(.read), .unknown("dream")], createdAt: .sample,
        lastSeenAt: .sample, expiresAt: .sample, isCurrent: true)

    static let me = Me(
        id: .sample(), name: "alice", createdAt: .sample,
        limits: Me.Limits(
            activeJobs: 20, activeNow: 1, requestsPerMinute: 1200, requestsAtOnce: 32, assetBytes: 26_214_400),
        spending: spending,
        device: device)

    static let page = ChangePage(
        isSnapshot: false,
        changes: [
            Change(sequence: 3, object: .job(.sample)), Change(sequence: 4, object: .video(.sample)),
            Change(sequence: 5, object: .deleted(kind: .known(.job), id: JobID.sample().description)),
            Change(sequence: 6, object: .deleted(kind: .unknown("album"), id: "a")),
            Change(sequence: 7, object: .unknown(kind: "album", id: "b")),
            Change(sequence: 8, object: .settings(settings)), Change(sequence: 9, object: .spending(spending)),
        ], cursor: "1.x", hasMore: true, from: 3, through: 9)

    static let settings = UserSettings(
        id: .sample(), name: "Ann", activeJobLimit: 20, budgetPerDay: .sample, budgetPerMonth: Money("100"),
        keeping: KeepingRule(days: 90, newest: 500, quotaBytes: 20_000_000_000, quotaRemovesOldest: true))

    static let spending = Spending(
        id: .sample(), day: Spending.Period(startsOn: "2026-11-21", spent: .zero, budget: .sample),
        month: Spending.Period(startsOn: "2026-11-01", spent: .sample, budget: .zero))

    static let digest = DigestPage(
        sequence: 9, prefix: "0", count: 2, digest: String(repeating: "0a", count: 16),
        children: [DigestPage.Node(prefix: "0f", count: 2, digest: String(repeating: "0a", count: 16))],
        objects: [DigestPage.Entry(kind: .known(.job), id: JobID.sample().description, sequence: 3)])

    static let problem = Problem(
        status: 422, code: .validationFailed, title: "Not valid", detail: "d", requestID: "r",
        errors: [Finding(field: "duration", code: .notAllowed, message: "m", given: "7s", allowed: ["5s"])])

    static let batch: ChangeBatch = {
        var state = FeedState()
        (state.cursor, state.through, state.phase, state.round) = ("1.y", 9, .catchingUp, 2)
        return ChangeBatch(state, changes: page.changes, dropsEarlierRounds: true)
    }()
}
