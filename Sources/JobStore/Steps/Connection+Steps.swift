import Foundation
import VideoModels

/// Money that a step promises. Its job's row is locked for this transaction, those of the users not yet.
struct Reservation: Sendable {
    var user: UserID
    var job: JobID
    var amount: Money
}

extension Connection {
    /// Writes steps, each with all that belongs to it in one transaction, as many as possible together.
    ///
    /// Where the database refuses a batch for one step's sake, its halves are tried apart until that step stands alone.
    func write(each rows: [StepRow], secrets: SecretBox?) -> [StepWriter.Outcome] {
        do {
            return try write(rows, secrets: secrets)
        } catch let error where error.isVerdict && rows.count > 1 {
            let half = rows.count / 2
            return write(each: Array(rows[..<half]), secrets: secrets)
                + write(each: Array(rows[half...]), secrets: secrets)
        } catch {
            return rows.map { _ in .failure(error) }
        }
    }

    /// One statement is a transaction of its own. Only where money is promised, budgets have to be looked at in between.
    private func write(_ rows: [StepRow], secrets: SecretBox?) throws(PostgresError) -> [StepWriter.Outcome] {
        guard rows.contains(where: { $0.step.reserved != nil }) else {
            return try writeInTransaction(rows, secrets: secrets)
        }
        try run("begin")
        do {
            let outcomes = try writeInTransaction(rows, secrets: secrets)
            try run("commit")
            return outcomes
        } catch {
            if !isBroken { try? run("rollback") }
            throw error
        }
    }

    /// The one place that changes jobs. Belongs to the caller's transaction.
    func writeInTransaction(_ rows: [StepRow], secrets: SecretBox?) throws(PostgresError) -> [StepWriter.Outcome] {
        let refused = try refusals(of: rows)
        let batch = StepBatch(rows.filter { refused[$0.step.record.id] == nil })
        let written = batch.rows.isEmpty ? [:] : try answers(batch)
        var outcomes: [StepWriter.Outcome] = []
        for row in rows {
            let job = row.step.record.id
            if let error = refused[job] {
                outcomes.append(.failure(error))
            } else {
                outcomes.append(try outcome(of: row, written[job], secrets: secrets))
            }
        }
        return outcomes
    }

    /// Which of the steps may not be written for want of budget, by job.
    private func refusals(of rows: [StepRow]) throws(PostgresError) -> [JobID: any Error] {
        let reserving = rows.filter { $0.step.reserved != nil }
        if reserving.isEmpty { return [:] }
        // All jobs of the batch first: whoever locks users may not ask for jobs any more.
        let batch = StepBatch(rows)
        let held = Set(
            try execute(StepStatements.lock, batch.keys).map { row throws(PostgresError) in
                batch.rows[try row.int("place") - 1].step.record.id
            })
        let reservations = reserving.filter { held.contains($0.step.record.id) }.compactMap { row in
            row.step.reserved.map { Reservation(user: row.step.record.user, job: row.step.record.id, amount: $0) }
        }
        return try refused(reservations)
    }

    private enum Answer {
        case written(sequence: Int64, updatedAt: Date, nextActionAt: Date?)
        /// An earlier try had got through.
        case again
    }

    private func answers(_ batch: StepBatch) throws(PostgresError) -> [JobID: Answer] {
        var answers: [JobID: Answer] = [:]
        let rows = try execute(StepStatements.write, batch.values).map { row throws(PostgresError) in
            let job = batch.rows[try row.int(Field(place: 0)) - 1].step.record.id
            guard let updatedAt = try row.optional(Field(place: 2), Row.date) else { return (job, Answer.again) }
            let nextActionAt = try row.optional(Field(place: 3), Row.date)
            let sequence = try row.int64(Field(place: 1))
            return (job, .written(sequence: sequence, updatedAt: updatedAt, nextActionAt: nextActionAt))
        }
        for (job, answer) in rows { answers[job] = answer }
        return answers
    }

    private func outcome(
        of row: StepRow, _ answer: Answer?, secrets: SecretBox?
    ) throws(PostgresError) -> StepWriter.Outcome {
        switch answer {
        case nil: return .failure(StoreError.leaseLost)
        case .written(let sequence, let updatedAt, let nextActionAt):
            var record = row.after
            (record.changeSequence, record.updatedAt, record.nextActionAt) = (sequence, updatedAt, nextActionAt)
            return .success(record)
        case .again:
            let key = row.step.record
            let values: [Value] = [.id(key.user), .id(key.id), .int(key.token.rawValue)]
            let found = try execute(StepStatements.reread, values).first { row in
                StepWriter.Outcome { try JobRecord(row, secrets: secrets) }
            }
            return found ?? .failure(StoreError.leaseLost)
        }
    }
}

extension PostgresError {
    /// About what was asked, and not about the database: one step's fault.
    var isVerdict: Bool {
        switch self {
        case .constraint, .refused: true
        case .unavailable, .busy, .unexpectedRow: false
        }
    }
}
