public import Foundation
public import VideoModels

/// Sums over the ledger.
public struct LedgerBalance: Hashable, Sendable, Encodable {
    public var rows: Int
    public var reserved: Money
    public var settled: Money
    public var released: Money
    public var refunded: Money
    /// Neither settled nor released yet.
    public var held: Money { reserved - settled - released }
    public var spent: Money { settled - refunded }

    enum CodingKeys: String, CodingKey { case rows, reserved, settled, released, refunded, held, spent }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(rows, forKey: .rows)
        for (key, amount) in [
            (CodingKeys.reserved, reserved), (.settled, settled), (.released, released), (.refunded, refunded),
            (.held, held), (.spent, spent),
        ] {
            try container.encode(amount, forKey: key)
        }
    }
}

/// What one user, one model or one day has spent.
public struct SpendRecord: Hashable, Sendable, Encodable {
    public var group: String
    /// Jobs that were paid.
    public var jobs: Int
    public var settled: Money
    public var refunded: Money
}

/// By what spending is added up; days are UTC.
public enum SpendGrouping: String, Sendable, CaseIterable { case user, model, day }

/// A paid job that failed, and what became of its money.
public struct RefundRecord: Hashable, Sendable, Encodable {
    public var job: JobID
    public var user: UserID
    public var userName: String
    public var model: String
    public var code: String
    public var message: String
    public var settledAt: Date
    public var settled: Money
    public var refunded: Money
    /// What the upstream said: given back, kept, or nothing.
    public var isRefunded: Bool?

    enum CodingKeys: String, CodingKey {
        case model, code, message, settled, refunded
        case job = "job_id"
        case user = "user_id"
        case userName = "user_name"
        case settledAt = "settled_at"
        case isRefunded = "is_refunded"
    }
}

/// A job that waits with a lost answer, with its last attempt.
public struct UnknownRecord: Sendable {
    public var record: JobRecord
    public var userName: String
    public var startedAt: Date?
    public var httpStatus: Int?
    public var requestID: String?
    public var reconciliation: ReconciliationRecord?
}

extension PostgresStore {
    public func balance(of user: UserID?, since: Date?) async throws -> LedgerBalance {
        let values = Self.filter(user, since)
        let found = try await pool.run { connection in
            try connection.execute(LedgerStatements.balance, values).first { row in
                LedgerBalance(
                    rows: try row.int("rows"), reserved: try row.money("reserved"), settled: try row.money("settled"),
                    released: try row.money("released"), refunded: try row.money("refunded"))
            }
        }
        guard let found else { throw PostgresError.unexpectedRow("no sum came back") }
        return found
    }

    /// What was spent, the largest first, or the days in their order; at most `limit` groups.
    public func spend(
        by grouping: SpendGrouping, of user: UserID?, since: Date?, limit: Int
    ) async throws -> [SpendRecord] {
        let values = Self.filter(user, since) + [.text(grouping.rawValue), .int(limit)]
        return try await pool.run { connection in
            try connection.execute(LedgerStatements.spend, values).map { row in
                SpendRecord(
                    group: try row.text("group_name"), jobs: try row.int("jobs"), settled: try row.money("settled"),
                    refunded: try row.money("refunded"))
            }
        }
    }

    /// Paid jobs that failed, the latest first.
    public func refunds(of user: UserID?, since: Date?, limit: Int) async throws -> [RefundRecord] {
        let values = Self.filter(user, since) + [.int(limit)]
        return try await pool.run { connection in
            try connection.execute(LedgerStatements.refunds, values).map { row in
                RefundRecord(
                    job: try row.id("id"), user: try row.id("user_id"), userName: try row.text("user_name"),
                    model: try row.text("model"), code: try row.text("failure_code"),
                    message: try row.optionalText("failure_message") ?? "", settledAt: try row.date("at"),
                    settled: try row.money("settled"), refunded: try row.money("refunded"),
                    isRefunded: try row.optional("is_refunded", Row.bool))
            }
        }
    }

    /// Jobs whose paid answer is lost and that wait for a decision, the oldest first.
    public func unknowns(of user: UserID?, limit: Int) async throws -> [UnknownRecord] {
        let values: [Value] = [.optional(user, { .id($0) }), .int(limit)]
        return try await pool.run { connection in
            try connection.execute(LedgerStatements.unknowns, values).map { row in
                UnknownRecord(
                    record: try JobRecord(row, secrets: nil), userName: try row.text("user_name"),
                    startedAt: try row.optional("started_at", Row.date),
                    httpStatus: try row.optional("http_status", Row.int),
                    requestID: try row.optionalText("request_id"),
                    reconciliation: try ReconciliationRecord(row))
            }
        }
    }

    private static func filter(_ user: UserID?, _ since: Date?) -> [Value] {
        [.optional(user, { .id($0) }), .optional(since, Value.date)]
    }
}
