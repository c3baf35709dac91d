import Failpoints
import JobLifecycle
import JobStore
import Logging
import VeniceTransport
import VideoModels

/// Brings answers of paid submissions to jobs that no longer wait for them: after a crash, or a lease that ran out.
struct AnswerRecovery: Sendable {
    var store: PostgresStore
    var journal: AnswerJournal
    var policy: JobPolicy
    var log: Logger
    /// What a refusal means for the job that asked.
    var meaning: @Sendable (VeniceError, AnswerJournal.Submission) async throws -> JobEvent = { error, _ in
        error.onSubmission
    }

    /// Replays what an earlier process left in the journal. Call it before the first claim.
    ///
    /// Throws while the database does not answer; every file is still there then. An answer that the database refuses
    /// stays in its file and does not hold up the others.
    func replay() async throws {
        for entry in try await journal.unsettled() {
            guard let answer = entry.answer else {
                // No answer came: the row says `submitting`, and whoever claims the job reports it lost.
                await journal.settle(entry.file)
                continue
            }
            Failpoint.replayFound.reach()
            do {
                let (event, evidence) = try await read(answer, for: entry.submission)
                try await bring(
                    event, evidence, to: entry.submission.job, of: entry.submission.user, from: entry.file)
            } catch let error as PostgresError where error.isPassing {
                throw error
            } catch {
                report(error, answer, entry)
            }
        }
    }

    /// For a worker that knows how its submission ended and has lost the job's lease. False while the database does not
    /// answer: try again.
    func recover(
        _ event: JobEvent, _ evidence: AttemptEvidence?, for record: JobRecord, journalFile: String?
    ) async -> Bool {
        Failpoint.lateAnswerFound.reach()
        var evidence = evidence ?? AttemptEvidence(.lost)
        evidence.token = record.token
        do {
            try await bring(event, evidence, to: record.id, of: record.user, from: journalFile)
        } catch let error as PostgresError where error.isPassing {
            return false
        } catch {
            // The file stays, and the next start replays it.
            report(error, event, record.id, journalFile)
        }
        return true
    }

    /// Moves the job if it waits for this very answer. The file goes once the database has no more need of it.
    private func bring(
        _ event: JobEvent, _ evidence: AttemptEvidence, to id: JobID, of user: UserID, from file: String?
    ) async throws {
        let outcome: String
        do {
            let detail = try await store.move(
                id, user: user, by: event, policy: policy, at: .nowInMicroseconds, evidence: evidence)
            outcome = detail.job.status.word
        } catch let error as InvalidEvent {
            // The database had the outcome already, or a person has decided meanwhile.
            try await checkHandle(in: event, of: id)
            outcome = "not needed, the job is \(error.state.name)"
        } catch StoreError.notFound {
            try await checkHandle(in: event, of: id)
            outcome = "not needed, the job is gone"
        }
        Failpoint.replayBrought.reach()
        log.notice("brought a late answer home", metadata: ["job_id": "\(id)", "outcome": "\(outcome)"])
        if let file { await journal.settle(file) }
    }

    /// The id of something paid may stand nowhere but in the journal: its file is kept unless the job's row names it.
    private func checkHandle(in event: JobEvent, of id: JobID) async throws {
        guard case .submissionAccepted(let receipt) = event else { return }
        let record = try await store.report(of: id).record
        if record.rendering?.queueID != receipt.queueID { throw UnwantedAnswer(state: record.progress.state.name) }
    }

    private func report(_ error: any Error, _ event: JobEvent?, _ id: JobID, _ file: String?) {
        var metadata: Logger.Metadata = ["job_id": "\(id)", "file": "\(file ?? "-")", "error": "\(error)"]
        if case .submissionAccepted(let receipt) = event { metadata["queue_id"] = "\(receipt.queueID)" }
        log.error("a late answer stays in the journal", metadata: metadata)
    }

    private func report(_ error: any Error, _ answer: QueueAnswer, _ entry: AnswerJournal.Entry) {
        let outcome = VeniceClient.outcome(of: answer, requestedModel: entry.submission.model)
        let event = (try? outcome.get()).map { JobEvent.submissionAccepted(Receipt($0)) }
        report(error, event, entry.submission.job, entry.file)
    }

    private func read(
        _ answer: QueueAnswer, for submission: AnswerJournal.Submission
    ) async throws -> (JobEvent, AttemptEvidence) {
        var (event, evidence): (JobEvent, AttemptEvidence)
        switch VeniceClient.outcome(of: answer, requestedModel: submission.model) {
        case .success(let receipt):
            event = .submissionAccepted(Receipt(receipt))
            evidence = AttemptEvidence(.accepted, httpStatus: answer.status, message: "from the journal")
        case .failure(let error):
            (event, evidence) = (try await meaning(error, submission), AttemptEvidence(error))
        }
        evidence.token = LeaseToken(submission.token)
        return (event, evidence)
    }
}

/// A paid answer that its job does not wait for, and whose id the database does not hold.
private struct UnwantedAnswer: Error, CustomStringConvertible {
    var state: String
    var description: String { "the job is \(state) and does not name this paid answer" }
}
