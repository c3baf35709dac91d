import Foundation
import JobLifecycle
import VideoModels

extension Connection {
    /// Writes steps, each with all that belongs to it in one transaction, as many as possible together.
    ///
    /// Where the database refuses a batch for one step's sake, its halves are tried apart until that step stands alone.
    func write(each rows: [StepRow], _ context: StepWriter.Context) -> StepWriter.Report {
        do {
            return try write(rows, context)
        } catch let error where error.isVerdict && rows.count > 1 {
            let half = rows.count / 2
            return write(each: Array(rows[..<half]), context)
                + write(each: Array(rows[half...]), context)
        } catch {
            return StepWriter.Report(outcomes: rows.map { _ in .failure(error) })
        }
    }

    /// One statement is a transaction of its own. Only where money is promised, budgets have to be looked at in between.
    private func write(_ rows: [StepRow], _ context: StepWriter.Context) throws(PostgresError) -> StepWriter.Report {
        guard rows.contains(where: { $0.step.reservation != nil }) else {
            return try writeInTransaction(rows, context)
        }
        try run("begin")
        do {
            let report = try writeInTransaction(rows, context)
            try run("commit")
            return report
        } catch {
            if !isBroken { try? run("rollback") }
            throw error
        }
    }

    /// The one place that changes jobs. Belongs to the caller's transaction.
    func writeInTransaction(
        _ rows: [StepRow], _ context: StepWriter.Context
    ) throws(PostgresError) -> StepWriter.Report {
        let refused = try refusals(of: rows, context.budgets)
        let batch = StepBatch(rows.filter { refused[$0.step.record.id] == nil })
        let written = batch.rows.isEmpty ? [:] : try answers(batch)
        var report = StepWriter.Report(outcomes: [])
        for row in rows {
            let job = row.step.record.id
            if let refusal = refused[job] {
                report.outcomes.append(.failure(StoreError.overBudget(refusal)))
            } else {
                report.outcomes.append(try outcome(of: row, written[job], secrets: context.secrets))
            }
            if case .written(let written)? = written[job], written.hasWaiting {
                report.madeRoom.insert(row.step.record.user)
            }
        }
        return report
    }

    /// Which of the steps may not be written for want of budget, by job.
    private func refusals(
        of rows: [StepRow], _ budgets: BudgetPolicy
    ) throws(PostgresError) -> [JobID: BudgetRefusal] {
        let reserving = rows.compactMap(\.step.reservation)
        if reserving.isEmpty { return [:] }
        // All jobs of the batch first: whoever locks users may not ask for jobs any more.
        let batch = StepBatch(rows)
        let held = Set(
            try execute(StepStatements.lock, batch.keys).map { row throws(PostgresError) in
                batch.rows[try row.int("place") - 1].step.record.id
            })
        return try refusals(of: reserving.filter { held.contains($0.job) }, budgets)
    }

    /// What the database adds to a step.
    private struct Written {
        var sequence: Int64
        var updatedAt: Date
        var nextActionAt: Date?
        var attentionSince: Date?
        /// The job made room, and others of its user wait for it.
        var hasWaiting: Bool
    }

    private enum Answer {
        case written(Written)
        /// An earlier try had got through.
        case again
    }

    private func answers(_ batch: StepBatch) throws(PostgresError) -> [JobID: Answer] {
        var answers: [JobID: Answer] = [:]
        let rows = try execute(StepStatements.write, batch.values).map { row throws(PostgresError) in
            let job = batch.rows[try row.int(Field(place: 0)) - 1].step.record.id
            guard let updatedAt = try row.optional(Field(place: 2), Row.date) else { return (job, Answer.again) }
            let written = Written(
                sequence: try row.int64(Field(place: 1)), updatedAt: updatedAt,
                nextActionAt: try row.optional(Field(place: 3), Row.date),
                attentionSince: try row.optional(Field(place: 4), Row.date), hasWaiting: try row.bool(Field(place: 5)))
            return (job, .written(written))
        }
        for (job, answer) in rows { answers[job] = answer }
        return answers
    }

    private func outcome(
        of row: StepRow, _ answer: Answer?, secrets: SecretBox?
    ) throws(PostgresError) -> StepWriter.Outcome {
        switch answer {
        case nil: return .failure(StoreError.leaseLost)
        case .written(let written):
            var record = row.after
            (record.changeSequence, record.updatedAt) = (written.sequence, written.updatedAt)
            (record.nextActionAt, record.attentionSince) = (written.nextActionAt, written.attentionSince)
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
