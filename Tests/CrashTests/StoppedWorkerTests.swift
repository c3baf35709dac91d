import FeedSync
import Foundation
import StackSupport
import SyncService
import Testing
import VideoModels

/// A worker that stands still past its leases, as on a machine that was put to sleep, while others go on.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StoppedWorkerTests {
    @Test func `a worker that slept with the intent to pay in hand does not send what a person has asked for again`()
        async throws
    {
        try await withTwoWorkers { stack, sleeper, job, other in
            let phone = try stack.phone(other)
            _ = try await phone.decide(.resubmit, on: try await phone.job(job).job)
            var follower = FeedClient(phone)
            repeat { _ = try await follower.next() } while follower.copy.jobs[job]?.status != .known(.ready)
            sleeper.goOn()
            try await sleeper.line { $0["message"] == "lost the lease; another worker has the job" }
            let charges = try await stack.simulator.ledger().charges.count
            let attempts = try await stack.database.sql("select lease_token, outcome, message from attempts order by 1")
            #expect(charges == 1, "\(attempts)\n\(sleeper.lastLines)\n\(other.lastLines)")
        }
    }

    @Test func `that nothing was sent is told late, and nobody has to decide any more`() async throws {
        try await withTwoWorkers { stack, sleeper, job, other in
            sleeper.goOn()
            var follower = FeedClient(try stack.phone(other))
            repeat { _ = try await follower.next() } while follower.copy.jobs[job]?.status != .known(.ready)
            let attempts = try await stack.database.sql("select outcome from attempts order by lease_token")
            #expect(attempts.split(separator: "\n") == ["not_sent", "accepted"])
            #expect(try await stack.simulator.ledger().charges.count == 1)
        }
    }

    /// The first has formed the intent and stands still; the second has found it and told the user.
    private func withTwoWorkers(
        _ body: @Sendable (Stack, _ sleeper: GondolaProcess, JobID, _ other: GondolaProcess) async throws -> Void
    ) async throws {
        try await Stack.with(OutageTests.configure) { stack in
            let key = stack.directory.appending(path: "state/secret.key").path
            let sleeper = try await stack.start(
                OutageTests.rhythm(["GONDOLA_FAILPOINT": "journalReady=stop"]), program: "crash-worker")
            // It may stand still before it has answered.
            let submission = JobSubmission(request: Stack.textRequest())
            let submitting = Task { try await stack.phone(sleeper).submit(submission, idempotencyKey: "once") }
            defer { submitting.cancel() }
            try await sleeper.line { $0["message"] == "failpoint" }
            let job = try #require(JobID(try await stack.database.sql("select id from jobs")))
            let other = try await stack.start(
                OutageTests.rhythm([
                    "GONDOLA_STATE_DIR": stack.directory.appending(path: "other").path, "GONDOLA_SECRET_KEY_FILE": key,
                ]), program: "crash-worker")
            try await other.line { $0["message"] == "outcome of a paid submission is unknown" }
            try await body(stack, sleeper, job, other)
            #expect(await other.terminate() == 0)
            #expect(await sleeper.terminate() == 0)
        }
    }
}
