public import Foundation
public import VideoModels

/// An attempt to submit, as the operator sees it.
public struct AttemptRecord: Hashable, Sendable, Codable {
    public var startedAt: Date
    public var endedAt: Date?
    public var outcome: String?
    public var price: Money
    public var httpStatus: Int?
    public var requestID: String?
    public var message: String?
    /// The account's balance as the answer told it.
    public var balance: String?
    /// What the upstream's own record says of it, once somebody has compared.
    public var reconciliation: ReconciliationRecord?

    enum CodingKeys: String, CodingKey {
        case outcome, price, message, balance, reconciliation
        case startedAt = "started_at"
        case endedAt = "ended_at"
        case httpStatus = "http_status"
        case requestID = "request_id"
    }
}

/// A job with all that the operator may want to know.
public struct JobReport: Sendable {
    public var record: JobRecord
    /// Every state that it entered, in the database's own words.
    public var steps: [(state: String, at: Date)]
    public var attempts: [AttemptRecord]
}

extension PostgresStore {
    public func report(of id: JobID) async throws -> JobReport {
        return try await pool.transaction("begin isolation level repeatable read read only") { connection in
            let found = try connection.execute(JobStatements.find, [.id(id)])
            guard let record = try found.first({ try JobRecord($0, secrets: nil) }) else {
                throw StoreError.notFound
            }
            let key: [Value] = [.id(record.user), .id(id)]
            let steps = try connection.execute(JobStatements.steps, key).map { row in
                (state: try row.text("state"), at: try row.date("at"))
            }
            let attempts = try connection.execute(JobStatements.attempts, key).map { row in
                AttemptRecord(
                    startedAt: try row.date("started_at"), endedAt: try row.optional("ended_at", Row.date),
                    outcome: try row.optionalText("outcome"), price: try row.money("price"),
                    httpStatus: try row.optional("http_status", Row.int),
                    requestID: try row.optionalText("request_id"), message: try row.optionalText("message"),
                    balance: try row.optionalText("balance"), reconciliation: try ReconciliationRecord(row))
            }
            return JobReport(record: record, steps: steps, attempts: attempts)
        }
    }
}
