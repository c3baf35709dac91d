public import JobLifecycle
public import VideoModels

extension PostgresStore {
    /// Why this reservation would not be made at the moment; nil if it would. The word that counts is `commit`'s.
    public func refusal(of reservation: Reservation) async throws -> BudgetRefusal? {
        let budgets = self.budgets
        return try await pool.run { connection in
            var book = try connection.budgetBook(of: [reservation.user], budgets, isLocking: false)
            return book.admit(reservation)
        }
    }

    /// What a price does to the user's budget; nil for a user without one.
    public func room(for price: Money, user: UserID) async throws -> Quote.Room? {
        // The deployment's cap is the sum of all users, which this one may not see, and is none of their room.
        let own = BudgetPolicy(perUser: budgets.perUser)
        return try await pool.transaction(Connection.begin(as: user, "read only")) { connection in
            try connection.budgetBook(of: [user], own, isLocking: false).room(for: price, user: user)
        }
    }

    /// Gives a user a budget of their own, where nil is no limit; or with nil for all of it the deployment's default.
    ///
    /// It counts from the next reservation on, with what was spent before.
    public func setBudget(of user: UserID, to limits: SpendingLimits?) async throws {
        let values: [Value] = [
            .id(user), .bool(limits != nil), .optional(limits?.perDay, Value.money),
            .optional(limits?.perMonth, Value.money),
        ]
        let found = try await pool.run { try $0.execute(BudgetStatements.set, values).count }
        guard found == 1 else { throw StoreError.notFound }
        notifier.note(users: [user])
    }

    /// Makes due what a limit of the deployment holds back. Returns how many jobs that are.
    public func lookAtHeld() async throws -> Int {
        try await pool.run { try $0.execute(BudgetStatements.lookAtHeld).affected }
    }
}
