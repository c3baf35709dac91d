import Foundation
import JobLifecycle
import VideoModels

extension Connection {
    /// Which of these reservations no budget has room for, and why. To be called in the transaction that makes the others,
    /// which are let in together: each counts for the next.
    ///
    /// Whatever else reserves for these users waits from here to the commit, on the users' rows, and with a cap of the
    /// deployment everybody who reserves does. So what several workers let in at once never exceeds a limit.
    func refusals(of reservations: [Reservation], _ policy: BudgetPolicy) throws -> [JobID: BudgetRefusal] {
        guard !reservations.isEmpty else { return [:] }
        var book = try budgetBook(of: reservations.map(\.user), policy, isLocking: true)
        var refused: [JobID: BudgetRefusal] = [:]
        for reservation in reservations { refused[reservation.job] = book.admit(reservation) }
        return refused
    }

    /// The budgets of these users and of all, with what is spent of them.
    func budgetBook(of users: [UserID], _ policy: BudgetPolicy, isLocking: Bool) throws -> BudgetBook {
        let ids = Value.text("{\(Set(users.map(\.description)).sorted().joined(separator: ","))}")
        // Statements of their own: only one that begins when the lock is held sees what others committed before.
        if isLocking { try execute(BudgetStatements.lockUsers, [ids]) }
        if isLocking, !policy.cap.isUnlimited { try execute(BudgetStatements.lockCap, [.int(Self.capLock)]) }
        var now = Date.distantPast
        let pairs = try execute(BudgetStatements.read, [ids]).map { row in
            now = try row.date("now")
            return (try row.id("id") as UserID, try Budget(row, perUser: policy.perUser))
        }
        let all = policy.cap.isUnlimited ? Budget(limits: policy.cap) : try capSpending(policy.cap)
        return BudgetBook(users: Dictionary(pairs, uniquingKeysWith: { first, _ in first }), all: all, at: now)
    }

    private func capSpending(_ cap: SpendingLimits) throws -> Budget {
        try execute(BudgetStatements.readAll).first { row in
            Budget(limits: cap, spentToday: try row.money("today"), spentThisMonth: try row.money("this_month"))
        } ?? Budget(limits: cap)
    }

    /// Any number that nothing else in the database locks: "spending" in ASCII.
    private static let capLock = 0x73_70_65_6E_64_69_6E_67

    /// Writes what few steps have: notes of a failure, and why a job is held back. The job's row is locked.
    func keepNotes(of record: JobRecord, after before: JobRecord) throws {
        let (notes, hold) = (record.progress.failureNotes, record.progress.hold)
        if let notes { try execute(BudgetStatements.keepFailureNotes, record.key + [try .json(notes)]) }
        guard hold != before.progress.hold else { return }
        try execute(BudgetStatements.keepHold, record.key + [try hold.map(Value.json) ?? .null])
    }
}

extension Budget {
    fileprivate init(_ row: Row, perUser: SpendingLimits) throws {
        let own = SpendingLimits(
            perDay: try row.optional("budget_per_day", Row.money),
            perMonth: try row.optional("budget_per_month", Row.money))
        self.init(
            limits: try row.bool("has_own_budget") ? own : perUser, spentToday: try row.money("today"),
            spentThisMonth: try row.money("this_month"))
    }
}

extension JobRecord {
    fileprivate var key: [Value] { [.id(user), .id(id)] }
}

extension JobProgress {
    fileprivate var failureNotes: FailureNotes? {
        if case .failed(let failure) = state, !failure.notes.isEmpty { failure.notes } else { nil }
    }
}

extension [JobEffect] {
    /// What a step holds money for.
    func reservations(for record: JobRecord) -> [Reservation] {
        compactMap { effect in
            if case .reserve(let amount) = effect {
                Reservation(user: record.user, job: record.id, amount: amount)
            } else {
                nil
            }
        }
    }
}
