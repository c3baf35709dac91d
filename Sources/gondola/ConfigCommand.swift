import ArgumentParser
import Foundation
import SyncService

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "See the settings and where each comes from, and check them.",
        discussion: "gondola config show --set", subcommands: [Show.self, Check.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show every setting with its value and its origin.",
            discussion: """
                gondola config show --set

                As a process would resolve them that was started with these flags and this environment; for a systemd unit: \
                set -a; . /etc/gondola/gondola.env. Shows no secret. A wrong value is shown as it is; `gondola config check` \
                names it.
                """)

        @Flag(help: "Only those that somebody has set.") var set = false
        @Option(help: "Only those whose name contains this.") var name: String?
        @OptionGroup var settings: SettingFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let all = Configuration.report(
                flags: settings.given, environment: ProcessInfo.processInfo.environment)
            let shown = all.filter { setting in
                (!set || ![.default, .unset].contains(setting.origin))
                    && (name.map { setting.name.lowercased().contains($0.lowercased()) } ?? true)
            }
            try output.show(shown) { Self.table(shown) }
        }

        static func table(_ settings: [SettingReport]) -> Table {
            Table(
                [.left("SETTING"), .shrinking("VALUE"), .left("ORIGIN"), .shrinking("GIVEN BY").extra],
                rows: settings.map { setting in
                    let isHidden = setting.isSecret && setting.origin != .unset && setting.origin != .default
                    return [
                        setting.name, isHidden ? "‹redacted›" : setting.value ?? "-", setting.origin.rawValue,
                        setting.source ?? "-",
                    ]
                })
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say everything that is wrong with the settings.",
            discussion: """
                gondola config check

                Reads the files that settings name, and asks nobody: whether the database or the upstream answers is for \
                `gondola doctor`. The exit status is 64 when something is wrong, 1 when a GONDOLA_… variable is no setting.
                """)

        @OptionGroup var settings: SettingFlags
        @OptionGroup var output: OutputOptions

        struct Report: Encodable, Equatable {
            var isUsable: Bool
            var problems: [String]
            /// Variables that are no settings, with the name that was probably meant.
            var strangers: [String: String]

            enum CodingKeys: String, CodingKey {
                case problems, strangers
                case isUsable = "is_usable"
            }
        }

        func run() async throws {
            let report = Self.report(flags: settings.given, environment: ProcessInfo.processInfo.environment)
            if output.isJSON { try OutputOptions.json(report) }
            if !report.isUsable { throw CommandFailure(.usage, report.problems.joined(separator: "\n")) }
            if !report.strangers.isEmpty {
                let words = report.strangers.sorted { $0.key < $1.key }.map { "\($0.key); did you mean \($0.value)?" }
                throw CommandFailure(.failed, "no settings: " + words.joined(separator: "\n"))
            }
            if !output.isJSON { Terminal.say("the settings are right") }
        }

        static func report(flags: [String: String], environment: [String: String]) -> Report {
            let strangers = Configuration.unknownVariables(in: environment)
            var report = Report(
                isUsable: true, problems: [],
                strangers: Dictionary(strangers.map { ($0.name, $0.nearest) }, uniquingKeysWith: { first, _ in first }))
            do throws(InvalidSettings) { _ = try Configuration.resolve(flags: flags, environment: environment) } catch {
                (report.isUsable, report.problems) = (false, error.findings.map(\.description))
            }
            return report
        }
    }
}
