import ArgumentParser
import JobStore

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database's tables forward to this version.",
        discussion: """
            DATABASE_URL=postgres:///gondola gondola migrate

            Safe to repeat, and safe while other processes do it too. With --status nothing is changed, and the exit \
            status is 1 if something is pending.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions
    @Flag(help: "Show what has been applied and what is pending, and change nothing.")
    var status = false

    func run() async throws {
        let migrator = Migrator(conninfo: try store.configuration().databaseURL.reveal())
        if status { return try await showStatus(migrator) }
        let applied = try await migrator.migrate()
        if output.isJSON { return try OutputOptions.json(["applied": applied]) }
        Terminal.say(
            applied.isEmpty ? "nothing to do: the database is up to date" : "applied " + applied.joined(separator: ", ")
        )
    }

    private func showStatus(_ migrator: Migrator) async throws {
        let status = try await migrator.status()
        try output.show(["applied": status.applied, "pending": status.pending]) {
            Table(
                [.shrinking("MIGRATION"), .left("STATUS")],
                rows: status.applied.map { [$0, "applied"] } + status.pending.map { [$0, "pending"] })
        }
        if !status.pending.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}
