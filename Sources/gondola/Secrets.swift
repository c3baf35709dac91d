import ArgumentParser
import Foundation
import SyncService

struct Secrets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look after the keys that secrets in the database are sealed with.",
        discussion: """
            gondola secrets status

            The key file (GONDOLA_SECRET_KEY_FILE, or secret.key in the state directory) holds a key in each line: the \
            first seals, every one opens.
            """,
        subcommands: [Status.self, Rotate.self, NewKey.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the keys, and how many secrets each has sealed.",
            discussion: "gondola secrets status --json\n\nEnds with status 1 if a secret needs a key that is not here.")

        @OptionGroup var places: PlaceFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let keys = try await SecretKeys(try places.configuration()).status()
            try output.show(keys) { Self.table(keys) }
            let missing = keys.filter { $0.role == .missing }
            guard missing.isEmpty else {
                throw CommandFailure(
                    .failed, "not in the key file: \(missing.compactMap(\.id).joined(separator: ", "))")
            }
        }

        static func table(_ keys: [SecretKeys.Key]) -> Table {
            Table(
                [.left("KEY"), .left("PART"), .left("NEEDED TO START"), .right("SECRETS")],
                rows: keys.map { key in
                    [key.id ?? "-", "\(key.role)", key.isNeeded ? "yes" : "no", "\(key.secrets)"]
                })
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seal everything anew with the first key of the key file.",
            discussion: """
                gondola secrets rotate

                First: put the new key in the last line of every process's key file (gondola secrets new-key) and \
                restart them; then move it to the first line and restart them again. Now rotate, and when status shows \
                nothing for the old key, take its line away. May be stopped and repeated.
                """)

        @OptionGroup var places: PlaceFlags
        @OptionGroup var output: OutputOptions

        struct Report: Encodable {
            var resealed: Int
        }

        func run() async throws {
            var lines = LiveLines()
            let isShown = !output.isJSON && Terminal.canRedraw
            let count = try await SecretKeys(try places.configuration()).rotate { done in
                if isShown { Terminal.emit(lines.redraw(["\(done) sealed anew"])) }
            }
            try output.show(Report(resealed: count)) { Table([.right("SEALED ANEW")], rows: [["\(count)"]]) }
        }
    }

    struct NewKey: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a new key: a line for the key file.", discussion: "gondola secrets new-key >> secret.key")

        func run() { Terminal.say(SecretKeys.newKey()) }
    }
}

extension PlaceFlags {
    func configuration() throws -> Configuration {
        try Configuration.resolve(flags: given, environment: ProcessInfo.processInfo.environment)
    }
}
