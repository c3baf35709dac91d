import ArgumentParser
import Foundation

@main
struct Gondola: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gondola",
        abstract: "The backend of a mobile app that makes AI videos.",
        discussion: """
            Start everything on one machine:  gondola migrate && gondola run

            Exit status: 0 all went well · 1 something went wrong · 64 wrong usage or setting · 65 the request or its \
            data is refused · 69 a service is not available, trying again may help · 77 the credentials are refused.
            """,
        subcommands: [
            Run.self, Serve.self, Work.self, Migrate.self, Users.self, Tokens.self, Jobs.self, Submit.self, Feed.self,
            Models.self, Demo.self,
        ])

    /// Runs the command. Errors become one line on standard error and an exit status here, and nowhere else.
    static func main() async {
        var command: any ParsableCommand
        do { command = try parseAsRoot() } catch { exit(withError: error) }
        do {
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as CleanExit {
            exit(withError: error)
        } catch let error as ExitCode {
            exit(withError: error)
        } catch is CancellationError {
            Foundation.exit(130)
        } catch {
            let failure = CommandFailure(error)
            Terminal.complain("gondola: \(failure.message)")
            Foundation.exit(failure.status.rawValue)
        }
    }
}
