import ArgumentParser
import Foundation
import JobLifecycle
import JobStore
import VideoModels

struct JobsCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel jobs that are not paid.",
        discussion: """
            gondola jobs cancel --user alice --state quoted --dry-run

            What is paid, or may be, is never cancelled: its result comes home, or a person decides. Of one job it does not ask.
            """)

    @OptionGroup var selection: JobSelection
    @Flag(help: "Say what would be done, and change nothing.") var dryRun = false
    @OptionGroup var confirmation: Confirmation
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await store.withStore { store in
            let options = JobsMove.Options(
                isDryRun: dryRun, isJSON: output.isJSON, confirmation: confirmation, alwaysAsks: false)
            try await Self.move.run(try await selection.jobs(in: store), in: store, options)
        }
    }

    /// The lifecycle itself says whether it can be done.
    static let move = JobsMove(word: "cancel", done: "cancelled") { record, _ in
        var progress = record.progress
        do {
            _ = try progress.apply(.cancelRequested, policy: JobPolicy(), at: Date(), jitter: 0)
            return .possible(cost: .zero)
        } catch {
            return .refused("it is \(record.progress.state.name), which nobody can cancel")
        }
    } perform: { record, store in
        let detail = try await store.move(
            record.id, user: record.user, by: .cancelRequested, policy: JobPolicy(), at: Date(), ifAt: record.revision)
        return "\(detail.job.status)"
    }
}

struct JobsRequeue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "requeue", abstract: "Make jobs go on now: out of a wait, or from a worker that holds them.",
        discussion: """
            gondola jobs requeue --state quoted --reason spending_cap

            The state stays as it is, and with it what comes next, so nothing is paid that would not be paid anyway. A worker \
            that still holds the job has lost it. A job whose submission is on the way is left alone, since taking it away \
            would make its outcome unknown. Of one job it does not ask.
            """)

    @OptionGroup var selection: JobSelection
    @Flag(help: "Say what would be done, and change nothing.") var dryRun = false
    @OptionGroup var confirmation: Confirmation
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await store.withStore { store in
            let options = JobsMove.Options(
                isDryRun: dryRun, isJSON: output.isJSON, confirmation: confirmation, alwaysAsks: false)
            try await Self.move.run(try await selection.jobs(in: store), in: store, options)
        }
    }

    static let move = JobsMove(word: "requeue", done: "requeued") { record, _ in
        record.requeueRefusal.map { JobsMove.Verdict.refused($0.text) } ?? .possible(cost: .zero)
    } perform: { record, store in
        try await store.requeue(record)
        return "due now"
    }
}

struct JobsRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Ask again for the video of jobs that have ended, as new jobs.",
        discussion: """
            gondola jobs retry --state failed --reason model_unavailable --since 24h --dry-run

            Each becomes a new job of the same user with the same request, price limit and account; the old one stays as it \
            is. Asking twice for the same job makes one. Where money is spent on the old job and has not come back, it takes \
            --pay-again. A job with an unknown outcome is never asked for again by this: `gondola jobs decide`. Asks first; \
            --yes answers for you.
            """)

    @OptionGroup var selection: JobSelection
    @Flag(help: "Also for jobs on which money is spent: pay once more.") var payAgain = false
    @Flag(help: "Say what would be done, and change nothing.") var dryRun = false
    @OptionGroup var confirmation: Confirmation
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await store.withStore { store in
            let options = JobsMove.Options(
                isDryRun: dryRun, isJSON: output.isJSON, confirmation: confirmation, alwaysAsks: true)
            try await Self.move(payingAgain: payAgain).run(try await selection.jobs(in: store), in: store, options)
        }
    }

    static func move(payingAgain: Bool) -> JobsMove {
        JobsMove(word: "retry", done: "asked for again") { record, store in
            if record.isDeleted { return .refused(OperatorRefusal.deleted.text) }
            let price = record.price ?? .zero
            switch try await store.askingAgain(for: record) {
            case .free: return .possible(cost: price)
            case .paysAgain where payingAgain: return .possible(cost: price)
            case let meaning: return .refused(OperatorRefusal.askingAgain(meaning).text)
            }
        } perform: { record, store in
            let detail = try await store.askAgain(for: record, as: JobID(at: Date()), paying: payingAgain)
            return "is job \(detail.job.id)"
        }
    }
}
