import ArgumentParser
import Foundation
import SyncService
import VideoModels

struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring a backup back: the files, then the database.",
        discussion: """
            gondola restore /mnt/backups/gondola

            Into an empty database, with every process stopped. Files that the storage has already are left alone. The \
            database comes in one transaction, with a new epoch, so that every phone starts over; and jobs that were not paid \
            in the backup wait for a person, since they may have been paid since. It may be stopped and repeated.
            """)

    @Argument(help: "The directory of backups.") var directory: String
    @Option(help: "This generation (gondola backup list); the newest, unless given.") var generation: String?
    @Flag(help: "Lose what is in the database.") var replace = false
    @Flag(help: "Go on where objects of the backup are damaged.") var acceptDamage = false
    @Flag(help: "Go on without the key that secrets are sealed with, and without those secrets.") var withoutKey = false
    @Flag(
        help: """
            Let unpaid jobs go on by themselves. Only where nothing was submitted after the backup: every process had \
            ended before it.
            """)
    var nothingSubmittedSince = false
    @Flag(help: "Check everything, say what would be brought back, and change nothing.") var dryRun = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var places: PlaceFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var request = RestoreRequest(directory: directory)
        (request.generation, request.isReplacing, request.isDryRun) = (generation, replace, dryRun)
        (request.acceptsDamage, request.isForgettingKey) = (acceptDamage, withoutKey)
        request.isHolding = !nothingSubmittedSince
        if replace, !yes, !dryRun { try confirm() }
        var lines = LiveLines()
        let isShown = !output.isJSON && Terminal.canRedraw
        let report = try await places.configuration().restore(request) { report in
            if isShown { Terminal.emit(lines.redraw([Self.line(report)])) }
        }
        if output.isJSON { return try OutputOptions.json(report) }
        Self.table(report).show()
        for line in dryRun ? [] : Self.advice(report) { Terminal.say(line) }
    }

    private func confirm() throws {
        Terminal.complain("Everything that is in the database now will be lost.")
        guard Terminal.isInput else {
            throw CommandFailure(.usage, "there is nobody to ask; say --yes to do it without a question")
        }
        Terminal.complain("Type replace to do it:")
        guard readLine()?.trimmingCharacters(in: .whitespaces) == "replace" else {
            throw CommandFailure(.failed, "nothing was changed")
        }
    }

    static func line(_ report: RestoreReport) -> String {
        let part = report.objects == 0 ? 1 : Double(report.done) / Double(report.objects)
        return "\(ProgressBar.text(part, width: 30)) \(report.done) of \(report.objects), "
            + "\(SizeText.rounded(report.restoredBytes)) restored"
    }

    static func table(_ report: RestoreReport) -> Table {
        Table(
            [
                .left("GENERATION"), .left("OF"), .right("OBJECTS"), .right("RESTORED"), .right("BYTES"),
                .right("THERE ALREADY"), .right("GONE"), .right("DAMAGED"), .left("EPOCH"),
            ],
            rows: [
                [
                    report.generation, Wire.text(of: report.madeAt), "\(report.objects)", "\(report.restored)",
                    SizeText.rounded(report.restoredBytes), "\(report.alreadyThere)", "\(report.gone)",
                    "\(report.damaged.count)", report.epoch ?? "not yet",
                ]
            ])
    }

    /// What is left to a person, in the order of doing it.
    static func advice(_ report: RestoreReport) -> [String] {
        var lines: [String] = []
        if let jobs = report.jobs {
            lines.append(
                "Jobs: \(jobs.paid) are paid and go on by themselves; \(jobs.unpaid) will be paid by themselves.")
            if jobs.held + jobs.unknown > 0 {
                lines += [
                    "\(jobs.held + jobs.unknown) may have been paid after the backup, and wait: "
                        + "`gondola jobs list --state attention`.",
                    "  Start every worker with its old state directory first: answers that lie in journals come home. "
                        + "`gondola ledger reconcile` says what the upstream charged. Decide after that "
                        + "(`gondola jobs decide`), or their users do.",
                ]
                if report.found > 0 {
                    lines.append(
                        "  \(report.found) of them were paid: their videos are in storage, as their evidence says.")
                }
            }
        }
        if let first = report.damaged.first {
            lines.append(
                "\(report.damaged.count) files are missing, such as \(first.key): `gondola storage verify --repair`, "
                    + "once every job is decided.")
        }
        let moment = Wire.text(of: report.madeAt)
        return lines + [
            "Tokens that were revoked after \(moment) are good again, and those issued since are gone: `gondola tokens list`.",
            "Every phone starts over by itself. Now: `gondola ledger audit`, `gondola storage verify`, and start.",
        ]
    }
}
