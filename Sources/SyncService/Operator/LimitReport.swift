public import Foundation
public import JobStore
import VideoModels

/// What is known of the upstream's limits: configured, told by it, used, held, rested. For the operator.
public struct LimitReport: Encodable, Sendable {
    public var budgets: [Budget]
    public var models: [Model]

    /// One account at one endpoint.
    public struct Budget: Encodable, Hashable, Sendable {
        public var account: String
        public var endpoint: String
        /// What this deployment allows itself in `windowSeconds`.
        public var configured: Int
        /// What holds now: the configured limit, or the smaller one that the upstream's headers told.
        public var limit: Int
        public var windowSeconds: TimeInterval
        /// Requests in the window that has just passed.
        public var used: Int
        /// Where all are used: until the oldest of them leaves the window.
        public var freeSeconds: TimeInterval?
        public var toldLimit: Int?
        public var toldSeconds: TimeInterval?
        /// The upstream asked for a pause of so many more seconds.
        public var heldSeconds: TimeInterval?
        public var breaker: Breaker
        public var restSeconds: TimeInterval?
        /// Refusals that count towards a rest, and how many bring one.
        public var failures: Int
        public var failureLimit: Int
        /// An operator keeps the account from being charged, since then and for that reason.
        public var pausedAt: Date?
        public var pauseReason: String?

        public enum Breaker: String, Encodable, Hashable, Sendable {
            /// Requests go through.
            case closed
            /// None does, so that the upstream does not block the account.
            case resting
            /// Single ones do, until one succeeds.
            case probing
        }

        enum CodingKeys: String, CodingKey {
            case account, endpoint, configured, limit, used, breaker, failures
            case windowSeconds = "window_seconds"
            case freeSeconds = "free_seconds"
            case toldLimit = "told_limit"
            case toldSeconds = "told_seconds"
            case heldSeconds = "held_seconds"
            case restSeconds = "rest_seconds"
            case failureLimit = "failure_limit"
            case pausedAt = "paused_at"
            case pauseReason = "pause_reason"
        }
    }

    /// A model that is offline or at capacity.
    public struct Model: Encodable, Hashable, Sendable {
        public var model: String
        /// Pauses in a row.
        public var failures: Int
        public var reason: String
        public var since: Date
        /// How long nobody asks for it; absent when one job at a time tries.
        public var pausedSeconds: TimeInterval?
        /// The job that tries.
        public var probe: String?

        enum CodingKeys: String, CodingKey {
            case model, failures, reason, since, probe
            case pausedSeconds = "paused_seconds"
        }
    }
}

extension Configuration {
    /// The limits of every account that is set up, and what else the database knows of.
    public func limitReport(from store: PostgresStore) async throws -> LimitReport {
        let window = rateWindow * timeScale
        let seen = try await store.budgets(window: window, failureWindow: window / 2)
        let pauses = try await store.accountPauses()
        let names = accounts.map(\.account.id) + (seen.map(\.account) + pauses.map(\.account)).sorted()
        var budgets: [LimitReport.Budget] = []
        for account in names where !budgets.contains(where: { $0.account == account }) {
            for limit in [limit(.queue), limit(.retrieve)] {
                let use = seen.first { $0.account == account && $0.endpoint == limit.endpoint }
                var budget = LimitReport.Budget(limit, of: account, use)
                if limit.endpoint == "queue", let pause = pauses.first(where: { $0.account == account }) {
                    (budget.pausedAt, budget.pauseReason) = (pause.since, pause.reason)
                }
                budgets.append(budget)
            }
        }
        return LimitReport(budgets: budgets, models: try await store.modelPauses().map(LimitReport.Model.init))
    }
}

extension LimitReport.Budget {
    fileprivate init(_ limit: RateLimit, of account: String, _ use: BudgetUse?) {
        self.account = account
        endpoint = limit.endpoint
        configured = limit.requests
        self.limit = min(limit.requests, use?.toldLimit ?? limit.requests)
        windowSeconds = limit.window
        used = use?.used ?? 0
        freeSeconds = used >= self.limit ? use?.freeSeconds : nil
        toldLimit = use?.toldLimit
        toldSeconds = use?.toldSeconds
        heldSeconds = use?.heldSeconds
        breaker =
            use?.isResting != true ? .closed : use?.isProbing == true || use?.restSeconds == nil ? .probing : .resting
        restSeconds = use?.restSeconds
        failures = use?.failures ?? 0
        failureLimit = AccountSignal.failureLimit
    }
}

extension LimitReport.Model {
    fileprivate init(_ pause: ModelPause) {
        model = pause.model
        failures = pause.failures
        reason = pause.reason
        since = pause.since
        pausedSeconds = pause.pauseSeconds > 0 ? pause.pauseSeconds : nil
        probe = (pause.probeSeconds ?? 0) > 0 ? pause.probe?.description : nil
    }
}
