public import Foundation
public import JobLifecycle
import VideoModels

/// How a paid request ended, for the job's record.
public struct AttemptEvidence: Hashable, Sendable {
    public var outcome: Outcome
    public var httpStatus: Int?
    /// The upstream's own name for the request (`CF-RAY`).
    public var requestID: String?
    /// The account's balance as the answer's header told it.
    public var balance: String?
    public var message: String?
    /// SHA-256 of the request body.
    public var requestHash: Data?
    /// Whose attempt it was, where that is no longer in the job's state.
    public var token: LeaseToken?

    public enum Outcome: String, Sendable, CaseIterable {
        case accepted, refused, lost, blocked
        case notSent = "not_sent"
    }

    public init(
        _ outcome: Outcome, httpStatus: Int? = nil, requestID: String? = nil, balance: String? = nil,
        message: String? = nil, requestHash: Data? = nil, token: LeaseToken? = nil
    ) {
        self.outcome = outcome
        self.httpStatus = httpStatus
        self.requestID = requestID
        self.balance = balance
        self.message = message
        self.requestHash = requestHash
        self.token = token
    }
}

extension PostgresStore {
    /// Claims up to `limit` due jobs for `lease` seconds, oldest first, each with a token of its own.
    ///
    /// A row that cannot be read, say because its link was sealed with another key, must not hold up the others: it is
    /// logged and left until its lease ends.
    public func claim(limit: Int, lease: TimeInterval, worker: String) async throws -> [JobRecord] {
        let (secrets, log) = (self.secrets, self.log)
        return try await pool.run { connection in
            let rows = try connection.execute(
                JobStatements.claim, [.int(limit), .double(lease), .text(worker)])
            return rows.map { row in
                do {
                    return try JobRecord(row, secrets: secrets)
                } catch {
                    let id = (try? row.text("id")) ?? "?"
                    log.error("a job cannot be read", metadata: ["job_id": "\(id)", "error": "\(error)"])
                    return nil
                }
            }.compactMap { $0 }
        }
    }

    /// Seconds until a job comes due: 0 or less if one waits now, nil if none is under way.
    public func untilDue() async throws -> TimeInterval? {
        try await pool.run { try $0.execute(JobStatements.untilDue).first { try $0.double("seconds") } }
    }

    /// Extends leases by `lease` seconds from now, those too that have run out and that nobody has claimed since. Returns the
    /// leases that were lost.
    public func renew(_ held: [JobRecord], lease: TimeInterval) async throws -> Set<Lease> {
        let values = Self.keys(of: held) + [.double(lease)]
        let kept = try await pool.run { connection in
            try connection.execute(JobStatements.renew, values).map {
                Lease(job: try $0.id("id"), token: LeaseToken(try $0.int64("lease_token")))
            }
        }
        return Set(held.map(\.lease)).subtracting(kept)
    }

    /// Makes unfinished jobs due at once.
    public func giveBack(_ held: [JobRecord]) async throws {
        let values = Self.keys(of: held)
        try await pool.run { _ = try $0.execute(JobStatements.giveBack, values) }
        await notifier.note(["jobs"])
    }

    /// Writes a step of a leased job with all its consequences, and returns the job as it now stands.
    ///
    /// Safe to repeat after `.unavailable`: a step that had been written is not written again. Throws
    /// `StoreError.leaseLost`, having written nothing, if another holds the job.
    public func commit(
        _ record: JobRecord, _ effects: [JobEffect], evidence: AttemptEvidence? = nil, setback: String? = nil
    ) async throws -> JobRecord {
        let (secrets, activeJobs) = (self.secrets, self.activeJobs)
        let (written, admitted) = try await pool.transaction { connection in
            let rows = try connection.execute(
                JobStatements.lockLeased, [.id(record.user), .id(record.id), .int(record.token.rawValue)])
            guard let before = try rows.first({ try JobRecord($0, secrets: nil) }) else {
                throw StoreError.leaseLost
            }
            // Only the holder writes under its token, so one step ahead is this very step.
            if before.revision == record.revision + 1, before.progress.state.name == record.progress.state.name {
                return (try rows.first { try JobRecord($0, secrets: secrets) } ?? before, 0)
            }
            guard before.revision == record.revision else { throw StoreError.leaseLost }
            let written = try connection.write(
                record, after: before, effects, evidence: evidence, setback: setback, secrets: secrets)
            return (written, try connection.settleSeats(SeatChanges(before, to: written), limit: activeJobs))
        }
        if effects.contains(.publish) { await notifier.note([record.user.description]) }
        if admitted > 0 { await notifier.note(["jobs"]) }
        return written
    }

    private static func keys(of held: [JobRecord]) -> [Value] {
        func array(_ texts: [String]) -> Value { .text("{\(texts.joined(separator: ","))}") }
        return [
            array(held.map(\.user.description)), array(held.map(\.id.description)),
            array(held.map { String($0.token.rawValue) }),
        ]
    }
}

