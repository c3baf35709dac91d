import ArgumentParser
import Foundation
import JobStore
import SyncService
import VideoModels

struct UsersRetention: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention", abstract: "Set how much is kept of a user's videos.",
        discussion: """
            gondola users retention alice --keep-days 90 --keep-newest 500 --quota 20GiB --dry-run

            Replaces what was set before; a limit that is not named is none. What is beyond the days or the number is deleted \
            by every round of housekeeping, as if the user had: it can be brought back within GONDOLA_DELETE_GRACE. A full \
            quota refuses new submissions, or with --remove-oldest deletes the oldest videos. --keep-all keeps everything, \
            --default goes back to GONDOLA_KEEP_DAYS, GONDOLA_KEEP_NEWEST and GONDOLA_QUOTA. --dry-run changes nothing and \
            says what would go.
            """)

    @Argument(help: "The user's id or name.") var name: String
    @Option(help: ArgumentHelp("Videos older than so many days go.", valueName: "days")) var keepDays: Int?
    @Option(help: ArgumentHelp("So many of the newest stay.", valueName: "videos")) var keepNewest: Int?
    @Option(help: ArgumentHelp("What the videos may have, such as 20GiB.", valueName: "size")) var quota: String?
    @Flag(help: "A full quota deletes the oldest videos instead of refusing new ones.") var removeOldest = false
    @Flag(help: "Keep everything.") var keepAll = false
    @Flag(name: .customLong("default"), help: "The deployment's rule.") var usesDefault = false
    @Flag(help: "Change nothing; say what would go.") var dryRun = false
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        let ways = [keepDays != nil || keepNewest != nil || quota != nil, keepAll, usesDefault].count { $0 }
        guard ways == 1 else {
            throw ValidationError("give --keep-days, --keep-newest or --quota, or --keep-all, or --default")
        }
        if removeOldest, quota == nil { throw ValidationError("--remove-oldest goes with --quota") }
        if let keepDays, !(1...36_500).contains(keepDays) { throw ValidationError("--keep-days must be 1 to 36500") }
        if let keepNewest, !(1...1_000_000_000).contains(keepNewest) {
            throw ValidationError("--keep-newest must be 1 to 1000000000")
        }
        if let quota, SizeText.parse(quota).map({ $0 > 0 }) != true {
            throw ValidationError("--quota must be a size such as 20GiB")
        }
    }

    /// What is set; nil for the deployment's.
    var rule: KeepingRule? {
        usesDefault
            ? nil
            : KeepingRule(
                days: keepDays, newest: keepNewest, quotaBytes: quota.flatMap(SizeText.parse),
                quotaRemovesOldest: removeOldest)
    }

    struct Outcome: Encodable {
        var rule: KeepingRule
        var isSet: Bool
        /// What goes in the next round of housekeeping.
        var excess: KeepingExcess

        enum CodingKeys: String, CodingKey {
            case rule, excess
            case isSet = "is_set"
        }
    }

    func run() async throws {
        let configuration = try store.configuration()
        let common = configuration.retention.keeping
        let outcome = try await configuration.withStore { store in
            let user = try await store.find(user: name)
            if !dryRun { try await store.setKeeping(rule, of: user) }
            let counted = rule ?? common
            return Outcome(rule: counted, isSet: !dryRun, excess: try await store.excess(of: user, under: counted))
        }
        if output.isJSON { return try OutputOptions.json(outcome) }
        let size = SizeText.rounded(outcome.excess.bytes)
        Terminal.say("\(TextWidth.visible(name)): \(outcome.rule.text)")
        Terminal.say("\(dryRun ? "would delete" : "the next round deletes") \(outcome.excess.videos) videos, \(size)")
    }
}

extension KeepingRule {
    /// `90 days, the newest 500, at most 20GiB (then nothing new)`
    var text: String {
        let full = quotaRemovesOldest ? "then the oldest go" : "then nothing new"
        let parts = [
            days.map { "\($0) days" }, newest.map { "the newest \($0)" },
            quotaBytes.map { "at most \(SizeText.show($0)) (\(full))" },
        ].compactMap(\.self)
        return parts.isEmpty ? "keeps everything" : "keeps " + parts.joined(separator: ", ")
    }
}
