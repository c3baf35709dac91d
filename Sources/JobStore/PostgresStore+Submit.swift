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

/// A validated request, to be taken in as a job.
public struct NewJob: Sendable {
    public var submission: JobSubmission
    public var id: JobID
    public var user: UserID
    public var account: String
    public var key: IdempotencyKey?

    public init(
        _ submission: JobSubmission, id: JobID, user: UserID, account: String, key: IdempotencyKey? = nil
    ) {
        self.submission = submission
        self.id = id
        self.user = user
        self.account = account
        self.key = key
    }
}

extension PostgresStore {
    /// Takes a validated request in. The job, its key and its change are durable on return; nothing is paid.
    ///
    /// The same key with the same body answers with what it answered before; the job may have gone on since.
    public func submit(
        _ submission: JobSubmission, id: JobID, user: UserID, account: String, key: IdempotencyKey? = nil
    ) async throws -> JobDetail {
        let job = NewJob(submission, id: id, user: user, account: account, key: key)
        guard let outcome = await submit([job]).first else { throw StoreError.notFound }
        return try outcome.get()
    }

    /// Takes requests in, hundreds in a transaction, and says of each what became of it, in their order.
    ///
    /// What one job's request or key is refused for is that job's failure alone. After `.unavailable` it may be there: ask
    /// again with the same key.
    public func submit(_ jobs: [NewJob]) async -> [Result<JobDetail, any Error>] {
        let size = 512
        let batches = stride(from: 0, to: jobs.count, by: size).map { jobs[$0..<min($0 + size, jobs.count)] }
        return await withTaskGroup(of: (Int, [Result<JobDetail, any Error>]).self) { group in
            var outcomes: [Int: [Result<JobDetail, any Error>]] = [:]
            for (number, batch) in batches.enumerated() {
                // One is made ready while others are written.
                if number >= 3, let (place, done) = await group.next() { outcomes[place] = done }
                group.addTask { (number, await submissions.write(batch.map { job in Result { try NewJobRow(job) } })) }
            }
            for await (place, done) in group { outcomes[place] = done }
            return batches.indices.flatMap { outcomes[$0] ?? [] }
        }
    }

    /// What this key was answered, if it has made a job; throws `idempotencyConflict` if with another body.
    public func submitted(with key: IdempotencyKey, user: UserID) async throws -> JobDetail? {
        try await pool.run { connection in
            try connection.execute(as: user, [(JobStatements.recallKey, [.id(user), .text(key.key)])])[0]
                .first { row in try Connection.answer(to: key, in: row) }
        }
    }

    public func job(_ id: JobID, user: UserID) async throws -> JobDetail {
        let values: [Value] = [.id(user), .id(id)]
        return try await pool.run { connection in
            let rows = try connection.execute(as: user, [(JobStatements.get, values), (JobStatements.steps, values)])
            guard let record = try rows[0].first({ try JobRecord($0, secrets: nil) }) else { throw StoreError.notFound }
            return try JobDetail(record, steps: rows[1])
        }
    }

    /// Writes down that a person has looked at a job that waits for them and chose to go on waiting. Nothing else changes;
    /// choosing it again right after writes nothing.
    ///
    /// - Returns: nil where there is nothing to decide, or no longer what `revision` names.
    public func noteWait(_ id: JobID, user: UserID, ifAt revision: Int64?) async throws -> JobDetail? {
        let values: [Value] = [.id(user), .id(id)]
        return try await pool.transaction(Connection.begin(as: user)) { connection in
            let found = try connection.execute(JobStatements.lock, values).first { try JobRecord($0, secrets: nil) }
            guard let record = found else { throw StoreError.notFound }
            guard case .attention = record.progress.state, revision ?? record.revision == record.revision else {
                return nil
            }
            try connection.execute(JobStatements.noteWait, values)
            return try connection.detail(of: record)
        }
    }

