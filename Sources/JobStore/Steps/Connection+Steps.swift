import Foundation
import JobLifecycle
import VideoModels

/// What writing steps goes by.
struct StepContext: Sendable {
    var secrets: SecretBox?
    /// What reservations are held to.
    var budgets: BudgetPolicy
    /// How many jobs a user may have under way who has no limit of their own.
    var activeJobs: Int
}

/// A job as a step has left it.
struct WrittenStep: Sendable {
    var record: JobRecord
    /// It has ended, and others of its user wait for its place.
    var madeRoom = false
}

extension Connection {
    typealias Written = Result<WrittenStep, any Error>

    /// Writes steps, each with all that belongs to it in one transaction, as many as possible together.
    ///
    /// Where the database refuses a batch for one step's sake, its halves are tried apart until that step stands alone.
    func write(each rows: [StepRow], _ context: StepContext) -> [Written] {
        do {
            return try write(rows, context)
        } catch let error where error.isVerdict && rows.count > 1 {
            let half = rows.count / 2
            return write(each: Array(rows[..<half]), context)
                + write(each: Array(rows[half...]), context)
        } catch {
            return rows.map { _ in .failure(error) }
        }
    }

    /// One trip is a transaction of its own. Only where money is promised, budgets have to be looked at in between.
    private func write(_ rows: [StepRow], _ context: StepContext) throws(PostgresError) -> [Written] {
        guard rows.contains(where: { $0.step.reservation != nil }) else {
            let batch = StepBatch(rows)
            let answers = try pipeline(batch.locks + [batch.write])
            return try outcomes(of: rows, try Self.answers(answers[2], batch), secrets: context.secrets)
        }
        try run("begin")
        do {
            let outcomes = try writeInTransaction(rows, context)
            try run("commit")
            return outcomes
        } catch {
            if !isBroken { try? run("rollback") }
            throw error
        }
    }

    /// Belongs to the caller's transaction.
    func writeInTransaction(_ rows: [StepRow], _ context: StepContext) throws(PostgresError) -> [Written] {
        let batch = StepBatch(rows)
        let locked = try pipeline(batch.locks)[0]
        let refused = try refusals(of: try batch.reservations(held: locked), context.budgets)
        let rest = StepBatch(rows.filter { refused[$0.step.record.id] == nil })
        let (statement, values) = rest.write
        let answers = try Self.answers(try execute(statement, values), rest)
        let outcomes = try self.outcomes(of: rows, answers, secrets: context.secrets)
        return zip(rows, outcomes).map { row, outcome in
            refused[row.step.record.id].map { .failure(StoreError.overBudget($0)) } ?? outcome
        }
    }

    /// What the database adds to a step.
    private struct Additions {
        var sequence: Int64
        var updatedAt: Date
        var nextActionAt: Date?
        var attentionSince: Date?
        var hasWaiting: Bool
    }

    private enum Answer {
        case written(Additions)
        /// An earlier try had got through.
        case again
    }

    private static func answers(_ rows: Rows, _ batch: StepBatch) throws(PostgresError) -> [JobID: Answer] {
        var answers: [JobID: Answer] = [:]
        let found = try rows.map { row throws(PostgresError) in
            let job = batch.rows[try row.int(Field(place: 0)) - 1].step.record.id
            guard let updatedAt = try row.optional(Field(place: 2), Row.date) else {
                return (job, Answer.again)
            }
            let additions = Additions(
                sequence: try row.int64(Field(place: 1)), updatedAt: updatedAt,
                nextActionAt: try row.optional(Field(place: 3), Row.date),
                attentionSince: try row.optional(Field(place: 4), Row.date), hasWaiting: try row.bool(Field(place: 5)))
            return (job, .written(additions))
        }
        for (job, answer) in found { answers[job] = answer }
        return answers
    }

    private func outcomes(
        of rows: [StepRow], _ answers: [JobID: Answer], secrets: SecretBox?
    ) throws(PostgresError) -> [Written] {
        try rows.map { row throws(PostgresError) in
            try outcome(of: row, answers[row.step.record.id], secrets: secrets)
        }
    }

    private func outcome(
        of row: StepRow, _ answer: Answer?, secrets: SecretBox?
    ) throws(PostgresError) -> Written {
        switch answer {
        case nil: return .failure(StoreError.leaseLost)
        case .written(let added):
            var record = row.after
            (record.changeSequence, record.updatedAt) = (added.sequence, added.updatedAt)
            (record.nextActionAt, record.attentionSince) = (added.nextActionAt, added.attentionSince)
            return .success(WrittenStep(record: record, madeRoom: added.hasWaiting))
        case .again:
            let key = row.step.record
            let values: [Value] = [.id(key.user), .id(key.id), .int(key.token.rawValue)]
            let found = try execute(StepStatements.reread, values).first { row in
                Written { WrittenStep(record: try JobRecord(row, secrets: secrets)) }
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
