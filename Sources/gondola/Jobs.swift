import ArgumentParser
import Foundation
import JobStore
import SyncService
import VideoModels

struct Jobs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at jobs, as their operator.", discussion: "gondola jobs list --state attention",
        subcommands: [List.self, Show.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List jobs, newest first.", discussion: "gondola jobs list --user alice --state rendering")

        @Option(help: "Only those of this user, by id or name.") var user: String?
        @Option(help: "Only those in this state: \(operatorJobStates.joined(separator: ", ")).") var state: String?
        @Option(help: "At most so many.") var limit = 20
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            try checkLimit(limit)
            if let state, !operatorJobStates.contains(state) {
                throw ValidationError("--state must be one of \(operatorJobStates.joined(separator: ", "))")
            }
        }

        func run() async throws {
            let found = try await store.withStore { store in
                try await store.jobs(of: try await store.find(optional: user), state: state, limit: limit)
            }
            let jobs = try found.map { try OperatorJob($0.record, userName: $0.userName) }
            try output.show(jobs) { Self.table(jobs, at: Date()) }
        }

        static func table(_ jobs: [OperatorJob], at now: Date) -> Table {
            Table(
                [
                    .left("ID"), .shrinking("USER"), .left("STATE"), .shrinking("MODEL"), .right("PRICE"),
                    .right("AGE"), .shrinking("NEXT").extra,
                ],
                rows: jobs.map { job in
                    [
                        job.id.description, job.userName ?? job.user.description, job.state, job.request.model,
                        job.price?.description ?? "-", TimeText.length(now.timeIntervalSince(job.createdAt)),
                        job.reason ?? job.next,
                    ]
                })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show everything about a job.", discussion: "gondola jobs show 01936f2e-…")

        @Argument(help: "The job's id.") var id: String
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard let job = JobID(id) else { throw ValidationError("\(id): expected the id of a job") }
            do {
                let report = try OperatorJobReport(try await store.withStore { try await $0.report(of: job) })
                if output.isJSON { return try OutputOptions.json(report) }
                for line in JobReportText(report, at: Date()).lines(width: Terminal.width) { Terminal.say(line) }
            } catch StoreError.notFound {
                throw CommandFailure(.refusedData, "there is no job \(job); see `gondola jobs list`")
            }
        }
    }
}
