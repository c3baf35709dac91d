import ArgumentParser
import Foundation
import SyncService
import VideoModels

struct LedgerReconcile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile", abstract: "Compare lost answers with the upstream's own record of charges.",
        discussion: """
            gondola ledger reconcile

            Reads the account's billing history (which takes an ADMIN key) or the wallet's transactions, and says of each \
            paid request whose answer was lost whether it was not charged, charged, or cannot be told. The verdict is kept \
            with the job, where its user and its operator see it. Decides nothing and sends nothing again.

            The exit status is 69 when an account's record could not be read.
            """)

    @Option(help: "Only this account.") var account: String?
    @Option(help: "Requests from then on: 24h ago, 2026-11-01, a time. Without it: from the oldest undecided one on.")
    var since: Moment?
    @Option(help: "Requests before then.") var until: Moment?
    @Option(help: "The most by which our clock and the upstream's differ.") var clockSkew = "2m"
    @Option(help: "The longest after a request that its charge is entered. Without it: 15m, for a wallet 1h.")
    var lateness: String?
    @Option(
        help: "File with an ADMIN key of the same upstream user, where the account's own key may not read its bill.")
    var adminKeyFile: String?
    @OptionGroup var store: StoreOptions
    @OptionGroup var upstream: UpstreamFlags
    @OptionGroup var output: OutputOptions

    func validate() throws {
        for (name, text) in [("--clock-skew", clockSkew), ("--lateness", lateness ?? "0s")] {
            guard let seconds = DurationText.parse(text), seconds <= 7 * 86_400 else {
                throw ValidationError("\(name) must be a duration such as 2m, at most 7d")
            }
        }
        if let since, let until, until.date <= since.date {
            throw ValidationError("--until must be later than --since")
        }
    }

    func run() async throws {
        let configuration = try Configuration.resolve(
            flags: store.given.merging(upstream.given) { $1 }, environment: ProcessInfo.processInfo.environment)
        let request = ReconciliationRequest(
            account: account, since: since?.date, until: until?.date,
            clockSkew: DurationText.parse(clockSkew) ?? 120, lateness: lateness.flatMap(DurationText.parse),
            adminKey: try adminKeyFile.map(ReconciliationRequest.key))
        let reports = try await store.withStore { try await configuration.reconcile(request, store: $0) }
        guard !reports.isEmpty else {
            throw CommandFailure(.refusedData, "there is no account \"\(account ?? "")\"; see `gondola accounts list`")
        }
        if output.isJSON {
            try OutputOptions.json(reports)
        } else {
            for line in reports.flatMap(Self.lines) { Terminal.say(line) }
        }
        if let failure = Self.failure(reports) { throw failure }
    }

    static func lines(_ report: ReconciliationReport) -> [String] {
        guard report.problem == nil else { return [] }
        if report.verdicts.isEmpty { return ["\(report.account): no answer is lost in that window"] }
        return report.verdicts.flatMap { verdict in
            ["\(verdict.job)  \(verdict.price)  \(verdict.verdict.replacing("_", with: " "))"]
                + verdict.evidence.map { "    \(TextWidth.visible($0))" }
                + (verdict.askAgainAt.map { ["    Ask again after \(TimeText.time($0))."] } ?? [])
                + (verdict.isUndecided ? Self.decisions(verdict) : ["    It has been decided already."])
        }
    }

    private static func decisions(_ verdict: ReconciliationReport.Verdict) -> [String] {
        ["give-up", "resubmit"].map { "    gondola jobs decide \(verdict.job) \($0)" }
    }

    static func failure(_ reports: [ReconciliationReport]) -> CommandFailure? {
        let failed = reports.filter { $0.problem != nil }
        guard !failed.isEmpty else { return nil }
        return CommandFailure(
            failed.allSatisfy(\.isPassing) ? .unavailable : .failed,
            failed.map { "\($0.account): \($0.problem ?? "")" }.joined(separator: "\n"))
    }
}
