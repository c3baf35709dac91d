import ArgumentParser
import Foundation
import JobStore
import SyncService
import VideoModels

struct JobsWatch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow jobs as they change, until Ctrl-C or until the one job has ended.",
        discussion: """
            gondola jobs watch --state rendering

            On a terminal the list is drawn over and over; elsewhere, and with --json, each job that changes is one line. With \
            the id of a job it ends when that does: with status 0 if it is ready, 1 if not.
            """)

    @Argument(help: "The id of one job; without it, all that fit.") var id: String?
    @OptionGroup var filter: JobFilterOptions
    @OptionGroup var limit: LimitOptions
    @Option(help: ArgumentHelp("How often to look without news.", valueName: "duration")) var every = "2s"
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let id, JobID(id) == nil { throw ValidationError("\(id): expected the id of a job") }
        if id != nil, !filter.isEmpty { throw ValidationError("give either an id or options") }
        guard let seconds = DurationText.parse(every), (0.1...3600).contains(seconds) else {
            throw ValidationError("--every must be a duration from 100ms to 1h")
        }
    }

    func run() async throws {
        let (job, count, isJSON) = (id.flatMap { JobID($0) }, limit.count, output.isJSON)
        let pause = Duration.seconds(DurationText.parse(every) ?? 2)
        let configuration = try store.configuration()
        let wanted = try await store.withStore { try await filter.filter(in: $0) }
        try await untilInterrupted {
            try await configuration.withStore { store in
                try await JobWatch(store: store, filter: wanted, only: job, limit: count, pause: pause).run(
                    asJSON: isJSON)
            }
        }
    }
}

/// Looks at jobs at every hint of a change, and every so often without.
private struct JobWatch: Sendable {
    let store: PostgresStore
    let filter: JobFilter
    let only: JobID?
    let limit: Int
    let pause: Duration

    func run(asJSON isJSON: Bool) async throws {
        let (hints, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let listener = store.listen { _ in continuation.yield() }
        defer { listener.stop() }
        var screen = WatchScreen(isDrawn: !isJSON && Terminal.canRedraw, isJSON: isJSON)
        continuation.yield()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [pause] in
                while true {
                    try await Task.sleep(for: pause)
                    continuation.yield()
                }
            }
            defer { group.cancelAll() }
            for await _ in hints {
                let jobs = try await look()
                try screen.show(jobs, at: Date())
                guard only != nil, let job = jobs.first, job.isOver else { continue }
                if job.state != "ready" {
                    throw CommandFailure(.failed, "the job is \(job.state): \(job.reason ?? "")")
                }
                return
            }
        }
    }

    private func look() async throws -> [OperatorJob] {
        guard let only else {
            return try await store.jobs(filter, limit: limit).map { try OperatorJob($0.record, userName: $0.userName) }
        }
        do { return [try OperatorJob(try await store.report(of: only).record)] } catch StoreError.notFound {
            throw CommandFailure(.refusedData, "there is no job \(only); see `gondola jobs list`")
        }
    }
}

extension OperatorJob {
    /// Nothing more happens by itself.
    fileprivate var isOver: Bool { ["ready", "failed", "cancelled", "attention"].contains(state) }
}

/// What was shown last, so that only news is shown.
struct WatchScreen {
    let isDrawn: Bool
    let isJSON: Bool
    private var lines = LiveLines()
    private var last: [JobID: Date] = [:]

    init(isDrawn: Bool, isJSON: Bool) {
        (self.isDrawn, self.isJSON) = (isDrawn, isJSON)
    }

    mutating func show(_ jobs: [OperatorJob], at now: Date) throws {
        if isDrawn {
            let table = Jobs.List.table(jobs, at: now).lines(width: Terminal.width, isColoured: Tint.isWanted())
            return Terminal.emit(lines.redraw(table))
        }
        for job in news(in: jobs) {
            if isJSON { try OutputOptions.json(job) } else { Terminal.say(Self.line(job)) }
        }
    }

    /// Those that are new or have changed, the oldest first. Forgets what is no longer in the list.
    mutating func news(in jobs: [OperatorJob]) -> [OperatorJob] {
        let news = jobs.filter { last[$0.id] != $0.updatedAt }
        last = Dictionary(jobs.map { ($0.id, $0.updatedAt) }, uniquingKeysWith: { first, _ in first })
        return news.sorted { $0.updatedAt < $1.updatedAt }
    }

    static func line(_ job: OperatorJob) -> String {
        let words = [
            TimeText.clock(job.updatedAt), job.id.description, job.userName ?? job.user.description, job.state,
            job.request.model, job.reason ?? job.next,
        ]
        return words.map(TextWidth.visible).joined(separator: "  ")
    }
}
