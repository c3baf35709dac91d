import ArgumentParser
import Foundation
import Logging
import SyncService

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look at everything that Gondola stands on, and say what to mend.",
        discussion: """
            gondola doctor

            Database, migrations, clocks, old transactions, dead rows, wake-ups, processes, keys and their files, disks, \
            storage, accounts, ffmpeg: all at the same time, each within 15 s (--limit). Costs nothing upstream, and leaves \
            nothing behind. Give it the environment and the user of the process that it is about.

            Exit status, as monitoring programs read it: 0 all is well · 1 warnings · 2 something has to be mended.
            """)

    @Option(help: ArgumentHelp("How many seconds a check may take.", valueName: "seconds")) var limit = 15.0
    @OptionGroup var settings: SettingFlags
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (0.1...600).contains(limit) else { throw ValidationError("--limit must be from 0.1 to 600 seconds") }
    }

    func run() async throws {
        let configuration = try settings.resolve()
        var log = Logger.standardError(configuration)
        log.logLevel = .critical
        let doctor = Doctor(configuration, limit: .seconds(limit), log: log)
        let diagnosis = await doctor.examine()
        doctor.leave()
        if output.isJSON { try OutputOptions.json(diagnosis) } else { Self.show(diagnosis) }
        switch diagnosis.verdict {
        case .ok: return
        case .warn: throw ExitCode(1)
        case .fail: throw ExitCode(2)
        }
    }

    private static func show(_ diagnosis: Diagnosis) {
        for line in lines(diagnosis, colours: Tint.isWanted()) { Terminal.say(line) }
    }

    /// A line a check, and below it what to do.
    static func lines(_ diagnosis: Diagnosis, colours: Bool) -> [String] {
        let width = diagnosis.checks.map(\.name.count).max() ?? 0
        return diagnosis.checks.flatMap { check in
            let verdict = check.verdict.rawValue.padding(toLength: 4, withPad: " ", startingAt: 0)
            let name = TextWidth.pad(check.name, to: width)
            let first = "\(paint(verdict, check.verdict, colours))  \(name)  \(TextWidth.visible(check.what))"
            let mend = check.mend.map { String(repeating: " ", count: width + 8) + "→ " + TextWidth.visible($0) }
            return [first] + (mend.map { [$0] } ?? [])
        }
    }

    private static func paint(_ text: String, _ verdict: Diagnosis.Verdict, _ colours: Bool) -> String {
        guard colours else { return text }
        let colour =
            switch verdict {
            case .ok: "32"
            case .warn: "33"
            case .fail: "31"
            }
        return "\u{1B}[\(colour)m\(text)\u{1B}[0m"
    }
}
