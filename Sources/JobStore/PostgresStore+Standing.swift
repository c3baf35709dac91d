public import Foundation
public import VideoModels

/// An account that is not to be charged until an operator says otherwise.
public struct AccountPause: Hashable, Sendable, Codable {
    public var account: String
    public var since: Date
    public var reason: String?
}

extension PostgresStore {
    /// Shuts a user out: at once, here and in all other processes, their devices are refused and what they have open ends;
    /// nothing more is taken in, begun or paid for. What is paid goes on to its end. Returns the user's name.
    public func suspend(_ user: UserID, reason: String?) async throws -> String {
        let values: [Value] = [.id(user), .optional(reason, Value.text)]
        let name = try await pool.run {
            try $0.execute(StandingStatements.suspend, values).first { try $0.text("name") }
        }
        guard let name else { throw try await refusal(of: user) }
        notifier.tell(.suspended(user))
        return name
    }

    /// Lets a user in again, and what waited for that goes on. Returns whether the user was shut out.
    public func resume(_ user: UserID) async throws -> Bool {
        let activeJobs = activeJobs
        let wasSuspended = try await pool.transaction { connection in
            let rows = try connection.execute(StandingStatements.resume, [.id(user)])
            let wasSuspended = try rows.first { try $0.bool("was_suspended") }
            if wasSuspended == true {
                _ = try connection.admitInTransaction([user], limit: activeJobs)
                try connection.execute(BudgetStatements.lookAtHeld)
            }
            return wasSuspended
        }
        guard let wasSuspended else { throw try await refusal(of: user) }
        if wasSuspended { notifier.note(users: [user], jobs: true) }
        return wasSuspended
    }

    /// Why nothing was changed: there is no such user, or they are being erased.
    private func refusal(of user: UserID) async throws -> StoreError {
        let isThere = try await pool.run { try $0.execute(StandingStatements.isSuspended, [.id(user)]).count > 0 }
        return isThere ? .erased : .notFound
    }

    /// The account is not charged from now on: jobs wait, unpaid, and say so. What is paid is looked at and fetched.
    public func pauseAccount(_ account: String, reason: String?) async throws {
        let values: [Value] = [.text(account), .optional(reason, Value.text)]
        try await pool.run { _ = try $0.execute(StandingStatements.pauseAccount, values) }
    }

    /// The account is charged again, and what waited goes on at once. Returns whether it was paused.
    public func resumeAccount(_ account: String) async throws -> Bool {
        let wasPaused = try await pool.transaction { connection in
            let wasPaused = try connection.execute(StandingStatements.resumeAccount, [.text(account)]).count > 0
            if wasPaused { try connection.execute(BudgetStatements.lookAtHeld) }
            return wasPaused
        }
        if wasPaused { notifier.note(users: [], jobs: true) }
        return wasPaused
    }

    public func accountPauses(limit: Int = 1000) async throws -> [AccountPause] {
        try await pool.run { connection in
            try connection.execute(StandingStatements.accountPauses, [.int(limit)]).map { row in
                AccountPause(
                    account: try row.text("account"), since: try row.date("since"),
                    reason: try row.optionalText("reason"))
            }
        }
    }

    /// Ends an account's rest without the upstream's word that it is well again. Returns whether it rested.
    public func closeBreakerByHand(account: String) async throws -> Bool {
        try await pool.run { connection in
            try connection.execute(StandingStatements.closeBreakerByHand, [.text(account)]).count > 0
        }
    }

    /// The list of models was saved anew: every process reads it.
    public func tellOfModels() async throws {
        try await pool.run { _ = try $0.execute(StandingStatements.tellOfModels) }
        notifier.tell(.models)
    }
}
