public import Foundation
public import VideoModels

/// A limit of the upstream for one endpoint: so many requests in any `window` seconds.
public struct RateLimit: Hashable, Sendable {
    public var endpoint: String
    public var requests: Int
    public var window: TimeInterval

    public init(endpoint: String, requests: Int, window: TimeInterval) {
        self.endpoint = endpoint
        self.requests = requests
        self.window = window
    }

    /// How many requests may come at once. What a burst takes is taken from the steady rate, so that burst and rate
    /// together never pass the limit in any window.
    var burst: Int { max(1, requests / 10) }
    /// Seconds between requests at the steady rate; one request a window is kept back for clocks and queues on the way.
    var interval: TimeInterval { window / Double(max(1, requests - burst - 1)) }
    /// How far ahead of time the theoretical arrival may run.
    var tolerance: TimeInterval { interval * Double(burst - 1) }
}

extension PostgresStore {
    /// Takes one request from the budget that all workers share. Returns nil, or the seconds to wait before asking again.
    public func take(_ limit: RateLimit, account: String) async throws -> TimeInterval? {
        try await pool.run { connection in
            let key: [Value] = [.text(account), .text(limit.endpoint)]
            try connection.execute(UpstreamStatements.openBudget, key)
            let taken = try connection.execute(
                UpstreamStatements.takeBudget, key + [.double(limit.interval), .double(limit.tolerance)])
            if taken.count == 1 { return nil }
            let wait = try connection.execute(UpstreamStatements.untilBudget, key + [.double(limit.tolerance)])
            return max(0.001, try wait.first { try $0.double("seconds") } ?? limit.interval)
        }
    }

    /// Nobody asks this endpoint for so many seconds: the upstream said so.
    public func hold(endpoint: String, account: String, for seconds: TimeInterval) async throws {
        try await pool.run { connection in
            _ = try connection.execute(
                UpstreamStatements.holdBudget, [.text(account), .text(endpoint), .double(seconds)])
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
}
