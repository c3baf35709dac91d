public import Foundation

/// What an operator has set for a user, as the feed's only object of kind `settings`.
///
/// Where the user has nothing of their own, the deployment's default stands here as it was when the page was read: a
/// default that changes reaches a phone with the next change of these settings.
public struct UserSettings: Hashable, Sendable, Codable {
    /// The user's own identifier.
    public var id: UserID
    public var name: String
    /// How many jobs may be under way at once; nil for as many as there are.
    public var activeJobLimit: Int?
    /// What may be spent in a day or a month (UTC); nil is no limit.
    public var budgetPerDay: Money?
    public var budgetPerMonth: Money?
    /// How much is kept of the user's videos; nil where nothing is limited.
    public var keeping: KeepingRule?

    public init(
        id: UserID, name: String, activeJobLimit: Int? = nil, budgetPerDay: Money? = nil, budgetPerMonth: Money? = nil,
        keeping: KeepingRule? = nil
    ) {
        self.id = id
        self.name = name
        self.activeJobLimit = activeJobLimit
        self.budgetPerDay = budgetPerDay
        self.budgetPerMonth = budgetPerMonth
        self.keeping = keeping
    }

    enum CodingKeys: String, CodingKey {
        case id, name, keeping
        case activeJobLimit = "active_job_limit"
        case budgetPerDay = "budget_per_day"
        case budgetPerMonth = "budget_per_month"
    }
}

/// What a user has spent, as the feed's only object of kind `spending`.
///
/// Told anew when money moves or a budget changes, and not when a day begins: a copy whose `startsOn` lies in an earlier
/// period stands for nothing spent in this one, which `day(at:)` and `month(at:)` say.
public struct Spending: Hashable, Sendable, Codable {
    /// The user's own identifier.
    public var id: UserID
    public var day: Period
    public var month: Period

    /// One stretch of time, and what is spent in it.
    public struct Period: Hashable, Sendable, Codable {
        /// The first day, `2026-11-21`, in UTC by the server's clock.
        public var startsOn: String
        /// Of the reservations made in the period what is held, or paid and not refunded.
        public var spent: Money
        /// Nil is no limit.
        public var budget: Money?
        /// What of the budget is left, never below nothing.
        public var left: Money?

        /// `left` follows from the others.
        public init(startsOn: String, spent: Money, budget: Money? = nil) {
            self.startsOn = startsOn
            self.spent = spent
            self.budget = budget
            left = budget.map { max(.zero, $0 - spent) }
        }

        /// A clock that is behind the server's changes nothing.
        fileprivate func rolledOver(to start: String) -> Period {
            start > startsOn ? Period(startsOn: start, spent: .zero, budget: budget) : self
        }

        enum CodingKeys: String, CodingKey {
            case spent, budget, left
            case startsOn = "starts_on"
        }
    }

    public init(id: UserID, day: Period, month: Period) {
        self.id = id
        self.day = day
        self.month = month
    }

    /// What was spent on the day of `date`: nothing, if that is a later one than was told of.
    public func day(at date: Date) -> Period { day.rolledOver(to: Self.text(of: date)) }

    /// What was spent in the month of `date`: nothing, if that is a later one than was told of.
    public func month(at date: Date) -> Period { month.rolledOver(to: Self.text(of: date).prefix(8) + "01") }

    /// `2026-11-21` in UTC, as `startsOn` has it.
    private static func text(of date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle().year().month().day())
    }
}
