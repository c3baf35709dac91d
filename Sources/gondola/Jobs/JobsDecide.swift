import ArgumentParser
import Foundation
import JobLifecycle
import JobStore
import SyncService
import VideoModels

struct JobsDecide: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decide", abstract: "Decide about a job that waits for a person.",
        discussion: """
            gondola jobs decide 01936f2e-… give-up

            give-up ends the job. resubmit asks the upstream again, which may be paid twice where an answer was lost. \
            agree gives the consent that the upstream asks for, which is the user's to give. wait changes nothing, and \
            writes down that somebody has looked. \
            Shows the job with its evidence first and asks; --yes answers for you.
            """)

    @Argument(help: "The job's id.") var id: String
    @Argument(help: "give-up, resubmit, agree or wait.") var decision: DecisionWord
    @OptionGroup var confirmation: Confirmation
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    enum DecisionWord: String, ExpressibleByArgument, CaseIterable {
        case resubmit, agree, wait
        case giveUp = "give-up"

        /// The word of the wire.
        var word: String { rawValue.replacing("-", with: "_") }
    }

    func run() async throws {
        guard let job = JobID(id) else { throw ValidationError("\(id): expected the id of a job") }
        try await store.withStore { store in
            let report: JobReport
            do { report = try await store.report(of: job) } catch StoreError.notFound {
                throw CommandFailure(.refusedData, "there is no job \(job); see `gondola jobs list`")
            }
            let choice = try choice(in: report)
            try confirmation.ask(try evidence(for: choice, in: OperatorJobReport(report)), typing: decision.rawValue)
            try await decide(report, in: store)
        }
    }

    /// Moves the job as it was shown: one that has changed meanwhile is not what was decided about.
    private func decide(_ report: JobReport, in store: PostgresStore) async throws {
        do {
            guard let detail = try await decided(report.record, in: store) else { throw Self.hasChanged }
            if output.isJSON { return try OutputOptions.json(detail) }
            Terminal.say("\(detail.job.id) is \(detail.job.status)")
        } catch is InvalidEvent {
            throw Self.hasChanged
        }
    }

    private static let hasChanged = CommandFailure(
        .refusedData, "the job has changed meanwhile; look at it again")

    private func decided(_ record: JobRecord, in store: PostgresStore) async throws -> JobDetail? {
        guard let decision = Decision(rawValue: decision.word) else {
            return try await store.noteWait(record.id, user: record.user, ifAt: record.revision)
        }
        return try await store.move(
            record.id, user: record.user, by: .decided(decision), policy: JobPolicy(), at: Date(),
            ifAt: record.revision)
    }

    private func choice(in report: JobReport) throws -> Job.Attention.Choice {
        guard let attention = report.record.attention else {
            throw CommandFailure(
                .refusedData, "the job is \(report.record.progress.state.name): there is nothing to decide")
        }
        let choices = attention.choices ?? []
        guard let choice = choices.first(where: { $0.decision.word == decision.word }) else {
            let words = choices.map { $0.decision.word.replacing("_", with: "-") }
            throw CommandFailure(
                .refusedData,
                "\(decision.rawValue) is no choice where the job waits with \(attention.kind); there is "
                    + words.joined(separator: " or "))
        }
        return choice
    }

    private func evidence(for choice: Job.Attention.Choice, in report: OperatorJobReport) -> [String] {
        var lines = JobReportText(report, at: Date()).lines(width: nil) + [""]
        if let text = report.job.attention?.consent?.policyText {
            lines += ["The upstream asks the user to agree to this:", "", TextWidth.visible(text), ""]
        }
        lines += (report.attempts.last?.reconciliation?.evidence ?? []).map { "- \(TextWidth.visible($0))" }
        return lines + ["\(choice.message) It may cost \(choice.cost) more."]
    }
}
