import ArgumentParser
import Foundation
import JobStore
import SyncService
import VideoModels

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what holds a job now, and what would release it.",
        discussion: """
            gondola explain 01936f2e-…

            What has to go away first stands first: a decision that somebody has to make, a missing worker, a turn, limits \
            and pauses with their ends, a lease and whose it is. Asks the database alone. The limits are those of this \
            command's own settings, so give it the environment of the workers.
            """)

    @Argument(help: "The job's id.") var id: String
    @OptionGroup var settings: SettingFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard let job = JobID(id) else { throw ValidationError("\(id): expected the id of a job") }
        let configuration = try settings.resolve()
        do {
            let explanation = try await configuration.withStore { store in
                try await configuration.explanation(of: job, from: store)
            }
            if output.isJSON { return try OutputOptions.json(explanation) }
            for line in Self.lines(explanation) { Terminal.say(line) }
        } catch StoreError.notFound {
            throw CommandFailure(.refusedData, "there is no job \(job); see `gondola jobs list`")
        }
    }

    /// Two lines a finding.
    static func lines(_ explanation: Explanation) -> [String] {
        let findings = explanation.findings.enumerated().flatMap { number, finding in
            [
                "\(number + 1). \(TextWidth.visible(finding.what)) [\(finding.code.rawValue)]",
                "   until: \(end(of: finding, at: explanation.at))",
            ]
        }
        return ["job \(explanation.job) is \(explanation.state)"] + findings
    }

    private static func end(of finding: Explanation.Finding, at now: Date) -> String {
        guard let until = finding.until else { return TextWidth.visible(finding.release) }
        let left = until.timeIntervalSince(now)
        return "\(TimeText.time(until)) (in \(TimeText.length(left))): \(TextWidth.visible(finding.release))"
    }
}
