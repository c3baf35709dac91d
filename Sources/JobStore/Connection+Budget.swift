import Foundation
import JobLifecycle
import VideoModels

extension Connection {
    /// Which of these reservations no budget has room for, and why. Called once a batch, inside its transaction, with the
    /// jobs of all its steps locked, and then the users whom they belong to; what is locked here comes after both in
    /// everybody's order. Those that have room are let in together: each counts for the next.
    ///
    /// Whatever else reserves for these users waits from here to the commit, on the users' rows, and with a cap of the
    /// deployment everybody who reserves does. So what several workers let in at once never exceeds a limit.
    func refusals(of reservations: [Reservation], _ policy: BudgetPolicy) throws(PostgresError) -> [JobID:
        BudgetRefusal]
    {
        guard !reservations.isEmpty else { return [:] }
        var book = try budgetBook(of: reservations.map(\.user), policy, isLocking: true)
        var refused: [JobID: BudgetRefusal] = [:]
        for reservation in reservations { refused[reservation.job] = book.admit(reservation) }
        return refused
    }

    /// The budgets of these users and of all, with what is spent of them.
    func budgetBook(of users: [UserID], _ policy: BudgetPolicy, isLocking: Bool)
        throws(PostgresError) -> BudgetBook
    {
        let ids = Value.text("{\(Set(users.map(\.description)).sorted().joined(separator: ","))}")
        // A statement of its own: only one that begins when the lock is held sees what others committed before.
        if isLocking, !policy.cap.isUnlimited { try execute(BudgetStatements.lockCap, [.int(Self.capLock)]) }
        var (now, paused) = (Date.distantPast, Set<String>())
        let pairs = try execute(BudgetStatements.read, [ids]).map { row throws(PostgresError) in
            now = try row.date("now")
            paused = Set(try row.text("paused_accounts").split(separator: "\n").map(String.init))
            return (try row.id("id") as UserID, try Budget(row, perUser: policy.perUser))
        }
        let all = policy.cap.isUnlimited ? Budget(limits: policy.cap) : try capSpending(policy.cap)
        return BudgetBook(
            users: Dictionary(pairs, uniquingKeysWith: { first, _ in first }), all: all, pausedAccounts: paused, at: now
        )
    }

    private func capSpending(_ cap: SpendingLimits) throws(PostgresError) -> Budget {
        try execute(BudgetStatements.readAll).first { row throws(PostgresError) in
            Budget(limits: cap, spentToday: try row.money("today"), spentThisMonth: try row.money("this_month"))
        } ?? Budget(limits: cap)
    }

    /// Any number that nothing else in the database locks: "spending" in ASCII.
    private static let capLock = 0x73_70_65_6E_64_69_6E_67
}

extension Budget {
    fileprivate init(_ row: Row, perUser: SpendingLimits) throws(PostgresError) {
        let own = SpendingLimits(
            perDay: try row.optional("budget_per_day", Row.money),
            perMonth: try row.optional("budget_per_month", Row.money))
        self.init(
            limits: try row.bool("has_own_budget") ? own : perUser, spentToday: try row.money("today"),
            spentThisMonth: try row.money("this_month"), isSuspended: try row.bool("is_suspended"))
    }
}
