import StackSupport
import VeniceSimulator
import VideoModels

/// One way that a job may take. Between them the scenarios reach every failpoint.
struct CrashScenario: Sendable {
    var name: String
    var request: VideoRequest
    var faults: [Fault] = []
    /// Where processes die before the one that is looked at.
    var prelude: [String] = []
    var meddling = Meddling.none
    /// Seconds of the real service's clock.
    var rendering = 5.0
    /// How many such jobs the phone submits, one after the other.
    var jobs = 1
    /// Settings of every process of this way.
    var environment: [String: String] = [:]

    /// What happens to the process from outside.
    enum Meddling: Sendable {
        case none
        /// Another worker takes the job over while the paid request is under way.
        case steal
        /// It is told to drain while the job renders.
        case drain
        /// Killed by the test once the upstream holds an answer back.
        case killWhileHeld
    }

    /// Sixteen times as fast as the real service, leases included.
    static let timeScale = 0.06

    static let all = [
        CrashScenario(name: "inline", request: Stack.textRequest()),
        CrashScenario(name: "private link", request: Stack.privateRequest()),
        CrashScenario(name: "slow rendering", request: Stack.textRequest(), rendering: 40),
        CrashScenario(name: "drained", request: Stack.textRequest(), meddling: .drain, rendering: 60),
        CrashScenario(name: "replay", request: Stack.textRequest(), prelude: ["journalDurable"]),
        CrashScenario(
            name: "stolen", request: Stack.privateRequest(),
            // Time enough to steal it even on a busy machine, and the answer comes before the thief's lease ends.
            faults: [Fault(.init(endpoint: .queue), .answerLate(milliseconds: 1200))], meddling: .steal),
        CrashScenario(
            name: "corrected", request: correctable,
            faults: [
                Fault(
                    .init(endpoint: .queue),
                    .reply(
                        status: 400, headers: ["Content-Type": "application/json"],
                        body: #"{"error":"duration is required for this model"}"#, processed: false))
            ]),
        CrashScenario(
            name: "throttled", request: Stack.textRequest(),
            faults: [Fault(.init(endpoint: .queue), .tooManyRequests(form: .retryAfter, seconds: 1))]),
        CrashScenario(
            name: "lost answer", request: Stack.textRequest(), faults: [Fault(.init(endpoint: .queue), .loseAnswer)]),
        CrashScenario(
            name: "broken download", request: Stack.privateRequest(),
            faults: [
                Fault(.init(endpoint: .download), .truncate(after: 5000)),
                Fault(.init(endpoint: .retrieve), .badGateway),
            ]),
        // The second waits for its turn, and both for room in every budget.
        CrashScenario(
            name: "one at a time", request: Stack.textRequest(), jobs: 2,
            environment: [
                "GONDOLA_ACTIVE_JOBS": "1", "GONDOLA_SPENDING_CAP_PER_DAY": "100", "GONDOLA_USER_BUDGET_PER_DAY": "100",
            ]),
        CrashScenario(
            name: "at capacity", request: Stack.textRequest(),
            faults: [Fault(.init(endpoint: .quote), .refuse(with: .capacity))]),
        // The account rests, and is asked once more before everybody is.
        CrashScenario(
            name: "blocked", request: Stack.textRequest(),
            faults: [
                Fault(.init(endpoint: .retrieve), .block(seconds: 1)),
                Fault(
                    .init(endpoint: .retrieve, nth: 2),
                    .reply(
                        status: 429, headers: ["x-ratelimit-limit-requests": "60", "Retry-After": "1"], body: "{}",
                        processed: false)),
            ]),
    ]

    /// Each question after it was sent and before anything comes back: the upstream holds its answer.
    static let held: [CrashScenario] = [
        (Endpoint.quote, Stack.textRequest()), (.queue, Stack.textRequest()), (.retrieve, Stack.textRequest()),
        (.download, Stack.privateRequest()),
    ].map { endpoint, request in
        CrashScenario(
            name: "\(endpoint) held", request: request, faults: [Fault(.init(endpoint: endpoint), .neverAnswer)],
            meddling: .killWhileHeld)
    }

    private static let correctable = {
        var request = VideoRequest(model: "wan-2-7-video-to-video", prompt: "the same by night")
        (request.resolution, request.duration) = ("720p", "5")
        request.video = .url("https://media.example.com/clip.mp4")
        return request
    }()
}
