import ArgumentParser
import Foundation
import JobStore
import SyncService
import VideoModels

struct Jobs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at jobs, decide about those that wait for a person, and move those that do not.",
        discussion: "gondola jobs list --state attention",
        subcommands: [
            List.self, Show.self, JobsWatch.self, JobsDecide.self, JobsCancel.self, JobsRequeue.self, JobsRetry.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List jobs, newest first.", discussion: "gondola jobs list --user alice --state rendering")

        @OptionGroup var filter: JobFilterOptions
        @OptionGroup var limit: LimitOptions
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let found = try await store.withStore { store in
                let wanted = try await filter.filter(in: store)
                return try await limit.page { try await store.jobs(wanted, limit: $0) }
            }
            let jobs = try found.map { try OperatorJob($0.record, userName: $0.userName) }
            try output.show(jobs) { Self.table(jobs, at: Date()) }
        }

        static func table(_ jobs: [OperatorJob], at now: Date) -> Table {
            Table(
                [
                    .left("ID"), .shrinking("USER"), .left("STATE").tinted, .shrinking("MODEL"), .right("PRICE"),
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
