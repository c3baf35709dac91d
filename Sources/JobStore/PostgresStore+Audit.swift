public import Foundation
public import JobLifecycle
import VideoModels

extension PostgresStore {
    /// Audits the whole ledger, as it stands at one moment, in memory that does not grow with it.
    ///
    /// Rows from before `forgottenBefore` may be of jobs that have been deleted and forgotten since. `progress` hears of
    /// what is done every few thousand jobs.
    public func audit(
        forgottenBefore: Date = .distantPast, progress: @escaping @Sendable (AuditReport) -> Void = { _ in }
    ) async throws -> AuditReport {
        try await pool.transaction("begin isolation level repeatable read read only") { connection in
            // Reading millions of rows may take longer than a statement usually may, and is worth the indexes' order.
            try connection.run(
                "set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; "
                    + "set local cursor_tuple_fraction = 0.0001"
            )
            var auditor = try LedgerAuditor(connection, forgottenBefore: forgottenBefore)
            return try auditor.run(progress)
        }
    }
}

/// Brings the rows of jobs, attempts, ledger and counters together, all in the order of user and job.
private struct LedgerAuditor {
    private typealias Keyed<T> = (key: Key, value: T)

    private var jobs: Cursor<Keyed<AuditedJob.Facts>>
    private var attempts: Cursor<Keyed<AuditedJob.Attempt>>
    private var entries: Cursor<Keyed<LedgerEntry>>
    private var counters: Cursor<(user: UserID, period: SpendingTally.Period, amount: Money)>
    private let forgottenBefore: Date
    /// Of whom only the ledger is left, or soon will be.
    private let erased: Set<UserID>
    private var report = AuditReport()
    private var user: UserID?
    private var tally = SpendingTally()

    /// Compares as Postgres compares what it stands for.
    private struct Key: Hashable, Comparable {
        var user: UserID
        var job: JobID

        init(_ row: Row) throws {
            user = try row.id("user_id")
            job = try row.id("job_id")
        }

        static func < (left: Key, right: Key) -> Bool {
            (left.user.description, left.job.description) < (right.user.description, right.job.description)
        }
    }

    init(_ connection: Connection, forgottenBefore: Date) throws {
        self.forgottenBefore = forgottenBefore
        erased = Set(try connection.execute(ErasureStatements.erasedUsers).map { try $0.id("id") as UserID })
        jobs = try Cursor(LedgerStatements.auditJobs, on: connection) { (try Key($0), try AuditedJob.Facts($0)) }
        attempts = try Cursor(LedgerStatements.auditAttempts, on: connection) {
            (try Key($0), try AuditedJob.Attempt($0))
        }
        entries = try Cursor(LedgerStatements.auditEntries, on: connection) { (try Key($0), try LedgerEntry($0)) }
        counters = try Cursor(LedgerStatements.auditCounters, on: connection) { row in
            let length: BudgetPeriod = try row.text("period") == "day" ? .day : .month
            let period = SpendingTally.Period(length, firstDay: try row.int("first_day"))
            return (user: try row.id("user_id"), period: period, amount: try row.money("amount"))
        }
    }

    mutating func run(_ progress: (AuditReport) -> Void) throws -> AuditReport {
        while let key = try nextKey() {
            if key.user != user { try turn(to: key.user) }
            var job = AuditedJob(user: key.user, id: key.job, facts: try jobs.next { $0.key == key }?.value)
            while let next = try attempts.next(where: { $0.key == key }) { job.attempts.append(next.value) }
            while let next = try entries.next(where: { $0.key == key }) { job.entries.append(next.value) }
            let isErased = job.facts == nil && erased.contains(key.user)
            report.add(job, forgottenBefore: isErased ? .distantFuture : forgottenBefore)
            tally.add(job.spending)
            if report.jobs.isMultiple(of: 10_000) { progress(report) }
        }
        try turn(to: nil)
        return report
    }

    private mutating func nextKey() throws -> Key? {
        [try jobs.peek()?.key, try attempts.peek()?.key, try entries.peek()?.key].compactMap { $0 }.min()
    }

    /// Closes the user's sums, and those of users between who have counters and nothing else.
    private mutating func turn(to next: UserID?) throws {
        if let user { try compareCounters(of: user) }
        while let stray = try counters.peek()?.user, next.map({ stray.description < $0.description }) ?? true {
            tally = SpendingTally()
            try compareCounters(of: stray)
        }
        (user, tally) = (next, SpendingTally())
    }

    private mutating func compareCounters(of user: UserID) throws {
        var found: [SpendingTally.Period: Money] = [:]
        while let counter = try counters.next(where: { $0.user.description <= user.description }) {
            if counter.user == user { found[counter.period] = counter.amount }
        }
        report.add(tally.findings(for: user, counters: found))
    }
}

extension AuditedJob.Facts {
    fileprivate init(_ row: Row) throws {
        self.init(
            state: try row.text("state"), attentionKind: try row.optionalText("attention_kind"),
            price: try row.optional("price", Row.money), isRefunded: try row.optional("is_refunded", Row.bool))
    }
}

extension AuditedJob.Attempt {
    fileprivate init(_ row: Row) throws {
        self.init(
            token: try row.int64("lease_token"), price: try row.money("price"),
            outcome: try row.optionalText("outcome"),
            isProvenUncharged: try row.optionalText("verdict") == "not_charged")
    }
}

extension LedgerEntry {
    fileprivate init(_ row: Row) throws {
        guard let kind = Kind(rawValue: try row.text("kind")) else {
            throw PostgresError.unexpectedRow("a kind of money that this build does not know")
        }
        self.init(
            number: try row.int64("number"), kind: kind, amount: try row.money("amount"), at: try row.date("at"))
    }
}
