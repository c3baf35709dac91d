import ArgumentParser
import Foundation

@main
struct Gondola: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gondola",
        abstract: "The backend of a mobile app that makes AI videos.",
        discussion: """
            gondola migrate up && gondola run

            Exit status: 0 all went well · 1 something went wrong · 64 wrong usage or setting · 65 the request or its \
            data is refused · 69 a service is not available, trying again may help · 77 the credentials are refused.
            """,
        subcommands: [
            Run.self, Serve.self, Work.self, Migrate.self, Users.self, Tokens.self, Accounts.self, Jobs.self,
            LedgerCommand.self, StorageCommand.self, Secrets.self, Backup.self, Restore.self, Submit.self, Feed.self,
            Models.self, ConfigCommand.self, Workers.self, Explain.self, DoctorCommand.self, Top.self, Demo.self,
        ])

    static func main() async { await execute() }

    /// Runs the command. Errors become one line on standard error and an exit status here, and nowhere else.
    ///
    /// Apart from `main`, because that runs on the main actor and commands do not.
    private static func execute() async {
        do { try await perform(try parseAsRoot()) } catch {
            if error is CancellationError { Foundation.exit(130) }
            // The parser has the words for what it threw itself, such as a request for help.
            guard let failure = CommandFailure(error) else { exit(withError: error) }
            Terminal.complain("gondola: \(failure.message)")
            Foundation.exit(failure.status.rawValue)
        }
    }

    private static func perform(_ command: any ParsableCommand) async throws {
        var command = command
        if var asynchronous = command as? any AsyncParsableCommand {
            try await asynchronous.run()
        } else {
            try command.run()
        }
    }
}
