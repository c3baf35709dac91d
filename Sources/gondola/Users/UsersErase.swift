import ArgumentParser
import Foundation
import JobStore
import SyncService
import VideoModels

struct UsersErase: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase", abstract: "Erase everything of one user, for good.",
        discussion: """
            gondola users erase alice --dry-run

            Shuts the user out, cancels what is not paid, and then deletes every file, row and device, and the name. The rows of \
            the ledger and its counters stay, as nothing ever changes them: amounts and times under ids without a name. \
            Where paid work is under way or a person has to decide, it says so and ends with status 69: run it again when that \
            is over, as after any interruption; it carries on. There is no way back; `gondola users export` comes first. \
            Backups hold the user until they are gone.
            """)

    @Argument(help: "The user's id or name.") var name: String
    @Flag(help: "Say what would go, and change nothing.") var dryRun = false
    @OptionGroup var confirmation: Confirmation
    @OptionGroup var places: PlaceFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let configuration = try places.configuration()
        let report = try await configuration.withStore { store in
            let user = try await store.find(user: name)
            let holdings = try await store.holdings(of: user)
            if dryRun { return UserErasure.Report(holdings: holdings) }
            try confirmation.ask(
                Self.lines(holdings, "would be erased for good"), typing: "erase", unless: holdings.isErased)
            return try await configuration.erase(user, in: store)
        }
        if output.isJSON {
            try OutputOptions.json(report)
        } else {
            for line in Self.lines(report, isDryRun: dryRun) { Terminal.say(line) }
        }
        if !report.waitsFor.isEmpty {
            let words = "shut out, and nothing is deleted yet; run it again when this is over:\n"
            throw CommandFailure(.unavailable, words + report.waitsFor.map { "- \($0)" }.joined(separator: "\n"))
        }
    }

    static func lines(_ holdings: UserHoldings, _ verb: String) -> [String] {
        [
            "\(TextWidth.visible(holdings.name)) \(verb):",
            "\(holdings.jobs) jobs (\(holdings.unfinishedJobs) not ended), \(holdings.videos) videos, "
                + "\(holdings.assets) assets, \(holdings.uploads) uploads, \(holdings.devices) devices, "
                + SizeText.rounded(holdings.bytes),
            "\(holdings.ledgerRows) rows of the ledger stay, without a name",
        ]
    }

    static func lines(_ report: UserErasure.Report, isDryRun: Bool) -> [String] {
        if isDryRun { return lines(report.holdings, "would be erased") }
        if report.holdings.isErased { return ["erased already"] }
        guard report.isErased else { return ["\(report.cancelledJobs) jobs cancelled"] }
        return lines(report.holdings, "is erased")
            + ["\(report.deletedObjects) objects and \(report.deletedRows) jobs and rows deleted"]
    }
}
