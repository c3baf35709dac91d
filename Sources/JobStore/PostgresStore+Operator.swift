import Crypto
public import Foundation
public import JobLifecycle
public import VideoModels

/// Which jobs an operator means; nil is any.
public struct JobFilter: Hashable, Sendable {
    public var user: UserID?
    /// In the database's words.
    public var state: String?
    public var model: String?
    public var account: String?
    /// When they were taken in.
    public var since: Date?
    public var before: Date?
    /// Why a job failed, needs a person, or is held.
    public var reason: String?
    /// Nothing of them has changed for so many seconds.
    public var quietFor: TimeInterval?

    public init(user: UserID? = nil, state: String? = nil) {
        (self.user, self.state) = (user, state)
    }
}

/// Why an operator's wish about a job is not done; nothing has changed.
public enum OperatorRefusal: Error, Hashable, Sendable {
    /// The job has moved on since it was looked at.
    case changed
    /// There is nothing to take it out of.
    case notUnderWay(state: String)
    /// Its submission is on the way; taking it away would only make the outcome unknown.
    case submitting
    /// It waits for a free place of its user's.
    case waitsForTurn
    case deleted
    case askingAgain(AskingAgain)
}

extension JobRecord {
    /// Why the job cannot be made to go on now; nil if it can.
    public var requeueRefusal: OperatorRefusal? {
        let state = progress.state
        if case .submitting = state { return .submitting }
        guard state.mayBeGivenBack else { return .notUnderWay(state: state.name) }
        return isWaitingForTurn ? .waitsForTurn : nil
    }
}

extension PostgresStore {
    /// The newest jobs that fit, each with its user's name.
    public func jobs(_ filter: JobFilter, limit: Int) async throws -> [(record: JobRecord, userName: String)] {
        let values: [Value] = [
            .optional(filter.user) { .id($0) }, .optional(filter.state, Value.text),
            .optional(filter.model, Value.text),
            .optional(filter.account, Value.text), .optional(filter.since, Value.date),
            .optional(filter.before, Value.date), .optional(filter.reason, Value.text),
            .optional(filter.quietFor, Value.double), .int(limit),
        ]
        return try await pool.run { connection in
            try connection.execute(OperatorStatements.jobs, values).map { row in
                (record: try JobRecord(row, secrets: nil), userName: try row.text("user_name"))
            }
        }
    }

    /// What is settled and not refunded of a job.
    public func spent(on job: JobID, of user: UserID) async throws -> Money {
        try await pool.run { connection in
            try connection.execute(OperatorStatements.spent, [.id(user), .id(job)]).first { try $0.money("spent") }
        } ?? .zero
    }

    /// Makes a job due at once, as it was seen: out of a wait, or from a worker that holds it, whose lease is lost by that.
    public func requeue(_ record: JobRecord) async throws {
        if let refusal = record.requeueRefusal { throw refusal }
        let values: [Value] = [
            .id(record.user), .id(record.id), .int(record.revision), .int(record.token.rawValue),
        ]
        let count = try await pool.run { try $0.execute(OperatorStatements.requeue, values).count }
        guard count == 1 else { throw OperatorRefusal.changed }
        notifier.note(users: [], jobs: true)
    }

    /// What asking again for a job's video would mean.
    public func askingAgain(for record: JobRecord) async throws -> AskingAgain {
        record.progress.state.askingAgain(spent: try await spent(on: record.id, of: record.user))
    }

    /// Takes the request of a job that is over in as a new job of the same user. Asking twice makes one: the second gets the
    /// first's.
    ///
    /// - Parameter paying: whether somebody has decided to pay again for what is paid already.
    public func askAgain(for record: JobRecord, as id: JobID, paying: Bool) async throws -> JobDetail {
        guard !record.isDeleted else { throw OperatorRefusal.deleted }
        let meaning = try await askingAgain(for: record)
        switch meaning {
        case .free: break
        case .paysAgain where paying: break
        case .paysAgain, .underWay, .undecided: throw OperatorRefusal.askingAgain(meaning)
        }
        let submission = JobSubmission(
            request: try record.request, maxPrice: record.progress.maxPrice, priority: .known(record.priority))
        let key = IdempotencyKey(
            key: "asked again by an operator: \(record.id)",
            bodyHash: Data(SHA256.hash(data: Data(record.id.description.utf8))))
        return try await submit(submission, id: id, user: record.user, account: record.account, key: key)
    }
}
