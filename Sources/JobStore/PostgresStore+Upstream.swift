public import Foundation
public import JobLifecycle
public import VideoModels

/// A limit of the upstream for one endpoint: so many requests in any `window` seconds.
public struct RateLimit: Hashable, Sendable {
    public var endpoint: String
    public var requests: Int
    public var window: TimeInterval
    /// How many of them may come in any tenth of the window. All: whoever comes first is served first. A tenth: they come
    /// evenly, which is what looking at renderings wants.
    public var burst: Int

    public init(endpoint: String, requests: Int, window: TimeInterval, burst: Int? = nil) {
        self.endpoint = endpoint
        self.requests = requests
        self.window = window
        self.burst = burst ?? requests
    }

    /// A grant may be used this many seconds after it was given, half of which are for the request's way: grants are
    /// counted over windows that are longer by it, so the upstream never sees more than its limit.
    public var slack: TimeInterval { window / 60 }
    /// Requests a second when there is always work.
    public var rate: Double { Double(requests) / (window + slack) }
}

extension PostgresStore {
    /// What the shared budget answers.
    public enum Grant: Hashable, Sendable {
        /// So many requests may leave now, and within half of the limit's slack. A probe is the one request that shows
        /// whether a rested account is well again.
        case granted(Int, isProbe: Bool)
        /// None; ask again after so many seconds.
        case wait(TimeInterval)
    }

    /// Takes up to `wanted` requests at once from the budget that all workers share.
    public func take(_ limit: RateLimit, account: String, upTo wanted: Int) async throws -> Grant {
        try await pool.run { connection in
            let key: [Value] = [.text(account), .text(limit.endpoint)]
            let values =
                key + [
                    .int(wanted), .int(limit.requests), .double(limit.window + limit.slack), .int(limit.burst),
                    .double((limit.window + limit.slack) / 10), .double(limit.window / 2),
                ]
            var rows = try connection.execute(UpstreamStatements.takeBudget, values)
            if rows.count == 0 {
                try connection.execute(UpstreamStatements.openBudget, key)
                rows = try connection.execute(UpstreamStatements.takeBudget, values)
            }
            return try rows.first { row in
                let cells = try row.int("cells")
                if cells > 0 { return Grant.granted(cells, isProbe: try row.bool("is_probing")) }
                return .wait(max(0.001, try row.optional("seconds", Row.double) ?? limit.slack))
            } ?? .wait(limit.slack)
        }
    }

    /// Nobody asks this endpoint for so many seconds: the upstream said so.
    public func hold(endpoint: String, account: String, for seconds: TimeInterval) async throws {
        try await pool.run { connection in
            _ = try connection.execute(
                UpstreamStatements.holdBudget, [.text(account), .text(endpoint), .double(seconds)])
        }
    }

    /// Counts a failure of the account, and rests the account if there were `limit` in the last `window` seconds: no request
    /// for another `window`, then single ones until `closeBreaker`. Returns whether it was rested.
    public func countFailure(account: String, limit: Int, window: TimeInterval) async throws -> Bool {
        try await pool.transaction { connection in
            let values: [Value] = [.text(account), .double(window)]
            let count = try connection.execute(UpstreamStatements.countFailure, values).first { try $0.int("count") }
            guard let count, count >= limit else { return false }
            try connection.execute(UpstreamStatements.forgetFailures, [.text(account)])
            try connection.execute(UpstreamStatements.openBreaker, values)
            return true
        }
    }

    /// Rests the account, as `countFailure` does.
    public func openBreaker(account: String, for seconds: TimeInterval) async throws {
        try await pool.run { connection in
            _ = try connection.execute(UpstreamStatements.openBreaker, [.text(account), .double(seconds)])
        }
    }

    /// The account answers again. Returns whether it was resting.
    public func closeBreaker(account: String) async throws -> Bool {
        try await pool.run { connection in
            try connection.execute(UpstreamStatements.closeBreaker, [.text(account)]).count > 0
        }
    }

    public func save(_ models: [VideoModel], account: String) async throws {
        let text = String(decoding: try Wire.encode(models), as: UTF8.self)
        try await pool.run { connection in
            _ = try connection.execute(UpstreamStatements.saveModels, [.text(account), .text(text)])
        }
    }

    /// The models as last saved; nil if they never were.
    public func savedModels(account: String) async throws -> [VideoModel]? {
        try await pool.run { connection in
            try connection.execute(UpstreamStatements.models, [.text(account)]).first { row in
                try Wire.decode([VideoModel].self, from: try row.data("models"))
            }
        }
    }

    /// Adds a rendering's duration to what is known of its kind: the mean of its logarithm over the interval in which it
    /// ended, and that of the square.
    public func observe(_ kind: RenderingKind, mean: Double, square: Double) async throws {
        try await pool.run { connection in
            _ = try connection.execute(
                UpstreamStatements.observe,
                [
                    .text(kind.model), .text(kind.duration), .text(kind.resolution), .double(mean), .double(square),
                    .double(DurationKnowledge.memory),
                ])
        }
    }

    /// What is known of durations, the latest seen first, at most `limit` kinds.
    public func durations(limit: Int) async throws -> [RenderingKind: DurationKnowledge] {
        try await pool.run { connection in
            let pairs = try connection.execute(UpstreamStatements.laws, [.int(limit)]).map { row in
                (
                    RenderingKind(
                        model: try row.text("model"), duration: try row.text("duration"),
                        resolution: try row.text("resolution")),
                    DurationKnowledge(
                        count: try row.double("observations"), sum: try row.double("log_sum"),
                        squares: try row.double("log_squares"))
                )
            }
            return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        }
    }
}
