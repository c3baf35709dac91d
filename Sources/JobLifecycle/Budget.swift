public import Foundation
public import VideoModels

/// What may be spent in each period; nil is no limit.
public struct SpendingLimits: Hashable, Sendable {
    public var perDay: Money?
    public var perMonth: Money?

    public init(perDay: Money? = nil, perMonth: Money? = nil) {
        self.perDay = perDay
        self.perMonth = perMonth
    }

    public subscript(period: BudgetPeriod) -> Money? { period == .day ? perDay : perMonth }
    public var isUnlimited: Bool { perDay == nil && perMonth == nil }
}

/// The limits that a process is told of.
public struct BudgetPolicy: Hashable, Sendable {
    /// Of all users together. A job beyond it waits.
    public var cap = SpendingLimits()
    /// Of each user who has no budget of their own. A job beyond it fails, unpaid.
    public var perUser = SpendingLimits()

    public init(cap: SpendingLimits = SpendingLimits(), perUser: SpendingLimits = SpendingLimits()) {
        self.cap = cap
        self.perUser = perUser
    }
}

/// Limits with what has been spent of them: of the reservations made in the period what is held, or settled and not
/// refunded.
public struct Budget: Hashable, Sendable {
    public var limits: SpendingLimits
    public var spentToday: Money
    public var spentThisMonth: Money
    /// Whether nothing more is paid for this user at the moment, whatever the limits say.
    public var isSuspended: Bool

    public init(
        limits: SpendingLimits, spentToday: Money = .zero, spentThisMonth: Money = .zero, isSuspended: Bool = false
    ) {
        self.limits = limits
        self.spentToday = spentToday
        self.spentThisMonth = spentThisMonth
        self.isSuspended = isSuspended
    }

    public func spent(_ period: BudgetPeriod) -> Money { period == .day ? spentToday : spentThisMonth }

    /// The period whose limit `price` would exceed; of two the longer, since its wait is the one that counts.
    public func exceeded(by price: Money) -> BudgetPeriod? {
        [.month, .day].first { period in limits[period].map { spent(period) + price > $0 } ?? false }
    }

    fileprivate mutating func add(_ price: Money) {
        spentToday = spentToday + price
        spentThisMonth = spentThisMonth + price
    }
}

/// Money that is about to be held for a job.
public struct Reservation: Hashable, Sendable {
    public var user: UserID
    public var job: JobID
    /// Who is to be charged.
    public var account: String
    public var amount: Money

    public init(user: UserID, job: JobID, account: String, amount: Money) {
        self.user = user
        self.job = job
        self.account = account
        self.amount = amount
    }
}

/// Why a reservation is not made.
public struct BudgetRefusal: Hashable, Sendable {
    public var scope: Scope
    /// Which limit, what of it is spent, what was asked for, and when it renews; nil where no limit is in the way.
    public var facts: Job.Failure.Budget?

    public enum Scope: Hashable, Sendable {
        case user
        /// All users together.
        case deployment
        /// An operator has suspended the user, or paused the account that would pay.
        case operatorsPause
    }

    /// What it means for the job, which is priced and unpaid. A user's own budget ends it; the deployment's is nothing
    /// that its user could have known, so the job waits.
    public var event: JobEvent {
        guard let facts else { return .held(.paused) }
        let (limit, period) = ("\(facts.limit)", facts.period.word)
        switch scope {
        case .operatorsPause: return .held(.paused)
        case .user:
            var failure = Failure(
                .budgetExceeded,
                "The price of \(facts.price) does not fit into the budget of \(limit) a \(period), of which \(facts.spent) "
                    + "is spent or held. It renews at \(Wire.text(of: facts.renewsAt)). Nothing was charged.")
            failure.notes.budget = facts
            return .refused(failure)
        case .deployment:
            // Without figures: what all users together spend is none of one user's business.
            return .held(
                Job.Hold(
                    kind: .known(.spendingCap),
                    message: "This service has reached what it may spend in a \(period). The video is made as soon as "
                        + "there is room again.", until: facts.renewsAt))
        }
    }
}

/// Takes reservations in, one after the other, as long as there is room for them: what is let in counts for the next.
public struct BudgetBook: Hashable, Sendable {
    private var users: [UserID: Budget]
    private var all: Budget
    private let pausedAccounts: Set<String>
    private let now: Date

    public init(users: [UserID: Budget], all: Budget, pausedAccounts: Set<String> = [], at now: Date) {
        self.users = users
        self.all = all
        self.pausedAccounts = pausedAccounts
        self.now = now
    }

    /// Lets a reservation in, or says why not.
    public mutating func admit(_ reservation: Reservation) -> BudgetRefusal? {
        let price = reservation.amount
        var own = users[reservation.user] ?? Budget(limits: SpendingLimits())
        if own.isSuspended || pausedAccounts.contains(reservation.account) {
            return BudgetRefusal(scope: .operatorsPause, facts: nil)
        }
        if let period = own.exceeded(by: price) { return refusal(.user, own, period, price) }
        if let period = all.exceeded(by: price) { return refusal(.deployment, all, period, price) }
        own.add(price)
        users[reservation.user] = own
        all.add(price)
        return nil
    }

    /// What is left for a user, and whether a price fits in; nil for a user without limits.
    public func room(for price: Money, user: UserID) -> Quote.Room? {
        guard let own = users[user], !own.limits.isUnlimited else { return nil }
        let limits = BudgetPeriod.allCases.compactMap { period in
            own.limits[period].map { limit in
                Quote.Limit(
                    period: .known(period), limit: limit, spent: own.spent(period), renewsAt: period.renewal(after: now)
                )
            }
        }
        return Quote.Room(fits: own.exceeded(by: price) == nil, limits: limits)
    }

    private func refusal(
        _ scope: BudgetRefusal.Scope, _ budget: Budget, _ period: BudgetPeriod, _ price: Money
    ) -> BudgetRefusal {
        BudgetRefusal(
            scope: scope,
            facts: Job.Failure.Budget(
                period: .known(period), limit: budget.limits[period] ?? .zero, spent: budget.spent(period),
                price: price, renewsAt: period.renewal(after: now)))
    }
}
