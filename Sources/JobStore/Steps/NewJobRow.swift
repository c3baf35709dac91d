import Foundation
import JobLifecycle
import VideoModels

/// A new job as its columns hold it.
final class NewJobRow: Grouped {
    let job: NewJob
    let request: Data
    /// A key's second use waits, and finds what the first has made.
    let name: Name?

    struct Name: Hashable, Sendable {
        var user: UserID
        var key: String
    }

    init(_ job: NewJob) throws {
        self.job = job
        request = try Wire.encode(job.submission.request)
        name = job.key.map { Name(user: job.user, key: $0.key) }
    }

    var bytes: Int { 300 + request.count }

    var owner: UInt8 { job.user.lastByte }

    func detail(sequence: Int64, isSeated: Bool, at moment: Date) throws -> JobDetail {
        try JobRecord(new: job, json: request, sequence: sequence, isSeated: isSeated, at: moment).detailAsTakenIn
    }
}

extension Connection {
    typealias Submitted = Result<JobDetail, any Error>

    /// Takes jobs in, as many as possible in one transaction.
    ///
    /// Where the database refuses a batch for one job's sake, its halves are tried apart until that job stands alone.
    func insert(each rows: [NewJobRow], activeJobs: Int) -> [Submitted] {
        do {
            return try insert(rows, activeJobs)
        } catch let error where error.isVerdict && rows.count > 1 {
            let half = rows.count / 2
            return insert(each: Array(rows[..<half]), activeJobs: activeJobs)
                + insert(each: Array(rows[half...]), activeJobs: activeJobs)
        } catch {
            return rows.map { _ in .failure(error) }
        }
    }

    private func insert(_ rows: [NewJobRow], _ activeJobs: Int) throws(PostgresError) -> [Submitted] {
        let users = Array(Set(rows.map(\.job.user.uuid))).sorted { $0.precedes($1) }
        // The lock on the users' rows keeps two submissions with one key apart. It is a statement of its own, so that the
        // next one sees what those have done that it waited for.
        let lock = (SubmitStatements.lockUsers, [Value.uuids(users) { $0 }])
        let insert = (SubmitStatements.insert, Self.columns(of: rows) + [.int(activeJobs)])
        let answers = try pipeline([lock, insert])
        var found: [Answer?] = Array(repeating: nil, count: rows.count)
        for (place, answer) in try answers[1].map(Self.answer) { found[place] = answer }
        return zip(rows, found).map { outcome(of: $0, $1) }
    }

    private enum Answer {
        case made(sequence: Int64, isSeated: Bool, at: Date)
        case known
        case conflict
    }

    private static func answer(_ row: Row) throws(PostgresError) -> (Int, Answer) {
        let place = try row.int(Field(place: 0)) - 1
        if let sequence = try row.optional(Field(place: 1), Row.int64) {
            let isSeated = try row.bool(Field(place: 5))
            return (place, .made(sequence: sequence, isSeated: isSeated, at: try row.date(Field(place: 2))))
        }
        return (place, try row.bool(Field(place: 4)) ? .known : .conflict)
    }

    private func known(_ job: NewJob) throws -> JobDetail {
        guard let key = job.key, let answer = try answer(to: key, of: job.user) else { throw StoreError.notFound }
        return answer
    }

    private func outcome(of row: NewJobRow, _ answer: Answer?) -> Submitted {
        switch answer {
        case nil: Submitted { throw try whyNothingIsTaken(of: row.job.user) }
        case .made(let sequence, let isSeated, let moment):
            Submitted { try row.detail(sequence: sequence, isSeated: isSeated, at: moment) }
        case .known: Submitted { try known(row.job) }
        case .conflict: .failure(StoreError.idempotencyConflict)
        }
    }

    private func whyNothingIsTaken(of user: UserID) throws -> StoreError {
        let isSuspended = try execute(StandingStatements.isSuspended, [.id(user)]).first { try $0.bool("is_suspended") }
        return isSuspended == true ? .suspended : .notFound
    }

    private static func columns(of rows: [NewJobRow]) -> [Value] {
        [
            .uuids(rows) { $0.job.user.uuid }, .uuids(rows) { $0.job.id.uuid },
            .json(rows) { $0.request },
            .amounts(rows) { $0.job.submission.maxPrice }, .texts(rows) { $0.job.account },
            .texts(rows) { $0.job.key?.key }, .blobs(rows) { $0.job.key.map { Array($0.bodyHash) } },
            .integers(rows) { ($0.job.submission.priority?.known ?? .normal).rank },
        ]
    }
}
