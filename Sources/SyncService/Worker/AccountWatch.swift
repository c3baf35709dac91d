import Foundation
import JobStore
import Logging
import Synchronization
import VeniceTransport

/// What one answer of the upstream says about its account as a whole. Pure.
enum AccountSignal: Hashable, Sendable {
    /// Nobody asks this endpoint for so many seconds.
    case pause(endpoint: String, seconds: TimeInterval)
    /// The account is blocked for too many failures, or one short of it.
    case blocked
    /// Counts towards that block.
    case failure
    case success
    case farewell(DeprecationNotice)
    /// An answer named so many requests as the endpoint's limit.
    case limit(endpoint: String, requests: Int)

    /// So many failures in half a minute rest an account. The guide says that 20 block it (PROTOCOL §13); what is on its way
    /// to other workers needs room.
    static let failureLimit = 15

    static func signals(
        _ endpoint: VeniceEndpoint, status: Int, _ headers: AnswerHeaders, at now: Date
    ) -> [AccountSignal] {
        // A file's host knows nothing of the account.
        guard endpoint != .download, endpoint != .deleteDownload else { return [] }
        var signals: [AccountSignal] = headers.deprecation.isGiven ? [.farewell(headers.deprecation)] : []
        if endpoint == .queue || endpoint == .retrieve, let limit = headers.rateLimits.limit, limit > 0 {
            signals.append(.limit(endpoint: endpoint.rawValue, requests: limit))
        }
        switch status {
        // Models and prices are open to everybody: they say nothing of the account.
        case 200..<300: if endpoint == .queue || endpoint == .retrieve { signals.append(.success) }
        case 429: signals += throttled(endpoint, headers.rateLimits, at: now)
        // PROTOCOL §13: neither an empty purse nor a body that is too long counts.
        case 402, 413: break
        case 400..<500:
            let isLast = headers.rateLimits.errorBudgetRemaining.map { $0 <= 3 } ?? false
            signals.append(isLast ? .blocked : .failure)
        default: break
        }
        return signals
    }

    private static func throttled(
        _ endpoint: VeniceEndpoint, _ limits: RateLimitHeaders, at now: Date
    ) -> [AccountSignal] {
        if limits.type == "FAILED_REQUESTS" { return [.blocked] }
        guard endpoint == .queue || endpoint == .retrieve, let moment = limits.retryAfter ?? limits.reset else {
            return []
        }
        return [.pause(endpoint: endpoint.rawValue, seconds: moment.delay(from: now).seconds)]
    }
}

/// Hears every answer of the upstream and does what concerns a whole account: pauses that all workers keep, a rest before
/// the upstream blocks it, a word to the operator about models that go away.
final class AccountWatch: Sendable {
    private struct Heard: Sendable {
        var account: String
        var signal: AccountSignal
    }

    private let store: PostgresStore
    /// The upstream's window for requests; failures are counted over half of it (PROTOCOL §13: 60 s and 30 s).
    private let window: TimeInterval
    private let log: Logger
    private let stream: AsyncStream<Heard>
    private let continuation: AsyncStream<Heard>.Continuation
    /// Accounts that may be resting: only for these is a success worth a word to the database.
    private let suspects = Mutex<Set<String>>([])
    private let farewells = Mutex<Set<DeprecationNotice>>([])
    /// The configured limits by endpoint: only a smaller one is worth a word.
    private let limits: [String: Int]
    private let metrics: ServiceMetrics?
    /// When a told limit was last passed on; once in a window will do.
    private let told = Mutex<[Told: ContinuousClock.Instant]>([:])

    private struct Told: Hashable {
        var account: String
        var endpoint: String
        var requests: Int
    }

    /// For so many windows a limit that a header named is believed without being heard again.
    static let toldWindows = 10.0

    /// Signals that wait for the database; older ones give way, since the upstream repeats itself.
    private static let backlog = 1024

    init(
        store: PostgresStore, window: TimeInterval, limits: [String: Int], metrics: ServiceMetrics? = nil, log: Logger
    ) {
        self.store = store
        self.metrics = metrics
        self.window = window
        self.limits = limits
        self.log = log
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.backlog))
    }

    func hear(_ account: String, _ endpoint: VeniceEndpoint, status: Int, _ headers: AnswerHeaders) {
        metrics?.upstream.add(1, endpoint.rawValue, ServiceMetrics.kind(of: status))
        for signal in AccountSignal.signals(endpoint, status: status, headers, at: Date()) {
            switch signal {
            case .success where !suspects.withLock { $0.contains(account) }: continue
            case .failure, .blocked: suspects.withLock { _ = $0.insert(account) }
            case .limit(let endpoint, let requests):
                guard isNews(Told(account: account, endpoint: endpoint, requests: requests)) else { continue }
            case .success, .pause, .farewell: break
            }
            continuation.yield(Heard(account: account, signal: signal))
        }
    }

    private func isNews(_ limit: Told) -> Bool {
        guard limit.requests < limits[limit.endpoint] ?? 0 else { return false }
        return told.withLock { told in
            let now = ContinuousClock.now
            if let last = told[limit], now - last < .seconds(window) { return false }
            // A header that names another number each time must not fill the memory.
            if told.count >= 1000 { told = [:] }
            told[limit] = now
            return true
        }
    }

    /// A single request is out to see whether a rested account is well again.
    func noteProbe(_ account: String) { suspects.withLock { _ = $0.insert(account) } }

    /// Acts on what is heard until the task is cancelled.
    func run() async {
        for await heard in stream {
            do { try await act(heard) } catch {
                log.warning(
                    "cannot note what the upstream said of an account",
                    metadata: ["account": "\(heard.account)", "error": "\(error)"])
            }
        }
    }

    private func act(_ heard: Heard) async throws {
        let account = heard.account
        switch heard.signal {
        case .pause(let endpoint, let seconds):
            try await store.hold(endpoint: endpoint, account: account, for: seconds)
            log.notice(
                "the upstream asks for a pause",
                metadata: ["account": "\(account)", "endpoint": "\(endpoint)", "seconds": "\(seconds)"])
        case .blocked:
            try await store.openBreaker(account: account, for: window / 2)
            report(restOf: account)
        case .failure:
            if try await store.countFailure(
                account: account, limit: AccountSignal.failureLimit, window: window / 2)
            {
                report(restOf: account)
            }
        case .success:
            suspects.withLock { _ = $0.remove(account) }
            if try await store.closeBreaker(account: account) {
                log.notice("the account answers again", metadata: ["account": "\(account)"])
            }
        case .limit(let endpoint, let requests):
            try await store.tell(
                limit: requests, endpoint: endpoint, account: account, for: window * Self.toldWindows)
            log.notice(
                "the upstream names a smaller limit",
                metadata: ["account": "\(account)", "endpoint": "\(endpoint)", "requests": "\(requests)"])
        case .farewell(let notice): say(notice)
        }
    }

    private func report(restOf account: String) {
        log.error(
            "too many refusals: the account rests before the upstream blocks it",
            metadata: ["account": "\(account)", "seconds": "\(window / 2)"])
    }

    /// Once for each notice; a process that has heard of a thousand has heard enough.
    private func say(_ notice: DeprecationNotice) {
        let isNew = farewells.withLock { $0.count < 1000 && $0.insert(notice).inserted }
        guard isNew else { return }
        log.warning(
            "the upstream announces an end",
            metadata: [
                "warning": "\(notice.warning ?? "-")", "date": "\(notice.date ?? notice.word ?? "-")",
                "successor": "\(notice.successor ?? "-")",
            ])
    }
}
