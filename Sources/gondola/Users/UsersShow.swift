import ArgumentParser
import Foundation
import JobStore
import SyncService
import VideoModels

struct UsersShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show everything about a user.",
        discussion: "gondola users show alice")

    @Argument(help: "The user's id or name.") var name: String
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    struct Report: Encodable {
        var user: UserRecord
        var holdings: UserHoldings
        var storage: [StorageUse]
    }

    func run() async throws {
        let report = try await store.withStore { store in
            let id = try await store.find(user: name)
            guard let user = try await store.users(limit: 1, only: id, withErased: true).first else {
                throw StoreError.notFound
            }
            return Report(
                user: user, holdings: try await store.holdings(of: id), storage: try await store.storageUse(of: id))
        }
        if output.isJSON { return try OutputOptions.json(report) }
        for line in Self.lines(report) { Terminal.say(line) }
    }

    static func lines(_ report: Report) -> [String] {
        facts(report).map { TextWidth.pad($0, to: 14) + TextWidth.visible($1) }
    }

    private static func facts(_ report: Report) -> [(String, String)] {
        let (user, holdings) = (report.user, report.holdings)
        let all: [(String, String?)] = [
            ("user", user.id.description), ("name", user.name), ("added", TimeText.time(user.createdAt)),
            ("standing", user.standing), ("why", user.suspendedReason), ("devices", "\(user.devices)"),
            ("jobs", "\(user.jobs), of which \(user.activeJobs) are under way"),
            ("at once", user.activeLimit.map { "\($0) jobs" } ?? "the deployment's limit"),
            ("spent", "\(user.spent); today \(user.spentToday), this month \(user.spentThisMonth)"),
            ("budget", user.budgetText), ("keeps", "\(SizeText.rounded(holdings.bytes)): \(kept(report.storage))"),
            ("ledger", "\(holdings.ledgerRows) rows"),
        ]
        return all.compactMap { name, value in value.map { (name, $0) } }
    }

    private static func kept(_ use: [StorageUse]) -> String {
        use.isEmpty ? "nothing" : use.map { "\($0.objects) × \($0.kind)" }.joined(separator: ", ")
    }
}

extension UserRecord {
    /// `active`, or since when the user is shut out, erased.
    var standing: String {
        if let erasedAt { return "erased, \(TimeText.time(erasedAt))" }
        if let erasingAt { return "being erased, since \(TimeText.time(erasingAt))" }
        return suspendedAt.map { "suspended, since \(TimeText.time($0))" } ?? "active"
    }

    /// The same in one word.
    var standingWord: String {
        erasedAt != nil ? "erased" : erasingAt != nil ? "erasing" : suspendedAt != nil ? "suspended" : "active"
    }
}
