public import Foundation
import JobLifecycle
public import VideoModels

/// A user as the operator sees it.
public struct UserRecord: Hashable, Sendable, Codable {
    public var id: UserID
    public var name: String
    public var createdAt: Date
    public var devices: Int
    public var jobs: Int
    /// Settled less refunded, over all time.
    public var spent: Money
    /// What counts against budgets: of this day's and this month's (UTC) reservations.
    public var spentToday = Money.zero
    public var spentThisMonth = Money.zero
    /// Whether the budget is the user's own; without it the deployment's default counts.
    public var hasOwnBudget = false
    /// Of an own budget; nil is no limit.
    public var budgetPerDay: Money?
    public var budgetPerMonth: Money?
    /// Jobs under way.
    public var activeJobs = 0
    /// The most that may be at once; nil for the deployment's limit.
    public var activeLimit: Int?
    /// Since when devices are refused and nothing more is paid for, and why.
    public var suspendedAt: Date?
    public var suspendedReason: String?
    /// Since when all data goes, and when it was gone.
    public var erasingAt: Date?
    public var erasedAt: Date?

    enum CodingKeys: String, CodingKey {
        case id, name, devices, jobs, spent
        case activeJobs = "active_jobs"
        case activeLimit = "active_limit"
        case suspendedAt = "suspended_at"
        case suspendedReason = "suspended_reason"
        case erasingAt = "erasing_at"
        case erasedAt = "erased_at"
        case createdAt = "created_at"
        case spentToday = "spent_today"
        case spentThisMonth = "spent_this_month"
        case hasOwnBudget = "has_own_budget"
        case budgetPerDay = "budget_per_day"
        case budgetPerMonth = "budget_per_month"
    }
}

extension PostgresStore {
    public func addUser(named name: String, id: UserID) async throws -> UserRecord {
        do {
            return try await pool.run { connection in
                let rows = try connection.execute(UserStatements.add, [.id(id), .text(name)])
                guard let created = try rows.first({ try $0.date("created_at") }) else {
                    throw PostgresError.unexpectedRow("an inserted user was not returned")
                }
                return UserRecord(id: id, name: name, createdAt: created, devices: 0, jobs: 0, spent: .zero)
            }
        } catch PostgresError.constraint(name: "users_name_key", _) {
            throw StoreError.nameTaken(name)
        }
    }

    /// The first users, or one; those that are erased only where they are asked for.
    public func users(limit: Int, only: UserID? = nil, withErased: Bool = false) async throws -> [UserRecord] {
        let values: [Value] = [.int(limit), .optional(only) { .id($0) }, .bool(withErased)]
        return try await pool.run { connection in
            try connection.execute(UserStatements.list, values).map { try UserRecord($0) }
        }
    }

    /// Finds a user by id or by name.
    public func user(_ idOrName: String) async throws -> UserID {
        let found = try await pool.run { connection in
            try connection.execute(UserStatements.find, [.text(idOrName)]).first { try $0.id("id") as UserID }
        }
        guard let found else { throw StoreError.notFound }
        return found
    }

    /// Whether row-level security binds the role that the database is used as. It binds no superuser.
    public func keepsUsersApart() async throws -> Bool {
        try await pool.run { try $0.execute(UserStatements.isUnbound).first { try $0.bool("is_unbound") } == false }
    }

    /// What a user's own devices are told of them, as far as the database knows it. Throws `StoreError.notFound`.
    public func me(_ user: UserID) async throws -> UserFacts {
        let (budgets, activeJobs) = (budgets, activeJobs)
        let found = try await pool.run { connection in
            try connection.execute(as: user, [(UserStatements.me, [.id(user)])])[0].first { row in
                try UserFacts(row, perUser: budgets.perUser, activeJobs: activeJobs)
            }
        }
        guard let found else { throw StoreError.notFound }
        return found
    }
}

extension UserRecord {
    fileprivate init(_ row: Row) throws {
        self.init(
            id: try row.id("id"), name: try row.text("name"), createdAt: try row.date("created_at"),
            devices: try row.int("devices"), jobs: try row.int("jobs"), spent: try row.money("spent"))
        (spentToday, spentThisMonth) = (try row.money("today"), try row.money("this_month"))
        hasOwnBudget = try row.bool("has_own_budget")
        budgetPerDay = try row.optional("budget_per_day", Row.money)
        budgetPerMonth = try row.optional("budget_per_month", Row.money)
        activeJobs = try row.int("active_jobs")
        activeLimit = try row.optional("active_limit", Row.int)
        suspendedAt = try row.optional("suspended_at", Row.date)
        suspendedReason = try row.optionalText("suspended_reason")
        erasingAt = try row.optional("erasing_at", Row.date)
        erasedAt = try row.optional("erased_at", Row.date)
    }
}

/// A user as their own devices see them.
public struct UserFacts: Hashable, Sendable {
    public var id: UserID
    public var name: String
    public var createdAt: Date
    public var activeJobs: Int
    /// The most jobs that may be under way at once.
    public var activeLimit: Int
    public var spending: Spending

    init(_ row: Row, perUser: SpendingLimits, activeJobs limit: Int) throws {
        let own = SpendingLimits(
            perDay: try row.optional("budget_per_day", Row.money),
            perMonth: try row.optional("budget_per_month", Row.money))
        let budget = try row.bool("has_own_budget") ? own : perUser
        id = try row.id("id")
        name = try row.text("name")
        createdAt = try row.date("created_at")
        activeJobs = try row.int("active_jobs")
        activeLimit = try row.optional("active_limit", Row.int) ?? limit
        spending = Spending(
            id: id,
            day: .init(startsOn: try row.text("day_starts"), spent: try row.money("today"), budget: budget.perDay),
            month: .init(
                startsOn: try row.text("month_starts"), spent: try row.money("this_month"), budget: budget.perMonth))
    }
}
