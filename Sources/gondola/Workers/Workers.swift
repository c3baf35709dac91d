import ArgumentParser
import Foundation
import JobStore
import VideoModels

struct Workers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "See the processes that run, and ask them to end in order.",
        discussion: "gondola workers list", subcommands: [List.self, WorkersDrain.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List processes, the oldest first.",
            discussion: """
                gondola workers list

                STANDING is working, draining, stuck (a loop of it stands still) or silent: it has not said for a while that it \
                is there, so it has ended without a word or cannot reach the database. Its jobs move again by themselves.
                """)

        @OptionGroup var limit: LimitOptions
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let processes = try await store.withStore { store in
                try await limit.page { try await store.processes(limit: $0) }
            }
            try output.show(processes) { Self.table(processes) }
        }

        static func table(_ processes: [ProcessRecord]) -> Table {
            Table(
                [
                    .left("ID"), .shrinking("NAME"), .left("ROLES"), .left("STANDING").tinted, .right("JOBS"),
                    .right("LEASES").extra, .right("FEEDS").extra, .right("SEEN"), .left("STARTED").extra,
                    .left("VERSION").extra,
                ],
                rows: processes.map { process in
                    [
                        process.id.description, process.name,
                        process.roles.map(\.rawValue).joined(separator: " "), process.standing.rawValue,
                        "\(process.jobsInHand)", "\(process.leases)", "\(process.feedClients)",
                        TimeText.length(process.silentSeconds), TimeText.time(process.startedAt), process.version,
                    ]
                })
        }
    }
}

struct WorkersDrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Ask processes to end in order, as SIGTERM does.",
        discussion: """
            gondola workers drain --all --dry-run

            They take nothing new, bring what they hold to its next durable point, end their feeds with a cursor, and end. What \
            starts them again (systemd, a container) does so: stop that first. They hear of it within seconds; `gondola \
            workers list` shows how far they are. Asks first with the count; --yes answers for you.
            """)

    @Argument(help: "The processes' ids or names (HOST:PID).") var processes: [String] = []
    @Flag(help: "All of them.") var all = false
    @Flag(help: "Say which would be asked, and ask none.") var dryRun = false
    @OptionGroup var confirmation: Confirmation
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard processes.isEmpty == all else { throw ValidationError("name processes, or say --all") }
    }

    func run() async throws {
        let asked = try await store.withStore { store in
            let chosen = try Self.choose(processes, all: all, from: try await store.processes())
            if dryRun || chosen.isEmpty { return chosen }
            let words = "\(chosen.count) processes would be asked to end: \(chosen.map(\.name).joined(separator: ", "))"
            try confirmation.ask([TextWidth.visible(words)], typing: "drain")
            let ids = Set(try await store.askToDrain(chosen.map(\.id)))
            return try await store.processes().filter { ids.contains($0.id) }
        }
        try output.show(asked) { Workers.List.table(asked) }
    }

    /// Those that are named, each by its id or name; silent ones only by name, since nobody hears.
    static func choose(_ words: [String], all: Bool, from processes: [ProcessRecord]) throws -> [ProcessRecord] {
        if all { return processes.filter { $0.standing != .silent } }
        for word in words where !processes.contains(where: { $0.id.description == word || $0.name == word }) {
            throw CommandFailure(
                .refusedData, "there is no process \"\(TextWidth.visible(word))\"; see `gondola workers list`")
        }
        return processes.filter { words.contains($0.id.description) || words.contains($0.name) }
    }
}
