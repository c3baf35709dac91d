import ArgumentParser
import JobStore

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database's tables forward to this version.",
        discussion: """
            gondola migrate up

            `gondola migrate` alone is `up`.
            """,
        subcommands: [Up.self, Status.self, Plan.self], defaultSubcommand: Up.self)

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Apply what is pending.",
            discussion: """
                gondola migrate up

                Each file in a transaction of its own. Safe to repeat, and safe while other processes do it too. There is no \
                way back but a backup: look at `gondola migrate plan` first.
                """)

        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let applied = try await store.migrator().migrate()
            if output.isJSON { return try OutputOptions.json(["applied": applied]) }
            Terminal.say(
                applied.isEmpty
                    ? "nothing to do: the database is up to date" : "applied " + applied.joined(separator: ", "))
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what has been applied and what is pending.",
            discussion: """
                gondola migrate status

                Changes nothing. The exit status is 1 if something is pending.
                """)

        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let status = try await store.migrator().status()
            try output.show(["applied": status.applied, "pending": status.pending]) {
                Table(
                    [.shrinking("MIGRATION"), .left("STATUS").tinted],
                    rows: status.applied.map { [$0, "applied"] } + status.pending.map { [$0, "pending"] })
            }
            if !status.pending.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
        }
    }

    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what `up` would do, and why.",
            discussion: """
                gondola migrate plan --sql

                Changes nothing. The exit status is 0 whether something is pending or not.
                """)

        @Flag(help: "The statements as well.") var sql = false
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        struct Step: Encodable, Equatable {
            var name: String
            var why: String
            var sql: String?
        }

        func run() async throws {
            let pending = Set(try await store.migrator().status().pending)
            let steps = Self.steps(Migrator.all.filter { pending.contains($0.name) }, withSQL: sql)
            if output.isJSON { return try OutputOptions.json(steps) }
            if steps.isEmpty { Terminal.say("nothing to do: the database is up to date") }
            for step in steps { Terminal.say("\(step.name): \(step.why)" + (step.sql.map { "\n\n\($0)" } ?? "")) }
        }

        static func steps(_ migrations: [Migrator.Migration], withSQL: Bool) -> [Step] {
            migrations.map { Step(name: $0.name, why: $0.why, sql: withSQL ? $0.sql : nil) }
        }
    }
}

extension Migrator.Migration {
    /// What the file begins with: its first comment, as one line.
    var why: String {
        sql.split(separator: "\n", omittingEmptySubsequences: false).prefix { $0.hasPrefix("--") }
            .map { $0.drop { $0 == "-" || $0 == " " } }.joined(separator: " ")
    }
}

extension StoreOptions {
    fileprivate func migrator() throws -> Migrator { Migrator(conninfo: try configuration().databaseURL.reveal()) }
}
