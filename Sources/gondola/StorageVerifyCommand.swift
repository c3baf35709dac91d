import ArgumentParser
import Foundation
import JobStore
import Logging
import SyncService

extension StorageCommand {
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare the database with the storage, both ways, and every object with its hash.",
            discussion: """
                gondola storage verify --rate 50MB

                gondola storage verify --repair

                On line: what changes meanwhile is looked at again, and objects younger than an hour are left alone. It may be \
                stopped; --resume goes on from there. --repair fetches videos again that the upstream still has, lets lost \
                pictures be made again, and moves what nobody knows to lost-found/ (see gondola storage gc). It never \
                deletes anything. The exit status is 1 when damage is left.
                """)

        @Flag(help: "Mend what can be mended.") var repair = false
        @Flag(help: "Go on where the last walk was stopped.") var resume = false
        @Option(help: "Read at most so many bytes a second, such as 50MB.") var rate: String?
        @OptionGroup var places: PlaceFlags
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let rate, SizeText.parse(rate).map({ $0 > 0 }) != true {
                throw ValidationError("--rate must be a size such as 50MB")
            }
        }

        func run() async throws {
            let configuration = try Configuration.resolve(
                flags: places.given, environment: ProcessInfo.processInfo.environment)
            var log = Logger.standardError(configuration)
            log.logLevel = max(log.logLevel, .warning)
            var lines = LiveLines()
            let isShown = !output.isJSON && Terminal.canRedraw
            let request = VerifyRequest(
                isRepairing: repair, isResuming: resume, bytesPerSecond: rate.flatMap(SizeText.parse))
            let report = try await configuration.verifyStorage(request, log: log) { report in
                if isShown { Terminal.emit(lines.redraw([Self.line(report)])) }
            }
            try show(report)
            if report.damage > 0 {
                let advice = repair ? "what is left takes a backup or a person" : "run it with --repair"
                throw CommandFailure(.failed, "\(report.damage) of them are damaged or astray; \(advice)")
            }
        }

        private func show(_ report: VerifyReport) throws {
            if output.isJSON { return try OutputOptions.json(report) }
            Terminal.say(Self.summary(report))
            guard !report.findings.isEmpty else { return }
            Table(
                [.left("WHAT"), .shrinking("KEY"), .shrinking("DETAIL"), .left("REPAIR")],
                rows: report.findings.map { [$0.kind.rawValue, $0.key, $0.what, $0.repair ?? "-"] }
            ).show()
        }

        static func line(_ report: VerifyReport) -> String {
            "\(report.rows) rows, \(SizeText.rounded(report.bytes)) hashed, \(report.objects) objects, "
                + "\(report.damage) damaged"
        }

        static func summary(_ report: VerifyReport) -> String {
            "\(report.rows) rows and \(report.objects) objects, \(SizeText.rounded(report.bytes)) hashed: "
                + "\(report.missing) missing, \(report.corrupt) corrupt, \(report.orphaned) orphaned, "
                + "\(report.unreadable) unreadable, \(report.repaired) mended"
        }
    }

    struct Usage: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what is kept, by user and kind.",
            discussion: """
                gondola storage usage --user alice

                `deleted` are videos that can still be brought back. A user's objects with the same bytes count each by \
                themselves, though a directory keeps them once.
                """)

        @Option(help: "Only this user, by id or name.") var user: String?
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let use = try await store.withStore { store in
                let id = try await user.asyncMap { try await store.find(user: $0) }
                return try await store.storageUse(of: id)
            }
            try output.show(use) {
                Table(
                    [.shrinking("USER"), .left("KIND"), .right("OBJECTS"), .right("BYTES")],
                    rows: use.map { [$0.name, $0.kind, "\($0.objects)", SizeText.rounded($0.bytes)] })
            }
        }
    }

    struct Collect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gc", abstract: "Delete what `verify --repair` put aside long ago.",
            discussion: """
                gondola storage gc --older-than 30 --dry-run

                Asks first with the count; --yes answers for you.
                """)

        @Option(help: ArgumentHelp("Put aside more than so many days ago.", valueName: "days")) var olderThan = 30
        @Flag(help: "Say how much it would be, and delete nothing.") var dryRun = false
        @OptionGroup var confirmation: Confirmation
        @OptionGroup var places: PlaceFlags
        @OptionGroup var output: OutputOptions

        struct Collected: Encodable {
            var objects: Int
            var bytes: Int64
        }

        func validate() throws {
            guard (0...36_500).contains(olderThan) else {
                throw ValidationError("--older-than must be a number of days from 0 to 36500")
            }
        }

        func run() async throws {
            let configuration = try Configuration.resolve(
                flags: places.given, environment: ProcessInfo.processInfo.environment)
            var found = try await configuration.clearLostAndFound(olderThan: olderThan, isDryRun: true)
            if !dryRun {
                let size = SizeText.rounded(found.bytes)
                try confirmation.ask(
                    ["\(found.objects) objects, \(size), would be deleted for good"], typing: "gc",
                    unless: found.objects == 0)
                found = try await configuration.clearLostAndFound(olderThan: olderThan, isDryRun: false)
            }
            if output.isJSON { return try OutputOptions.json(Collected(objects: found.objects, bytes: found.bytes)) }
            let size = SizeText.rounded(found.bytes)
            Terminal.say("\(dryRun ? "would delete" : "deleted") \(found.objects) objects, \(size)")
        }
    }
}

extension Optional {
    fileprivate func asyncMap<T>(_ body: (Wrapped) async throws -> T) async throws -> T? {
        switch self {
        case .some(let value): try await body(value)
        case nil: nil
        }
    }
}
