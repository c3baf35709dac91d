import ArgumentParser
import Foundation
import JobStore
import SyncService

struct AccountsPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Keep an account from being charged until `resume`.",
        discussion: """
            gondola accounts pause default --reason "budget review"

            From the next submission on, in every process: its jobs wait as `quoted`, unpaid, with the hold `paused`. What is \
            paid is looked at and fetched as before. A submission that is on its way at that moment is not stopped.
            """)

    @Argument(help: "The account, as `gondola accounts list` names it.") var account: String
    @Option(help: "Why, in at most 500 characters.") var reason: String?
    @OptionGroup var store: StoreOptions
    @OptionGroup var upstream: UpstreamFlags
    @OptionGroup var output: OutputOptions

    func validate() throws { try checkReason(reason) }

    func run() async throws {
        try await store.merged(with: upstream) { store, configuration in
            try configuration.checkAccount(account)
            try await store.pauseAccount(account, reason: reason)
            let pause = try await store.accountPauses().first { $0.account == account }
            if output.isJSON { return try OutputOptions.json(pause) }
            Terminal.say("\(TextWidth.visible(account)) is not charged any more")
        }
    }
}

struct AccountsResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a paused account be charged again.",
        discussion: """
            gondola accounts resume default

            What waited for it goes on at once.
            """)

    @Argument(help: "The account.") var account: String
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    struct Outcome: Encodable {
        var wasPaused: Bool

        enum CodingKeys: String, CodingKey { case wasPaused = "was_paused" }
    }

    func run() async throws {
        let wasPaused = try await store.withStore { try await $0.resumeAccount(account) }
        if output.isJSON { return try OutputOptions.json(Outcome(wasPaused: wasPaused)) }
        Terminal.say("\(TextWidth.visible(account)) \(wasPaused ? "is charged again" : "was not paused")")
    }
}

struct AccountsBreaker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "breaker", abstract: "End an account's rest after too many refusals, or make it rest.",
        discussion: """
            gondola accounts breaker default --close

            `gondola accounts limits` shows whether an account rests and why. It ends by itself, by single requests that \
            succeed. --close ends it now: the upstream blocks an account that goes on being refused, so mend the cause first. \
            --rest keeps everything from the account for a while, looks at what is paid included. Asks first; --yes answers \
            for you.
            """)

    @Argument(help: "The account.") var account: String
    @Flag(help: "Let requests through again.") var close = false
    @Option(help: ArgumentHelp("Let none through for so long, such as 60s.", valueName: "duration")) var rest: String?
    @OptionGroup var confirmation: Confirmation
    @OptionGroup var store: StoreOptions
    @OptionGroup var upstream: UpstreamFlags
    @OptionGroup var output: OutputOptions

    struct Outcome: Encodable {
        var breaker: String
        var hasChanged: Bool

        enum CodingKeys: String, CodingKey {
            case breaker
            case hasChanged = "has_changed"
        }
    }

    func validate() throws {
        guard close == (rest == nil) else { throw ValidationError("give either --close or --rest") }
        if let rest, DurationText.parse(rest).map({ (1...86_400).contains($0) }) != true {
            throw ValidationError("--rest must be a duration from 1s to 24h")
        }
    }

    func run() async throws {
        try await store.merged(with: upstream) { store, configuration in
            try configuration.checkAccount(account)
            let words = close ? "Requests of every worker go to it again." : "Nothing is asked of it, polls included."
            try confirmation.ask(["\(TextWidth.visible(account)): \(words)"], typing: close ? "close" : "rest")
            let outcome = try await change(store)
            if output.isJSON { return try OutputOptions.json(outcome) }
            let word = close ? (outcome.hasChanged ? "asked again" : "did not rest") : "rests"
            Terminal.say("\(TextWidth.visible(account)): \(word)")
        }
    }

    private func change(_ store: PostgresStore) async throws -> Outcome {
        guard let seconds = rest.flatMap(DurationText.parse) else {
            return Outcome(breaker: "closed", hasChanged: try await store.closeBreakerByHand(account: account))
        }
        try await store.openBreaker(account: account, for: seconds)
        return Outcome(breaker: "resting", hasChanged: true)
    }
}

extension StoreOptions {
    /// For commands that need to know the accounts as well.
    func merged<T>(
        with upstream: UpstreamFlags, _ body: (PostgresStore, Configuration) async throws -> T
    ) async throws -> T {
        let configuration = try Configuration.resolve(
            flags: upstream.given.merging(given) { $1 }, environment: ProcessInfo.processInfo.environment)
        return try await configuration.withStore { try await body($0, configuration) }
    }
}

extension Configuration {
    /// A slip of the pen must not pause nobody.
    fileprivate func checkAccount(_ account: String) throws {
        guard accountReports.contains(where: { $0.id == account }) else {
            throw CommandFailure(
                .refusedData, "there is no account \"\(TextWidth.visible(account))\"; see `gondola accounts list`")
        }
    }
}