    /// Moves a job that a person decided about, or whose answer came late. Whoever held its lease has lost it.
    ///
    /// Evidence that names an attempt is the answer to that one and to no other. Throws `InvalidEvent` where the job
    /// does not wait for it, its state does not allow the event, or it is no longer at the revision that was decided
    /// about; then nothing is written.
    public func move(
        _ id: JobID, user: UserID, by event: JobEvent, policy: JobPolicy, at now: Date,
        evidence: AttemptEvidence? = nil, ifAt revision: Int64? = nil
    ) async throws -> JobDetail {
        let context = StepContext(secrets: secrets, budgets: budgets, activeJobs: activeJobs)
        let detail = try await hot.transaction(Connection.begin(as: user)) { connection in
            let found = try connection.execute(JobStatements.lock, [.id(user), .id(id)])
            guard var record = try found.first({ try JobRecord($0, secrets: context.secrets) }) else {
                throw StoreError.notFound
            }
            if let revision, revision != record.revision { throw InvalidEvent(event, in: record.progress.state) }
            if let attempt = evidence?.token, try !connection.awaits(event, of: attempt, record) {
                throw InvalidEvent(event, in: record.progress.state)
            }
            let effects = try record.progress.apply(event, policy: policy, at: now, jitter: 0)
            var step = JobStep(record, effects, evidence: evidence)
            step.token.rawValue += 1
            let rows = [try StepRow(step, secrets: context.secrets)]
            guard let written = try connection.writeInTransaction(rows, context).first?.get() else {
                throw StoreError.notFound
            }
            if written.madeRoom { _ = try connection.admitInTransaction([user], limit: context.activeJobs) }
            return try connection.detail(of: written.record)
        }
        notifier.note(users: [user], jobs: true)
        return detail
    }
}

extension Connection {
    /// Whether the job still wants this answer to this attempt: no later one has been made, and its end is not known.
    ///
    /// Of a time that a restore lost nobody knows that: another attempt may have been paid then, so what sends the job back
    /// to paying by itself is not taken.
    fileprivate func awaits(_ event: JobEvent, of attempt: LeaseToken, _ record: JobRecord) throws -> Bool {
        switch record.progress.state {
        case .submitting(_, let holder): return holder == attempt
        case .attention(.unknownOutcome):
            let attempts = try execute(JobStatements.attempts, [.id(record.user), .id(record.id)])
                .map { (token: try $0.int64("lease_token"), isOfLostTime: try $0.bool("is_of_lost_time")) }
            guard let last = attempts.last, last.token == attempt.rawValue else { return false }
            if case .submissionAccepted = event { return true }
            return !last.isOfLostTime
        case .attention(.accountBlocked), .attention(.consentNeeded), .attention(.restored), .accepted, .quoted,
            .rendering, .downloading, .ready, .failed, .cancelled:
            return false
        }
    }

    /// The answer that a submission got under this key.
    func answer(to key: IdempotencyKey, of user: UserID) throws -> JobDetail? {
        try execute(JobStatements.recallKey, [.id(user), .text(key.key)]).first { try Self.answer(to: key, in: $0) }
    }

    fileprivate static func answer(to key: IdempotencyKey, in row: Row) throws -> JobDetail {
        guard try row.bytes("body_sha256") == Array(key.bodyHash) else { throw StoreError.idempotencyConflict }
        let record = try JobRecord(row, secrets: nil)
        return try record.asTakenIn(
            sequence: try row.int64("answered_sequence"), isSeated: try row.bool("is_seated")
        ).detailAsTakenIn
    }

    func detail(of record: JobRecord) throws -> JobDetail {
        try JobDetail(record, steps: try execute(JobStatements.steps, [.id(record.user), .id(record.id)]))
    }
}

extension JobDetail {
    fileprivate init(_ record: JobRecord, steps rows: Rows) throws {
        let steps = try rows.map { row in
            Job.Step(
                status: JobState.status(named: try row.text("state")), at: try row.date("at"),
                decision: try row.optionalText("decision").map(Open.init))
        }
        self.init(job: try record.job, sequence: record.changeSequence, timeline: steps.mergingRepeats())
    }
}

extension [Job.Step] {
    /// Two states of ours may be one status of the phone's.
    fileprivate func mergingRepeats() -> Self {
        reduce(into: []) { if $0.last?.status != $1.status || $1.decision != nil { $0.append($1) } }
    }
}
