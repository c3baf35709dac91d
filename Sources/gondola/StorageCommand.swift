import ArgumentParser
import Foundation
import SyncService

struct StorageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storage", abstract: "Look after the place of videos and uploads.",
        discussion: "gondola storage verify", subcommands: [Verify.self, Usage.self, Collect.self, Move.self])

    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring every object from the former storage to the present one.",
            discussion: """
                gondola storage move --storage-former gondola-data/objects --storage s3://videos

                On line: restart every process with both settings first; they then write to the new place and read from \
                both. It may be stopped and repeated. When it has moved everything, restart without the former.
                """)

        @Flag(help: "Leave the former storage as it is.") var keep = false
        @OptionGroup var places: PlaceFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let configuration = try places.configuration()
            var lines = LiveLines()
            let isShown = !output.isJSON && Terminal.canRedraw
            let report = try await StorageMove(configuration).run(keepingOld: keep) { report in
                if isShown { Terminal.emit(lines.redraw([Self.line(report)])) }
            }
            try output.show(report) { Self.table(report) }
            if let first = report.failures.first {
                let count = report.failures.count
                throw CommandFailure(
                    .failed,
                    "\(count == 1 ? "one object stays where it was" : "\(count) objects stay where they were, first"): "
                        + "\(first.key): \(first.reason)")
            }
        }

        static func line(_ report: StorageMove.Report) -> String {
            let part = report.objects == 0 ? 1 : Double(report.done) / Double(report.objects)
            return "\(ProgressBar.text(part, width: 30)) \(report.done) of \(report.objects), "
                + "\(SizeText.rounded(report.movedBytes)) moved"
        }

        static func table(_ report: StorageMove.Report) -> Table {
            Table(
                [.right("OBJECTS"), .right("MOVED"), .right("BYTES"), .right("ALREADY THERE"), .right("FAILED")],
                rows: [
                    [
                        "\(report.objects)", "\(report.moved)", SizeText.rounded(report.movedBytes),
                        "\(report.alreadyThere)", "\(report.failures.count)",
                    ]
                ])
        }
    }
}
