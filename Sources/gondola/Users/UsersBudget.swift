import ArgumentParser
import Foundation
import JobLifecycle
import JobStore
import VideoModels

struct UsersBudget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget", abstract: "Set what a user may spend in a day and in a month.",
        discussion: """
            gondola users budget alice --per-day 5 --per-month 50

            Replaces what was set before; a limit that is not named is none. --none lifts all limits, --default goes back \
            to those of GONDOLA_USER_BUDGET_PER_DAY and GONDOLA_USER_BUDGET_PER_MONTH. Days and months are UTC. It counts \
            from the next reservation on, with what was spent before. Lookup:  gondola users list
            """)

    @Argument(help: "The user's id or name.") var name: String
    @Option(help: "US dollars a day (UTC), such as 5 or 0.50.") var perDay: String?
    @Option(help: "US dollars a month (UTC).") var perMonth: String?
    @Flag(help: "No limit at all.") var none = false
    @Flag(name: .customLong("default"), help: "The deployment's default.") var usesDefault = false
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    struct Outcome: Encodable {
        var isOwn: Bool
        var perDay: Money?
        var perMonth: Money?

        enum CodingKeys: String, CodingKey {
            case isOwn = "has_own_budget"
            case perDay = "budget_per_day"
            case perMonth = "budget_per_month"
        }
    }

    func validate() throws {
        let ways = [perDay != nil || perMonth != nil, none, usesDefault].count { $0 }
        guard ways == 1 else {
            throw ValidationError("give --per-day and --per-month or one of them, or --none, or --default")
        }
        for (flag, text) in [("--per-day", perDay), ("--per-month", perMonth)] {
            if let text, Self.amount(text) == nil {
                throw ValidationError("\(flag) is \(text.debugDescription): expected US dollars such as 5 or 0.50")
            }
        }
    }

    func run() async throws {
        let limits = SpendingLimits(perDay: perDay.flatMap(Self.amount), perMonth: perMonth.flatMap(Self.amount))
        try await store.withStore { store in
            try await store.setBudget(of: try await store.find(user: name), to: usesDefault ? nil : limits)
        }
        if output.isJSON {
            let outcome = Outcome(isOwn: !usesDefault, perDay: limits.perDay, perMonth: limits.perMonth)
            return try OutputOptions.json(outcome)
        }
        Terminal.say("\(TextWidth.visible(name)): \(usesDefault ? "the deployment's default" : limits.text)")
    }

    private static func amount(_ text: String) -> Money? { Money(text).flatMap { $0 >= .zero ? $0 : nil } }
}

extension SpendingLimits {
    /// `$5.00 a day, $50.00 a month`
    var text: String {
        let parts = [perDay.map { "\($0) a day" }, perMonth.map { "\($0) a month" }].compactMap { $0 }
        return parts.isEmpty ? "no limit" : parts.joined(separator: ", ")
    }
}

extension UserRecord {
    var budgetText: String {
        hasOwnBudget ? SpendingLimits(perDay: budgetPerDay, perMonth: budgetPerMonth).text : "default"
    }
}
