import ArgumentParser
import Foundation
import SyncService
import VideoModels

struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Back up the database with the files that belong to it, and look after backups.",
        discussion: """
            gondola backup /mnt/backups/gondola --keep 14

            On line. A generation is a dump of the database (pg_dump's custom format) and every file that its rows name; files \
            of earlier generations are not copied again. It is whole or it is not there. It may be stopped and repeated.
            """,
        subcommands: [Create.self, List.self, Verify.self], defaultSubcommand: Create.self)

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a backup (the default).", discussion: "gondola backup create /mnt/backups/gondola --keep 14"
        )

        @Argument(help: "The directory of backups; made where it is not there.") var directory: String
        @Option(help: ArgumentHelp("Let all but the newest so many go, afterwards.", valueName: "count")) var keep: Int?
        @Flag(help: "Put the key file in, too: whoever has the backup can then read the secrets in it.")
        var withKeys = false
        @Flag(help: "Say what would be copied, and write nothing.") var dryRun = false
        @OptionGroup var places: PlaceFlags
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let keep, keep < 1 { throw ValidationError("--keep must be at least 1") }
        }

        func run() async throws {
            var request = BackupRequest(directory: directory)
            (request.keep, request.includesKeys, request.isDryRun) = (keep, withKeys, dryRun)
            var lines = LiveLines()
            let isShown = !output.isJSON && Terminal.canRedraw
            let report = try await places.configuration().backUp(request) { report in
                if isShown { Terminal.emit(lines.redraw([Self.line(report)])) }
            }
            try output.show(report) { Self.table(report) }
            if !report.unreadable.isEmpty {
                Terminal.complain(
                    "The lists of these generations are damaged, so no object was removed: "
                        + "\(report.unreadable.joined(separator: " ")). `gondola backup verify` says more; once such a "
                        + "generation's folder is moved away, the next backup removes what is not needed.")
            }
            guard let first = report.damaged.first else { return }
            throw CommandFailure(
                .failed,
                "the backup is made, but \(report.damaged.count) objects are damaged in storage, such as \(first.key): "
                    + "\(first.reason). Run `gondola storage verify --repair`, and back up again")
        }

        static func line(_ report: BackupReport) -> String {
            let part = report.objects == 0 ? 1 : Double(report.done) / Double(report.objects)
            return "\(ProgressBar.text(part, width: 30)) \(report.done) of \(report.objects), "
                + "\(SizeText.rounded(report.copiedBytes)) copied"
        }

        static func table(_ report: BackupReport) -> Table {
            Table(
                [
                    .left("GENERATION"), .right("DATABASE"), .right("OBJECTS"), .right("COPIED"), .right("BYTES"),
                    .right("THERE ALREADY"), .right("GONE"), .right("DAMAGED"),
                ],
                rows: [
                    [
                        report.generation ?? "none yet", SizeText.rounded(report.databaseBytes), "\(report.objects)",
                        "\(report.copied)", SizeText.rounded(report.copiedBytes), "\(report.alreadyThere)",
                        "\(report.gone)", "\(report.damaged.count)",
                    ]
                ])
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the generations of a directory of backups, newest first.",
            discussion: "gondola backup list /mnt/backups/gondola")

        @Argument(help: "The directory of backups.") var directory: String
        @OptionGroup var limit: LimitOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let all = try Backups.list(in: directory)
            let generations = await limit.page { Array(all.suffix($0).reversed()) }
            try output.show(generations) {
                Table(
                    [
                        .left("GENERATION"), .left("OF"), .right("DATABASE"), .right("OBJECTS"), .right("BYTES"),
                        .right("DAMAGED"), .left("KEYS"), .shrinking("PROBLEM"),
                    ],
                    rows: generations.map {
                        [
                            $0.name, $0.madeAt.map(Wire.text) ?? "unknown", SizeText.rounded($0.databaseBytes),
                            "\($0.objects)",
                            SizeText.rounded($0.objectBytes), "\($0.damaged)", $0.hasKeys ? "yes" : "no",
                            $0.problem ?? "",
                        ]
                    })
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hash everything in a directory of backups again.",
            discussion: """
                gondola backup verify /mnt/backups/gondola --rate 50MB

                --repair takes copies away whose bytes are not theirs any more, so that the next backup copies those objects \
                again. The exit status is 1 when something is damaged.
                """)

        @Argument(help: "The directory of backups.") var directory: String
        @Option(help: "Only this generation; all, unless given.") var generation: String?
        @Option(help: "Read at most so many bytes a second, such as 50MB.") var rate: String?
        @Flag(help: "Take spoilt copies away.") var repair = false
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let rate, SizeText.parse(rate).map({ $0 > 0 }) != true {
                throw ValidationError("--rate must be a size such as 50MB")
            }
        }

        func run() async throws {
            var lines = LiveLines()
            let isShown = !output.isJSON && Terminal.canRedraw
            let report = try await Backups.verify(
                directory, generation: generation, isRepairing: repair, bytesPerSecond: rate.flatMap(SizeText.parse)
            ) { report in
                if isShown { Terminal.emit(lines.redraw([Self.line(report)])) }
            }
            try show(report)
            if report.damage > 0 {
                throw CommandFailure(.failed, "\(report.damage) files of the backup are damaged")
            }
        }

        private func show(_ report: BackupVerifyReport) throws {
            if output.isJSON { return try OutputOptions.json(report) }
            Terminal.say(Self.line(report))
            guard !report.findings.isEmpty else { return }
            Table(
                [.shrinking("FILE"), .shrinking("DETAIL")], rows: report.findings.map { [$0.key, $0.reason] }
            ).show()
        }

        static func line(_ report: BackupVerifyReport) -> String {
            "\(report.generations.count) generations, \(report.objects) objects, \(SizeText.rounded(report.bytes)) hashed: "
                + "\(report.missing) missing, \(report.corrupt) corrupt"
        }
    }
}
