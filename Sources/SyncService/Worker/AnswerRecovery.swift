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

    /// Replays what an earlier process left in the journal. Call it before the first claim.
    ///
    /// Throws while the database does not answer; every file is still there then.
    func replay() async throws {
        for entry in try await journal.unsettled() {
            let (id, user) = (entry.submission.job, entry.submission.user)
            guard let answer = entry.answer else {
                // No answer came: the row says `submitting`, and whoever claims the job reports it lost.
                await journal.settle(entry.file)
                continue
            }
            let (event, evidence) = Self.read(answer, for: entry.submission)
            let outcome = try await move(id, user, by: event, evidence)
            log.notice("replayed a journalled answer", metadata: ["job_id": "\(id)", "outcome": "\(outcome)"])
            await journal.settle(entry.file)
        }
    }

    /// For a worker that holds an answer and has lost the job's lease.
    func recover(
        _ event: JobEvent, _ evidence: AttemptEvidence?, for record: JobRecord, journalFile: String
    ) async {
        var evidence = evidence
        evidence?.token = record.token
        do {
            let outcome = try await move(record.id, record.user, by: event, evidence)
            log.notice("brought a late answer home", metadata: ["job_id": "\(record.id)", "outcome": "\(outcome)"])
            await journal.settle(journalFile)
        } catch {
            // The file stays, and the next start replays it.
            log.error(
                "a late answer stays in the journal", metadata: ["job_id": "\(record.id)", "error": "\(error)"])
        }
    }

    private func move(
        _ id: JobID, _ user: UserID, by event: JobEvent, _ evidence: AttemptEvidence?
    ) async throws -> String {
        do {
            let detail = try await store.move(
                id, user: user, by: event, policy: policy, at: .nowInMicroseconds, evidence: evidence)
            return detail.job.status.word
        } catch let error as InvalidEvent {
            // The database had the outcome already, or a person has decided meanwhile.
            return "not needed, the job is \(error.state.name)"
        } catch StoreError.notFound {
            return "not needed, the job is gone"
        }
    }

    private static func read(
        _ answer: QueueAnswer, for submission: AnswerJournal.Submission
    ) -> (JobEvent, AttemptEvidence) {
        var (event, evidence): (JobEvent, AttemptEvidence)
        switch VeniceClient.outcome(of: answer, requestedModel: submission.model) {
        case .success(let receipt):
            event = .submissionAccepted(Receipt(receipt))
            evidence = AttemptEvidence(.accepted, httpStatus: answer.status, message: "from the journal")
        case .failure(let error):
            (event, evidence) = (error.onSubmission, AttemptEvidence(error))
        }
        evidence.token = LeaseToken(submission.token)
        return (event, evidence)
    }
}
