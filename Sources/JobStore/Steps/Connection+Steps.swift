import Foundation
import VideoModels

/// Money that a step promises. The rows of its job and its user are locked for this transaction.
struct Reservation: Sendable {
    var user: UserID
    var job: JobID
    var amount: Money
}

extension Connection {
    typealias Written = Result<JobRecord, any Error>

    /// Writes steps, each with all that belongs to it in one transaction, as many as possible together.
    ///
    /// Where the database refuses a batch for one step's sake, its halves are tried apart until that step stands alone.
    func write(each rows: [StepRow], secrets: SecretBox?) -> [Written] {
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

    /// One trip is a transaction of its own. Only where money is promised, budgets have to be looked at in between.
    private func write(_ rows: [StepRow], secrets: SecretBox?) throws(PostgresError) -> [Written] {
        guard rows.contains(where: { $0.step.reserved != nil }) else {
            let batch = StepBatch(rows)
            let answers = try pipeline(batch.locks + [batch.write])
            return try outcomes(of: rows, try Self.answers(answers[2], batch), secrets: secrets)
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

    /// Belongs to the caller's transaction.
    func writeInTransaction(_ rows: [StepRow], secrets: SecretBox?) throws(PostgresError) -> [Written] {
        let batch = StepBatch(rows)
        let locked = try pipeline(batch.locks)[0]
        let refused = try self.refused(try batch.reservations(held: locked))
        let rest = StepBatch(rows.filter { refused[$0.step.record.id] == nil })
        let (statement, values) = rest.write
        let answers = try Self.answers(try execute(statement, values), rest)
        let outcomes = try self.outcomes(of: rows, answers, secrets: secrets)
        return zip(rows, outcomes).map { row, outcome in
            refused[row.step.record.id].map { .failure($0) } ?? outcome
        }
    }

    private enum Answer {
        case written(sequence: Int64, updatedAt: Date, nextActionAt: Date?)
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
            let nextActionAt = try row.optional(Field(place: 3), Row.date)
            let sequence = try row.int64(Field(place: 1))
            return (job, .written(sequence: sequence, updatedAt: updatedAt, nextActionAt: nextActionAt))
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
        case .written(let sequence, let updatedAt, let nextActionAt):
            var record = row.after
            (record.changeSequence, record.updatedAt, record.nextActionAt) = (
                sequence, updatedAt, nextActionAt
            )
            return .success(record)
        case .again:
            let key = row.step.record
            let values: [Value] = [.id(key.user), .id(key.id), .int(key.token.rawValue)]
            let found = try execute(StepStatements.reread, values).first { row in
                Written { try JobRecord(row, secrets: secrets) }
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
