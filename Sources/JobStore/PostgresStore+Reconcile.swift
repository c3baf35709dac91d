public import Foundation
public import JobLifecycle
public import VideoModels

/// What a comparison with the upstream's record said of an attempt, as it is kept with it.
public struct ReconciliationRecord: Hashable, Sendable, Codable {
    public var verdict: Open<Job.Attention.Verdict>
    /// When the upstream's record was read.
    public var at: Date
    /// Sentences: what was compared with what, and what came of it.
    public var evidence: [String]

    public init(verdict: Job.Attention.Verdict, at: Date, evidence: [String]) {
        self.verdict = .known(verdict)
        self.at = at
        self.evidence = evidence
    }

    /// From an attempt's column `reconciliation`.
    init?(_ row: Row) throws {
        guard let text = try row.optionalText("reconciliation") else { return nil }
        self = try Wire.decode(ReconciliationRecord.self, from: Data(text.utf8))
    }
}

extension PostgresStore {
    /// The paid requests of an account that began in a window, in their order, at most `limit`.
    public func attempts(
        of account: String, since: Date, until: Date, limit: Int
    ) async throws -> [ReconciledAttempt] {
        let values: [Value] = [.text(account), .date(since), .date(until), .int(limit)]
        return try await pool.run { connection in
            try connection.execute(LedgerStatements.reconcilable, values).map(ReconciledAttempt.init)
        }
    }

    /// When the oldest request began whose answer is lost and whose job waits with it; nil if there is none.
    public func oldestUnknown(of account: String) async throws -> Date? {
        try await pool.run { connection in
            try connection.execute(LedgerStatements.oldestUnknown, [.text(account)]).first { row in
                try row.optional("at", Row.date)
            } ?? nil
        }
    }

    /// Keeps a verdict with its attempt, and shows it to the user while the job still waits with that attempt. Changes
    /// nothing else. Returns whether the attempt is still one whose answer is lost.
    public func keep(
        _ reconciliation: ReconciliationRecord, of attempt: ReconciledAttempt.ID
    ) async throws -> Bool {
        let isKept = try await pool.transaction { connection in
            // The job first, as every writer does.
            let jobs = try connection.execute(JobStatements.lock, [.id(attempt.user), .id(attempt.job)])
            let record = try jobs.first { try JobRecord($0, secrets: nil) }
            let values: [Value] = [.id(attempt.user), .id(attempt.job), .int(attempt.token), try .json(reconciliation)]
            let rows = try connection.execute(LedgerStatements.keepVerdict, values)
            guard let isLast = try rows.first({ try $0.bool("is_last") }) else { return false }
            if let record, isLast { try connection.publish(reconciliation.verdict, for: record) }
            return true
        }
        if isKept { notifier.note(users: [attempt.user]) }
        return isKept
    }
}

extension Connection {
    fileprivate func publish(_ verdict: Open<Job.Attention.Verdict>, for record: JobRecord) throws {
        guard case .attention(.unknownOutcome) = record.progress.state, record.progress.verdict != verdict.known else {
            return
        }
        try execute(LedgerStatements.publishVerdict, [.id(record.user), .id(record.id), .text(verdict.word)])
    }
}

extension ReconciledAttempt {
    fileprivate init(_ row: Row) throws {
        let state = try row.text("state")
        let kind = try row.optionalText("attention_kind")
        let isWaiting = state == "attention" && kind == "unknown_outcome"
        let isLast = try row.bool("is_last")
        // The job's handle came with the answer to its last request.
        let handles = [try row.optionalText("request_id"), isLast ? try row.optionalText("queue_id") : nil]
        self.init(
            id: ID(user: try row.id("user_id"), job: try row.id("job_id"), token: try row.int64("lease_token")),
            models: Set([try row.text("model"), try row.optionalText("venice_model")].compactMap { $0 }),
            price: try row.money("price"), startedAt: try row.date("started_at"),
            endedAt: try row.optional("ended_at", Row.date), outcome: try row.optionalText("outcome"),
            hasVideo: ["downloading", "ready"].contains(state),
            isUndecided: isLast && isWaiting, handles: Set(handles.compactMap { $0 }),
            balance: try row.optionalText("balance").flatMap { Money($0) },
            isOfLostTime: try row.bool("is_of_lost_time"))
    }
}