extension Connection {
    /// The one place that changes a job: the row is locked, and everything belongs to the caller's transaction.
    @discardableResult
    func write(
        _ record: JobRecord, after before: JobRecord, _ effects: [JobEffect], evidence: AttemptEvidence?,
        setback: String?, secrets: SecretBox?
    ) throws -> JobRecord {
        let publishes = effects.contains(.publish)
        let videos = effects.compactMap { if case .addVideo(let video) = $0 { video } else { nil } }
        let drawn = publishes ? try draw(1 + videos.count, for: record.user) : before.changeSequence
        try keepAttempt(record, after: before, evidence)

        var columns = StateColumns(record.progress.state)
        if columns.price == nil, before.price != nil, columns.state != "accepted" { columns.price = before.price }
        if columns.rendering == nil { columns.rendering = before.rendering }
        let schedule = Schedule(record.progress.state, effects)
        let head: [Value] = [.id(record.user), .id(record.id), .int(record.token.rawValue)]
        let tail: [Value] = [
            .int(record.progress.setbacks), .optional(setback, { .text(String($0.prefix(500))) }), .int(drawn),
            .bool(publishes), .text(schedule.word), .double(schedule.delay), .int(record.progress.serverErrors),
            try columns.consentValue(), .optional(record.progress.consent?.at, Value.date),
            try record.progress.outlook.value(),
        ]
        let rows = try execute(
            JobStatements.update, head + (try columns.values(sealing: secrets, for: record.id)) + tail)
        guard let written = try rows.first({ try JobRecord($0, secrets: secrets) }) else {
            throw PostgresError.unexpectedRow("an updated job was not returned")
        }

        if record.progress.state.name != before.progress.state.name {
            try execute(JobStatements.addStep, [.id(record.user), .id(record.id), .text(columns.state)])
        }
        for (number, video) in videos.enumerated() {
            try addVideo(video, of: written, sequence: drawn - 1 - Int64(number))
        }
        for case (let kind, let amount)? in effects.map(\.ledgerRow) {
            try execute(
                JobStatements.addToLedger, [.id(record.user), .id(record.id), .text(kind), .money(amount)])
        }
        return written
    }

    /// An attempt opens with the intent and closes with whatever ends it.
    private func keepAttempt(_ record: JobRecord, after before: JobRecord, _ evidence: AttemptEvidence?) throws {
        let key: [Value] = [.id(record.user), .id(record.id)]
        var token = evidence?.token
        if case .submitting(_, let holder) = before.progress.state { token = token ?? holder }
        if let token {
            let evidence = evidence ?? AttemptEvidence(.lost)
            try execute(
                JobStatements.closeAttempt,
                key + [
                    .text(evidence.outcome.rawValue), .optional(evidence.httpStatus, { .int($0) }),
                    .optional(evidence.requestID, { .text($0) }), .optional(evidence.balance, { .text($0) }),
                    .optional(evidence.message, { .text(String($0.prefix(500))) }),
                    .optional(evidence.requestHash, { .bytes($0) }), .int(token.rawValue),
                ])
        }
        if case .submitting(let quotation, let token) = record.progress.state {
            try execute(JobStatements.openAttempt, key + [.int(token.rawValue), .money(quotation.price)])
        }
    }

    private func addVideo(_ video: StoredVideo, of record: JobRecord, sequence: Int64) throws {
        try execute(
            MediaStatements.addVideo,
            [
                .id(record.user), .id(video.id), .id(record.id), .text(record.rendering?.model ?? record.request.model),
                .text(video.key), .text(video.contentType), .int(video.bytes), .text(video.sha256),
                .optional(video.durationSeconds, Value.double), .optional(video.width, { .int($0) }),
                .optional(video.height, { .int($0) }), .optional(video.hasSound, Value.bool), .int(sequence),
            ])
    }
}

extension JobOutlook {
    /// `$29` of `JobStatements.update`.
    func value() throws -> Value { isEmpty ? .null : .text(String(decoding: try Wire.encode(self), as: UTF8.self)) }
}

/// When a job is looked at next.
private struct Schedule {
    var word: String
    var delay: TimeInterval = 0

    init(_ state: JobState, _ effects: [JobEffect]) {
        word = state.isUnderWay ? "keep" : "rest"
        for case .snooze(let seconds) in effects where state.isUnderWay { (word, delay) = ("snooze", seconds) }
    }
}

extension JobEffect {
    fileprivate var ledgerRow: (String, Money)? {
        switch self {
        case .reserve(let amount): ("reserve", amount)
        case .settle(let amount): ("settle", amount)
        case .release(let amount): ("release", amount)
        case .refund(let amount): ("refund", amount)
        case .publish, .addVideo, .snooze: nil
        }
    }
}
