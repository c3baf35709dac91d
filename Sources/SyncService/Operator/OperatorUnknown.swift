public import Foundation
public import JobStore

/// A job whose paid answer is lost, as the operator's commands tell it.
public struct OperatorUnknown: Encodable, Sendable {
    public var job: OperatorJob
    public var submittedAt: Date?
    public var httpStatus: Int?
    /// The upstream's name of the request, where it told one.
    public var requestID: String?
    public var reconciliation: ReconciliationRecord?

    /// Throws where the row holds what this version cannot read.
    public init(_ unknown: UnknownRecord) throws {
        job = try OperatorJob(unknown.record, userName: unknown.userName)
        submittedAt = unknown.startedAt
        httpStatus = unknown.httpStatus
        requestID = unknown.requestID
        reconciliation = unknown.reconciliation
    }

    enum CodingKeys: String, CodingKey {
        case job, reconciliation
        case submittedAt = "submitted_at"
        case httpStatus = "http_status"
        case requestID = "request_id"
    }
}
