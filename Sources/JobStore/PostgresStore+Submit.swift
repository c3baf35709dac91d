public import Foundation
public import JobLifecycle
public import VideoModels

/// The key under which a phone may ask again, and what it asked.
public struct IdempotencyKey: Hashable, Sendable {
    public var key: String
    /// SHA-256 of the request body.
    public var bodyHash: Data

    public init(key: String, bodyHash: Data) {
        self.key = key
        self.bodyHash = bodyHash
    }
}

extension PostgresStore {
    /// Takes a validated request in. The job, its key and its change are durable on return; nothing is paid.
    ///
    /// The same key with the same body answers with the job that it made before, as that job stands now.
    public func submit(
        _ submission: JobSubmission, id: JobID, user: UserID, account: String, key: IdempotencyKey? = nil
    ) async throws -> JobDetail {
        let request = Value.text(String(decoding: try Wire.encode(submission.request), as: UTF8.self))
        let priority = submission.priority?.known ?? .normal
        let activeJobs = activeJobs
        let detail = try await pool.transaction { connection in
            // The lock on the user's row, taken by drawing, also keeps two submissions with one key apart.
            let sequence = try connection.draw(1, for: user)
            if let key, let known = try connection.recall(key, of: user) {
                return try connection.detail(of: known, user: user)
            }
            let rows = try connection.execute(
                JobStatements.insert,
                [
                    .id(user), .id(id), request, .optional(submission.maxPrice, Value.money), .text(account),
                    .int(sequence), .int(priority.rank), .int(activeJobs),
                ])
            guard let record = try rows.first({ try JobRecord($0, secrets: nil) }) else {
                throw PostgresError.unexpectedRow("an inserted job was not returned")
            }
            try connection.execute(JobStatements.addStep, [.id(user), .id(id), .text("accepted")])
            if let key {
                try connection.execute(
                    JobStatements.rememberKey, [.id(user), .text(key.key), .bytes(key.bodyHash), .id(id)])
            }
            return try connection.detail(of: record)
        }
        await notifier.note([user.description, "jobs"])
        return detail
    }

    /// The job that this key made, if it has made one; throws `idempotencyConflict` if with another body.
    public func submitted(with key: IdempotencyKey, user: UserID) async throws -> JobDetail? {
        try await pool.run { connection in
            try connection.recall(key, of: user).map { try connection.detail(of: $0, user: user) }
        }
    }

    public func job(_ id: JobID, user: UserID) async throws -> JobDetail {
        try await pool.run { try $0.detail(of: id, user: user) }
    }

    /// Moves a job that a person decided about, or whose answer came late. Whoever held its lease has lost it.
    ///
    /// Evidence that names an attempt is the answer to that one and to no other. Throws `InvalidEvent` where the job
    /// does not wait for it, or its state does not allow the event; then nothing is written.
    public func move(
        _ id: JobID, user: UserID, by event: JobEvent, policy: JobPolicy, at now: Date,
        evidence: AttemptEvidence? = nil
    ) async throws -> JobDetail {
        let (secrets, activeJobs) = (self.secrets, self.activeJobs)
        let detail = try await pool.transaction { connection in
            let rows = try connection.execute(JobStatements.lock, [.id(user), .id(id)])
            guard var record = try rows.first({ try JobRecord($0, secrets: secrets) }) else {
                throw StoreError.notFound
            }
            if let attempt = evidence?.token, try !connection.awaits(attempt, record) {
                throw InvalidEvent(event, in: record.progress.state)
            }
            let before = record
            let effects = try record.progress.apply(event, policy: policy, at: now, jitter: 0)
            record.token.rawValue += 1
            let written = try connection.write(
                record, after: before, effects, evidence: evidence, setback: nil, secrets: secrets)
            try connection.settleSeats(SeatChanges(before, to: written), limit: activeJobs)
            return try connection.detail(of: id, user: user)
        }
        await notifier.note([user.description, "jobs"])
        return detail
    }
}

extension Connection {
    func draw(_ count: Int, for user: UserID) throws -> Int64 {
        let rows = try execute(FeedStatements.draw, [.id(user), .int(count)])
        guard let last = try rows.first({ try $0.int64("change_sequence") }) else { throw StoreError.notFound }
        return last
    }

    /// Whether the job still wants the answer to this attempt: no later one has been made, and its end is not known.
    fileprivate func awaits(_ attempt: LeaseToken, _ record: JobRecord) throws -> Bool {
        switch record.progress.state {
        case .submitting(_, let holder): return holder == attempt
        case .attention(.unknownOutcome):
            let tokens = try execute(JobStatements.attempts, [.id(record.user), .id(record.id)])
                .map { try $0.int64("lease_token") }
            return tokens.max() == attempt.rawValue
        case .attention(.accountBlocked), .attention(.consentNeeded), .accepted, .quoted, .rendering, .downloading,
            .ready, .failed, .cancelled:
            return false
        }
    }

    fileprivate func recall(_ key: IdempotencyKey, of user: UserID) throws -> JobID? {
        let rows = try execute(JobStatements.recallKey, [.id(user), .text(key.key)])
        return try rows.first { row in
            guard try row.bytes("body_sha256") == Array(key.bodyHash) else { throw StoreError.idempotencyConflict }
            return try row.id("job_id")
        }
    }

    fileprivate func detail(of id: JobID, user: UserID) throws -> JobDetail {
        let rows = try execute(JobStatements.get, [.id(user), .id(id)])
        guard let record = try rows.first({ try JobRecord($0, secrets: nil) }) else { throw StoreError.notFound }
        return try detail(of: record)
    }

    func detail(of record: JobRecord) throws -> JobDetail {
        let rows = try execute(JobStatements.steps, [.id(record.user), .id(record.id)])
        let steps = try rows.map { row in
            Job.Step(status: JobState.status(named: try row.text("state")), at: try row.date("at"))
        }
        return JobDetail(job: record.job, sequence: record.changeSequence, timeline: steps.mergingRepeats())
    }
}

extension [Job.Step] {
    /// Two states of ours may be one status of the phone's.
    fileprivate func mergingRepeats() -> Self {
        reduce(into: []) { if $0.last?.status != $1.status { $0.append($1) } }
    }
}
