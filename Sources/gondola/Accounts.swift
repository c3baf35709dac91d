import ArgumentParser
import Foundation
import SyncService

struct Accounts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "See the accounts that pay, and whether they can.",
        discussion: "gondola accounts test", subcommands: [List.self, Test.self])

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
                    .left("ACCOUNT"), .left("KIND"), .left("VERDICT"), .right("USD"), .right("DIEM").extra,
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

extension UpstreamFlags {
    fileprivate func configuration() throws -> Configuration {
        try Configuration.resolve(flags: given, environment: ProcessInfo.processInfo.environment)
    }
}
