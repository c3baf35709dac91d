import JobLifecycle
import JobStore
import VeniceTransport
import VideoModels

/// What a process counts while it works. Every label has a fixed list of values: never a user, a job or a text.
final class ServiceMetrics: Sendable {
    private static let seconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

    let accepted = MetricCounter("gondola_jobs_accepted_total", "Jobs that this process took in from phones.")
    let events = MetricCounter(
        "gondola_job_events_total", "What happened to jobs in this process, by the event.",
        by: MetricLabel("event", JobEvent.words))
    let failures = MetricCounter(
        "gondola_job_failures_total", "Jobs that ended without a video, by the code of the failure.",
        by: MetricLabel("code", Failure.Code.allCases.map(\.rawValue)))
    let setbacks = MetricCounter(
        "gondola_job_setbacks_total", "Passing troubles of jobs, by their class.",
        by: MetricLabel("class", Setback.Kind.allCases.map(\.word)))
    let steps = MetricHistogram(
        "gondola_job_step_duration_seconds", "How long one step of a job took, without its waits.",
        bounds: ServiceMetrics.seconds,
        by: MetricLabel("step", NextAction.words))
    let ready = MetricHistogram(
        "gondola_job_ready_seconds", "From a job's acceptance to its video.",
        bounds: [5, 15, 30, 60, 120, 180, 300, 600, 1200, 3600, 10_800, 86_400])
    let detectionLag = MetricHistogram(
        "gondola_detection_lag_seconds",
        "From the last look that found a rendering under way to the one that found it finished: the longest that the "
            + "video can have lain there.", bounds: [0.5, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60, 120, 300])
    let polls = MetricHistogram(
        "gondola_job_polls", "Looks that a rendering took until it was found finished.",
        bounds: [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50])
    let upstream = MetricCounter(
        "gondola_upstream_answers_total", "Answers of the upstream, by endpoint and kind of status.",
        by: MetricLabel("endpoint", VeniceEndpoint.allCases.map(\.rawValue)),
        MetricLabel("status", ServiceMetrics.statuses))
    let requests = MetricCounter(
        "gondola_http_requests_total", "Requests of the phone's API that were answered, by kind of status.",
        by: MetricLabel("status", ServiceMetrics.statuses))
    let requestSeconds = MetricHistogram(
        "gondola_http_request_duration_seconds",
        "Until an answer of the phone's API began, without the feed's, which waits on purpose.",
        bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
    let feedLag = MetricHistogram(
        "gondola_feed_delivery_lag_seconds",
        "From the hint that something of a user changed to the page that a waiting phone is given.",
        bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
    let videoBytes = MetricCounter(
        "gondola_video_stored_bytes_total", "Bytes of videos that were brought home by this process.")
    let sentBytes = MetricCounter(
        "gondola_http_sent_bytes_total", "Bytes that phones and players were sent, heads included.")

    private static let statuses = ["2xx", "3xx", "4xx", "429", "5xx"]

    /// The kind of a status, 429 apart: it speaks of limits and not of mistakes.
    static func kind(of status: Int) -> String { status == 429 ? "429" : "\(status / 100)xx" }

    var families: [MetricFamily] {
        [accepted, events, failures, setbacks, upstream, requests, videoBytes, sentBytes].map(\.family)
            + [steps, ready, detectionLag, polls, requestSeconds, feedLag].map(\.family)
    }

    /// All that there was since the start, as far as the register tells of it.
    var figures: RecentFigures {
        var figures = RecentFigures()
        let events = [
            "quoted": ["priced"], "submitting": ["submissionIntended"], "rendering": ["submissionAccepted"],
            "downloading": ["videoAnnounced"], "ready": ["videoStored"], "failed": ["refused", "renderingFailed"],
            "attention": ["submissionLost", "consentAsked", "accountBlocked"],
        ]
        figures.entered = events.mapValues { names in names.reduce(0) { $0 + Int(self.events.value($1)) } }
        figures.entered["accepted"] = Int(accepted.value())
        (figures.detected, figures.detectionLagSeconds) = detectionLag.total
        return figures
    }

    /// A step of a job is durable.
    func count(_ event: JobEvent, after polls: Int?, acceptedSecondsAgo: Double) {
        events.add(1, event.word)
        switch event {
        case .setback(let setback), .submissionNotSent(let setback): setbacks.add(1, setback.kind.word)
        case .refused(let failure), .renderingFailed(let failure): failures.add(1, failure.code)
        case .videoStored(let video):
            ready.observe(acceptedSecondsAgo)
            videoBytes.add(Double(video.bytes))
            if let polls { self.polls.observe(Double(polls)) }
        default: break
        }
    }

    /// The handler, with its answers counted.
    func counted(_ handle: @escaping APIHandler) -> APIHandler {
        { [self] request in
            let begin = ContinuousClock.now
            let response = await handle(request)
            count(request, response, since: begin)
            return response
        }
    }

    private func count(_ request: APIRequest, _ response: APIResponse, since begin: ContinuousClock.Instant) {
        requests.add(1, Self.kind(of: response.status))
        if request.path != "/v1/changes" { requestSeconds.observe((ContinuousClock.now - begin).seconds) }
    }

    /// The handler, with its answers counted; what it does not answer is counted by whoever does.
    func counted(_ handle: @escaping InstantHandler) -> InstantHandler {
        { [self] request in
            let begin = ContinuousClock.now
            guard let response = handle(request) else { return nil }
            count(request, response, since: begin)
            return response
        }
    }
}

extension JobEvent {
    /// The event's name without what it carries, which may be secret.
    var word: String {
        switch self {
        case .priced: "priced"
        case .refused: "refused"
        case .submissionIntended: "submissionIntended"
        case .submissionAccepted: "submissionAccepted"
        case .submissionNotSent: "submissionNotSent"
        case .submissionCorrectable: "submissionCorrectable"
        case .submissionLost: "submissionLost"
        case .consentAsked: "consentAsked"
        case .accountBlocked: "accountBlocked"
        case .stillRendering: "stillRendering"
        case .videoAnnounced: "videoAnnounced"
        case .videoStored: "videoStored"
        case .renderingFailed: "renderingFailed"
        case .cleanedUp: "cleanedUp"
        case .postponed: "postponed"
        case .held: "held"
        case .setback: "setback"
        case .cancelRequested: "cancelRequested"
        case .decided: "decided"
        }
    }

    /// Those that a worker brings about.
    static let words = [
        "priced", "refused", "submissionIntended", "submissionAccepted", "submissionNotSent", "submissionCorrectable",
        "submissionLost", "consentAsked", "accountBlocked", "stillRendering", "videoAnnounced", "videoStored",
        "renderingFailed", "cleanedUp", "postponed", "held", "setback",
    ]
}

extension NextAction {
    /// The step's name in metrics.
    var word: String {
        switch self {
        case .price: "price"
        case .intendSubmission: "intend"
        case .submit: "submit"
        case .reportLost: "report_lost"
        case .poll: "poll"
        case .store: "store"
        case .cleanUp: "clean_up"
        }
    }

    static let words = ["price", "intend", "submit", "report_lost", "poll", "store", "clean_up"]
}

extension Setback.Kind {
    var word: String {
        switch self {
        case .throttled: "throttled"
        case .unreachable: "unreachable"
        case .serverError: "server_error"
        case .storage: "storage"
        case .accountRefused: "account_refused"
        case .modelUnavailable: "model_unavailable"
        }
    }
}
