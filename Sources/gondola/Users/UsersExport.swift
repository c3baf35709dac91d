import ArgumentParser
import Foundation
import JobStore
import SyncService
import VideoModels

struct UsersExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write everything of one user into a directory.",
        discussion: """
            gondola users export alice --to alice-2026-11-21

            A JSON list for each table as all of them stand at one moment, without what opens anything (token hashes, sealed \
            links), and every file, its bytes checked. export.json says what there is, files.json has each file's SHA-256. \
            The directory appears whole or not at all, only its owner may read it, and one that is there is not touched.
            """)

    @Argument(help: "The user's id or name.") var name: String
    @Option(help: ArgumentHelp("A directory that is not there yet.", valueName: "directory")) var to: String
    @OptionGroup var places: PlaceFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let configuration = try places.configuration()
        let report = try await configuration.withStore { store in
            try await configuration.export(try await store.find(user: name), to: to, from: store)
        }
        try output.show(report) {
            var rows = report.tables.sorted { $0.key < $1.key }.map { [$0.key, "\($0.value)"] }
            rows.append(["files, \(SizeText.rounded(report.bytes))", "\(report.files)"])
            return Table([.left("TABLE"), .right("ROWS")], rows: rows)
        }
    }
}
