import ArgumentParser
import Foundation
import SyncService

struct Accounts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "See the accounts that pay, whether they can, and keep them from it.",
        discussion: "gondola accounts test",
        subcommands: [
            List.self, Test.self, Limits.self, AccountsBreaker.self, AccountsPause.self, AccountsResume.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the accounts that are set up.",
            discussion: """
                gondola accounts list

                Asks nobody; shows no secret.
                """)

        @OptionGroup var upstream: UpstreamFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let accounts = try upstream.configuration().accountReports
            try output.show(accounts) {
                Table(
                    [
                        .left("ACCOUNT"), .left("KIND"), .left("NEW JOBS"), .left("WALLET").extra,
                        .shrinking("UPSTREAM").extra,
                    ],
                    rows: accounts.map { account in
                        [
                            account.id, account.kind.rawValue, account.takesNewJobs ? "yes" : "no",
                            account.address ?? "", account.baseURL,
                        ]
                    })
            }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask the upstream whether the accounts can pay, and what they hold.",
            discussion: """
                gondola accounts test

                Costs nothing. The exit status is 77 when the upstream refuses an account, 69 when it cannot be asked.
                """)

        @Argument(help: "Only this account.") var name: String?
        @OptionGroup var upstream: UpstreamFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let configuration = try upstream.configuration()
            let tests = await configuration.testAccounts(named: name)
            guard !tests.isEmpty else {
                throw CommandFailure(.refusedData, "there is no account \"\(name ?? "")\"; see `gondola accounts list`")
            }
            try output.show(tests) { Self.table(tests) }
            if let failure = Self.failure(tests) { throw failure }
        }

        static func table(_ tests: [AccountTest]) -> Table {
            Table(
                [
                    .left("ACCOUNT"), .left("KIND"), .left("VERDICT").tinted, .right("USD"), .right("DIEM").extra,
                    .shrinking("REASON"),
                ],
                rows: tests.map { test in
                    [
                        test.account.id, test.account.kind.rawValue, test.verdict.rawValue,
                        test.balances["USD"]?.text ?? "", test.balances["DIEM"]?.text ?? "", test.reason ?? "",
                    ]
                })
        }

        static func failure(_ tests: [AccountTest]) -> CommandFailure? {
            func names(_ verdict: AccountTest.Verdict) -> String {
                tests.filter { $0.verdict == verdict }.map(\.account.id).joined(separator: ", ")
            }
            if !names(.refused).isEmpty {
                return CommandFailure(.refusedCredentials, "refused upstream: \(names(.refused))")
            }
            if !names(.unreachable).isEmpty {
                return CommandFailure(.unavailable, "the upstream could not be asked about: \(names(.unreachable))")
            }
            return nil
        }
    }
}

extension Accounts {
    struct Limits: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Show the upstream's limits: what is used, what was learned, who rests and which models are paused.",
            discussion: """
                gondola accounts limits

                Asks the database alone, and nobody upstream. The limits are those of this command's own settings, so give
                it the environment of the workers.
                """)

        @OptionGroup var store: StoreOptions
        @OptionGroup var upstream: UpstreamFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let configuration = try Configuration.resolve(
                flags: upstream.given.merging(store.given) { $1 }, environment: ProcessInfo.processInfo.environment)
            let report = try await configuration.withStore { store in
                try await configuration.limitReport(from: store)
            }
            if output.isJSON { return try OutputOptions.json(report) }
            Self.table(report.budgets).show()
            guard !report.models.isEmpty else { return }
            Terminal.say("")
            Self.table(report.models).show()
        }

        static func table(_ budgets: [LimitReport.Budget]) -> Table {
            Table(
                [
                    .left("ACCOUNT"), .left("ENDPOINT"), .right("USED"), .right("LIMIT"), .right("FAILURES"),
                    .shrinking("STANDING"),
                ],
                rows: budgets.map { budget in
                    [
                        budget.account, budget.endpoint, String(budget.used), String(budget.limit),
                        "\(budget.failures) of \(budget.failureLimit)", budget.standing,
                    ]
                })
        }

        static func table(_ models: [LimitReport.Model]) -> Table {
            Table(
                [.left("MODEL"), .right("PAUSES"), .left("SINCE"), .left("STANDING"), .shrinking("WHY")],
                rows: models.map { model in
                    [model.model, String(model.failures), TimeText.time(model.since), model.standing, model.reason]
                })
        }
    }
}

extension LimitReport.Budget {
    /// What is special about it, in words.
    fileprivate var standing: String {
        let all = [
            pausedAt.map { "paused by an operator since \(TimeText.time($0))\(pauseReason.map { ": \($0)" } ?? "")" },
            toldLimit.map { "the upstream told \($0) instead of \(configured)\(Self.rest(toldSeconds))" },
            heldSeconds.map { "held, as the upstream asked\(Self.rest($0))" },
            breaker == .resting ? "rests after too many refusals\(Self.rest(restSeconds))" : nil,
            breaker == .probing ? "tried by single requests after a rest" : nil,
        ]
        let words = all.compactMap { $0 }.joined(separator: "; ")
        return words.isEmpty ? "open" : words
    }

    private static func rest(_ seconds: TimeInterval?) -> String {
        seconds.map { ", for \(TimeText.length($0))" } ?? ""
    }
}

extension LimitReport.Model {
    fileprivate var standing: String {
        if let pausedSeconds { return "paused for \(TimeText.length(pausedSeconds))" }
        return probe == nil ? "the next job tries" : "a job tries"
    }
}

extension UpstreamFlags {
    fileprivate func configuration() throws -> Configuration {
        try Configuration.resolve(flags: given, environment: ProcessInfo.processInfo.environment)
    }
}
