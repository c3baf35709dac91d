public import Foundation

/// What the shared budget of one account and endpoint holds. Seconds count from the time of reading.
public struct BudgetUse: Hashable, Sendable {
    public var account: String
    public var endpoint: String
    /// Requests granted in the window that has just passed.
    public var used: Int
    /// Until the oldest of them leaves the window.
    public var freeSeconds: TimeInterval?
    /// A smaller limit that the upstream told, while it is believed.
    public var toldLimit: Int?
    public var toldSeconds: TimeInterval?
    /// The upstream asked for a pause of so many more seconds.
    public var heldSeconds: TimeInterval?
    /// Whether the account rests, or is tried by single requests after a rest.
    public var isResting: Bool
    public var restSeconds: TimeInterval?
    /// A single request is out, or has been.
    public var isProbing: Bool
    /// Refusals that count towards the next rest.
    public var failures: Int
}

extension PostgresStore {
    /// The upstream's headers named a limit. It tightens the budget that all workers share for so many seconds; a larger one
    /// than is configured changes nothing.
    public func tell(limit: Int, endpoint: String, account: String, for seconds: TimeInterval) async throws {
        try await pool.run { connection in
            _ = try connection.execute(
                UpstreamStatements.tellLimit,
                [.text(account), .text(endpoint), .int(min(max(1, limit), 1_000_000)), .double(seconds)])
        }
    }

    /// Every budget that has been used, for the operator. `window` is that of requests, `failureWindow` that of refusals.
    public func budgets(window: TimeInterval, failureWindow: TimeInterval) async throws -> [BudgetUse] {
        try await pool.run { connection in
            try connection.execute(UpstreamStatements.budgets, [.double(window), .double(failureWindow)]).map { row in
                func left(_ column: Field) throws -> TimeInterval? {
                    try row.optional(column, Row.double).flatMap { $0 > 0 ? $0 : nil }
                }
                return BudgetUse(
                    account: try row.text("account"), endpoint: try row.text("endpoint"), used: try row.int("used"),
                    freeSeconds: try left("free_seconds"),
                    toldLimit: try row.optional("told_limit", Row.int), toldSeconds: try left("told_seconds"),
                    heldSeconds: try left("held_seconds"), isResting: try row.bool("is_resting"),
                    restSeconds: try left("rest_seconds"), isProbing: try row.bool("is_probing"),
                    failures: try row.int("failures"))
            }
        }
    }
}
