import ArgumentParser
import Foundation
import JobLifecycle
import JobStore
import SyncService
import VideoModels

/// Jobs that are named, or that fit.
struct JobSelection: ParsableArguments {
    @Argument(help: "The jobs' ids; or choose them by the options below.") var ids: [String] = []
    @OptionGroup var filter: JobFilterOptions
    @Option(help: "The most that may be chosen by options.") var limit = 1000

    func validate() throws {
        try checkLimit(limit)
        guard ids.isEmpty != filter.isEmpty else {
            throw ValidationError(
                ids.isEmpty
                    ? "name jobs by their ids, or say which with options such as --state" : "give either ids or options"
            )
        }
        if let wrong = ids.first(where: { JobID($0) == nil }) {
            throw ValidationError("\(wrong): expected the id of a job")
        }
    }

    func jobs(in store: PostgresStore) async throws -> [JobRecord] {
        guard ids.isEmpty else {
            var found: [JobRecord] = []
            for id in ids.compactMap({ JobID($0) }) {
                do { found.append(try await store.report(of: id).record) } catch StoreError.notFound {
                    throw CommandFailure(.refusedData, "there is no job \(id); see `gondola jobs list`")
                }
            }
            return found
        }
        let found = try await store.jobs(try await filter.filter(in: store), limit: limit + 1)
        guard found.count <= limit else {
            throw CommandFailure(
                .refusedData, "more than \(limit) jobs fit; nothing was changed. Narrow it down, or raise --limit")
        }
        return found.map(\.record)
    }
}

/// What became of an operator's wish about one job.
struct MovedJob: Encodable, Equatable {
    var id: JobID
    var state: String
    var isDone: Bool
    /// What was done, or why nothing was.
    var result: String

    enum CodingKeys: String, CodingKey {
        case id, state, result
        case isDone = "is_done"
    }
}

/// Something that an operator does to jobs, one after the other. What cannot be done is said, and left alone.
struct JobsMove: Sendable {
    /// `cancel`, and what it comes to in the past tense.
    var word: String
    var done: String
    /// Why it cannot be done to this job, or nil and what it would cost.
    var check: @Sendable (JobRecord, PostgresStore) async throws -> Verdict
    /// Does it; the words for what came of it.
    var perform: @Sendable (JobRecord, PostgresStore) async throws -> String

    enum Verdict: Equatable, Sendable {
        case possible(cost: Money)
        case refused(String)
    }

    struct Options {
        var isDryRun: Bool
        var isJSON: Bool
        var confirmation: Confirmation
        /// Whether one job alone is asked about, too.
        var alwaysAsks: Bool
    }

    func run(_ jobs: [JobRecord], in store: PostgresStore, _ options: Options) async throws {
        var (possible, moved, cost) = ([JobRecord](), [MovedJob](), Money.zero)
        for job in jobs {
            switch try await check(job, store) {
            case .possible(let price):
                possible.append(job)
                cost = cost + price
            case .refused(let why): moved.append(MovedJob(job, isDone: false, why))
            }
        }
        if options.isDryRun {
            moved = possible.map { MovedJob($0, isDone: false, "would be \(done)") } + moved
        } else if !possible.isEmpty {
            try options.confirmation.ask(
                question(possible, cost), typing: word, unless: possible.count == 1 && !options.alwaysAsks)
            var results: [MovedJob] = []
            for job in possible { results.append(try await outcome(of: job, in: store)) }
            moved = results + moved
        }
        if options.isJSON { try OutputOptions.json(moved) } else { Self.table(moved).show() }
        let refused = moved.count { !$0.isDone }
        if !options.isDryRun, refused > 0 {
            throw CommandFailure(.refusedData, "\(refused) of \(moved.count) jobs were not \(done)")
        }
    }

    private func question(_ jobs: [JobRecord], _ cost: Money) -> [String] {
        let states = Dictionary(grouping: jobs, by: \.progress.state.name).map { "\($0.value.count) \($0.key)" }
        let price = cost > .zero ? " It may cost \(cost) more." : ""
        return ["\(jobs.count) jobs (\(states.sorted().joined(separator: ", "))) would be \(done).\(price)"]
    }

    private func outcome(of job: JobRecord, in store: PostgresStore) async throws -> MovedJob {
        do { return MovedJob(job, isDone: true, try await perform(job, store)) } catch let refusal as OperatorRefusal {
            return MovedJob(job, isDone: false, refusal.text)
        } catch is InvalidEvent {
            return MovedJob(job, isDone: false, OperatorRefusal.changed.text)
        } catch StoreError.suspended {
            return MovedJob(job, isDone: false, "its user is suspended")
        }
    }

    static func table(_ jobs: [MovedJob]) -> Table {
        Table(
            [.left("JOB"), .left("STATE").tinted, .shrinking("RESULT")],
            rows: jobs.map { [$0.id.description, $0.state, $0.result] })
    }
}

extension MovedJob {
    init(_ record: JobRecord, isDone: Bool, _ result: String) {
        self.init(id: record.id, state: record.progress.state.name, isDone: isDone, result: result)
    }
}

extension OperatorRefusal {
    /// For a person, with what to do.
    var text: String {
        switch self {
        case .changed: "it has changed meanwhile; look at it again"
        case .notUnderWay(let state): "it is \(state): there is nothing to take it out of"
        case .submitting: "its submission is on the way; wait for the answer, or for the lease to end"
        case .waitsForTurn: "it waits for a free place of its user's; see `gondola users limit`"
        case .deleted: "its user has deleted it"
        case .askingAgain(.underWay): "it goes on by itself; `gondola jobs requeue` makes it go on now"
        case .askingAgain(.undecided): "it waits for a decision; see `gondola jobs decide`"
        case .askingAgain(.paysAgain(let spent)): "\(spent) is spent on it; say --pay-again to pay once more"
        case .askingAgain(.free): "it could be asked for again"
        }
    }
}
