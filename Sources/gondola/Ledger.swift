import ArgumentParser
import Foundation
import JobLifecycle
import JobStore
import SyncService
import VideoModels

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "See what was spent, prove that it adds up, and clear up lost answers.",
        discussion: "gondola ledger balance\ngondola ledger audit",
        subcommands: [
            LedgerAudit.self, LedgerBalanceCommand.self, LedgerSpend.self, LedgerUnknowns.self, LedgerRefunds.self,
            LedgerReconcile.self,
        ])
}

/// Whose rows, and since when.
struct LedgerFilter: ParsableArguments {
    @Option(help: "Only those of this user, by id or name.") var user: String?
    @Option(help: "Only from then on: 24h or 30d ago, 2026-11-01, or 2026-11-01T09:30:00Z.") var since: Moment?
}

struct LedgerAudit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Prove the ledger from first principles.",
        discussion: """
            gondola ledger audit

            Reads every row of the ledger, every attempt and every job, as they stand at one moment, and changes nothing. \
            Names the first row that is off. The exit status is 1 when there is one.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let shows = Terminal.isError
        // The rows of deleted jobs outlive them and their tombstones.
        let kept = try store.configuration().retention.tombstones
        let report = try await store.withStore { store in
            try await store.audit(forgottenBefore: Date(timeIntervalSinceNow: -kept)) { done in
                if shows { Terminal.complain("… \(done.jobs) jobs, \(done.rows) rows") }
            }
        }
        if output.isJSON { try OutputOptions.json(report) } else { Self.say(report) }
        guard let first = report.first else { return }
        throw CommandFailure(
            .failed, "the ledger does not add up, \(report.count) times, the first \(Self.place(of: first))")
    }

    private static func say(_ report: AuditReport) {
        Terminal.say("\(report.jobs) jobs, \(report.attempts) attempts, \(report.rows) rows of the ledger")
        guard !report.isSound else { return Terminal.say("everything adds up") }
        Table(
            [
                .right("NUMBER"), .left("JOB"), .left("USER").extra, .left("RULE"), .shrinking("EXPECTED"),
                .shrinking("FOUND"),
            ],
            rows: report.findings.map { finding in
                [
                    finding.number.map { String($0) } ?? "-", finding.job?.description ?? "-", finding.user.description,
                    finding.rule.rawValue, finding.expected, finding.found,
                ]
            }
        ).show()
    }

    private static func place(of finding: AuditFinding) -> String {
        let number = finding.number.map { "is number \($0)" } ?? "has no number"
        return "\(number), \(finding.rule.rawValue) of user \(finding.user)"
            + (finding.job.map { ", job \($0)" } ?? "") + ": expected \(finding.expected), found \(finding.found)"
    }
}

struct LedgerBalanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "balance", abstract: "Add up what is held, spent and refunded.",
        discussion: "gondola ledger balance --user alice --since 30d")

    @OptionGroup var filter: LedgerFilter
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let balance = try await store.withStore { store in
            try await store.balance(of: try await store.find(optional: filter.user), since: filter.since?.date)
        }
        try output.show(balance) {
            Table(
                [
                    .right("SPENT"), .right("HELD"), .right("RESERVED").extra, .right("SETTLED").extra,
                    .right("RELEASED").extra, .right("REFUNDED"), .right("ROWS").extra,
                ],
                rows: [
                    [
                        balance.spent, balance.held, balance.reserved, balance.settled, balance.released,
                        balance.refunded,
                    ]
                    .map(\.description) + [String(balance.rows)]
                ])
        }
    }
}

struct LedgerSpend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spend", abstract: "Show who or what the money was spent on.",
        discussion: "gondola ledger spend --by model --since 30d")

    @Option(help: "Add up by user, model or day (UTC).", transform: LedgerSpend.grouping) var by = SpendGrouping.day
    @OptionGroup var filter: LedgerFilter
    @OptionGroup var limit: LimitOptions
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    static func grouping(_ word: String) throws -> SpendGrouping {
        if let grouping = SpendGrouping(rawValue: word) { return grouping }
        throw ValidationError("--by must be one of \(SpendGrouping.allCases.map(\.rawValue).joined(separator: ", "))")
    }

    func run() async throws {
        let records = try await store.withStore { store in
            let user = try await store.find(optional: filter.user)
            return try await limit.page { count in
                try await store.spend(by: by, of: user, since: filter.since?.date, limit: count)
            }
        }
        try output.show(records) {
            Table(
                [
                    .shrinking(by.rawValue.uppercased()), .right("PAID JOBS"), .right("SETTLED"), .right("REFUNDED"),
                    .right("SPENT"),
                ],
                rows: records.map { record in
                    [
                        record.group, String(record.jobs), record.settled.description, record.refunded.description,
                        (record.settled - record.refunded).description,
                    ]
                })
        }
    }
}

struct LedgerUnknowns: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unknowns", abstract: "List jobs whose paid answer is lost, the oldest first.",
        discussion: """
            gondola ledger unknowns

            Compare them with the upstream's record next:  gondola ledger reconcile
            """)

    @Option(help: "Only those of this user, by id or name.") var user: String?
    @OptionGroup var limit: LimitOptions
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let found = try await store.withStore { store in
            let user = try await store.find(optional: user)
            return try await limit.page { try await store.unknowns(of: user, limit: $0) }
        }
        let unknowns = try found.map(OperatorUnknown.init)
        try output.show(unknowns) {
            Table(
                [
                    .left("JOB"), .shrinking("USER"), .right("PRICE"), .left("SUBMITTED"), .left("VERDICT"),
                    .shrinking("EVIDENCE").extra,
                ],
                rows: unknowns.map { unknown in
                    [
                        unknown.job.id.description, unknown.job.userName ?? "", unknown.job.price?.description ?? "-",
                        unknown.submittedAt.map(TimeText.time) ?? "-",
                        unknown.reconciliation?.verdict.word ?? "not compared", unknown.job.attention?.evidence ?? "",
                    ]
                })
        }
    }
}

struct LedgerRefunds: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refunds", abstract: "List paid jobs that failed, and what came back.",
        discussion: """
            gondola ledger refunds --since 30d

            Where the upstream did not say whether it gave the price back, compare with the account's usage.
            """)

    @OptionGroup var filter: LedgerFilter
    @OptionGroup var limit: LimitOptions
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let refunds = try await store.withStore { store in
            let user = try await store.find(optional: filter.user)
            return try await limit.page { count in
                try await store.refunds(of: user, since: filter.since?.date, limit: count)
            }
        }
        try output.show(refunds) {
            Table(
                [
                    .left("JOB"), .shrinking("USER"), .left("PAID"), .right("SETTLED"), .right("REFUNDED"),
                    .left("UPSTREAM SAID"), .shrinking("WHY").extra,
                ],
                rows: refunds.map { refund in
                    [
                        refund.job.description, refund.userName, TimeText.time(refund.settledAt),
                        refund.settled.description, refund.refunded.description,
                        refund.isRefunded.map { $0 ? "refunded" : "kept" } ?? "nothing",
                        "\(refund.code): \(refund.message)",
                    ]
                })
        }
    }
}
