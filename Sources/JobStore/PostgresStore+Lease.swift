public import Foundation
public import JobLifecycle
import Logging
import VideoModels

extension PostgresStore {
    /// Claims up to `limit` due jobs for `lease` seconds, oldest first, each with a token of its own.
    ///
    /// A row that cannot be read, say because its link was sealed with another key, must not hold up the others: it is
    /// logged and left until its lease ends. A request is only read when somebody asks for it.
    public func claim(limit: Int, lease: TimeInterval, worker: String) async throws -> [JobRecord] {
        let claimer = Claimer(
            window: window, limit: limit, lease: lease, worker: worker, secrets: secrets, log: log)
        if let look = window.update({ $0.begin(at: .now) }) {
            pool.hand { connection in claimer.look(look, try? connection()) }
        }
        return try await hot.run { try claimer.claim($0) }
    }

    /// Seconds until a job comes due: 0 or less if one waits now, nil if none is under way.
    public func untilDue() async throws -> TimeInterval? {
        let from = Claimer.start(window.update { $0.passed })
        return try await hot.run { try $0.execute(JobStatements.untilDue, [from]).first { try $0.double("seconds") } }
    }

    /// Extends leases by `lease` seconds from now, those too that have run out and that nobody has claimed since. Returns the
    /// leases that were lost.
    public func renew(_ held: [JobRecord], lease: TimeInterval) async throws -> Set<Lease> {
        let values = StepBatch.keys(of: held) + [.double(lease)]
        let kept = try await hot.run { connection in
            try connection.execute(JobStatements.renew, values).map {
                Lease(job: try $0.id("id"), token: LeaseToken(try $0.int64("lease_token")))
            }
        }
        return Set(held.map(\.lease)).subtracting(kept)
    }

    /// Makes unfinished jobs due at once.
    public func giveBack(_ held: [JobRecord]) async throws {
        let values = StepBatch.keys(of: held)
        try await hot.run { _ = try $0.execute(JobStatements.giveBack, values) }
        notifier.note(users: [], jobs: true)
    }

    /// Writes a step of a leased job with all its consequences, and returns the job as it now stands.
    ///
    /// Steps that arrive while others are being written share a transaction. Cancelling the caller does not take a step
    /// back. Safe to repeat after `.unavailable`: a step that had been written is not written again. Having written
    /// nothing, throws `StoreError.leaseLost` if another holds the job, and `overBudget` if there is no room for what it
    /// reserves.
    public func commit(
        _ record: JobRecord, _ effects: [JobEffect], evidence: AttemptEvidence? = nil, setback: String? = nil
    ) async throws -> JobRecord {
        let outcomes = await commit([JobStep(record, effects, evidence: evidence, setback: setback)])
        guard let outcome = outcomes.first else { throw StoreError.leaseLost }
        return try outcome.get()
    }

    /// Writes steps of different jobs as `commit` does, and says of each what became of it, in their order.
    public func commit(_ steps: [JobStep]) async -> [Result<JobRecord, any Error>] {
        await self.steps.write(steps.map { step in Result { try StepRow(step, secrets: secrets) } })
            .map { $0.map(\.record) }
    }
}

/// One claim, with the looks before and after it.
private struct Claimer: Sendable {
    var window: ClaimWindow.Shared
    var limit: Int
    var lease: TimeInterval
    var worker: String
    var secrets: SecretBox?
    var log: Logger

    /// The parameter that stands for a place in time; nil is the beginning.
    static func start(_ place: Date?) -> Value { place.map { .date($0) } ?? .text("-infinity") }

    func claim(_ connection: Connection) throws -> [JobRecord] {
        let records = try take(connection)
        guard records.isEmpty, window.update({ $0.looksWhenIdle }), look(.full, connection) else { return records }
        return try take(connection)
    }

    /// Looks back, and returns whether something is there. A look that fails is as good as a dear one.
    @discardableResult
    func look(_ look: ClaimWindow.Look, _ connection: Connection?) -> Bool {
        let (from, place) = window.update { ($0.start(of: look), $0.passed) }
        let begin = ContinuousClock.now
        let values = [Self.start(from), Self.start(place)]
        let found = try? connection?.execute(JobStatements.dueBefore, values).first { try $0.date("due_at") }
        let end = ContinuousClock.now
        window.update { $0.looked(look, at: end, cost: end - begin, found: found) }
        return found != nil
    }

    private func take(_ connection: Connection) throws -> [JobRecord] {
        let place = window.update { $0.passed }
        do {
            let rows = try connection.execute(
                JobStatements.claim, [.int(limit), .double(lease), .text(worker), Self.start(place)])
            let (records, looked) = try read(rows)
            window.update {
                $0.claimed(from: place, upTo: rows.count == limit ? looked?.last : nil, at: looked?.moment)
            }
            return records
        } catch {
            window.update { $0.forget() }
            throw error
        }
    }

    /// The jobs, oldest first, and when the look was and the last of them due.
    private func read(_ rows: Rows) throws -> (records: [JobRecord], looked: (moment: Date, last: Date)?) {
        let found = try rows.map { row in
            (record: read(row), moment: try row.date(.afterJob(0)), due: try row.date(.afterJob(1)))
        }.sorted { $0.due < $1.due }
        return (found.compactMap(\.record), found.last.map { ($0.moment, $0.due) })
    }

    private func read(_ row: Row) -> JobRecord? {
        do {
            return try JobRecord(row, secrets: secrets)
        } catch {
            let id: JobID? = try? row.job(.id, Row.id)
            log.error("a job cannot be read", metadata: ["job_id": "\(id?.description ?? "?")", "error": "\(error)"])
            return nil
        }
    }
}

extension Field {
    /// What a statement returns behind the job's columns.
    fileprivate static func afterJob(_ place: Int32) -> Field { Field(place: Int32(JobColumn.allCases.count) + place) }
}
