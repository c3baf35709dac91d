import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// What keeps users and models from getting in each other's way, on real parts.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LimitTests {
    @Test func `two processes share the limit of submissions, and the upstream never sees more`() async throws {
        try await Stack.with {
            $0.timeScale = 0.1
            $0.queueLimitPerMinute = 6
        } _: { stack in
            // A window that is longer by more than a request may be late here, where a second is a tenth of one.
            let settings = ["GONDOLA_TIME_SCALE": "0.1", "GONDOLA_QUEUE_LIMIT": "6", "GONDOLA_RATE_WINDOW": "80s"]
            let first = try await stack.start(settings)
            let own = [
                "GONDOLA_STATE_DIR": stack.directory.appending(path: "second").path,
                "GONDOLA_SECRET_KEY_FILE": stack.directory.appending(path: "state/secret.key").path,
            ]
            let second = try await stack.start(settings.merging(own) { $1 })
            let phones = [try stack.phone(first), try stack.phone(second)]
            for number in 0..<12 {
                _ = try await phones[number % 2].submit(
                    JobSubmission(request: Stack.textRequest("boat \(number)")), idempotencyKey: "k\(number)")
            }
            let copy = try await stack.follow(phones[0]) { copy in
                copy.jobs.count == 12 && copy.jobs.values.allSatisfy(\.isOver)
            }
            #expect(copy.jobs.values.allSatisfy { $0.status == .known(.ready) })
            let ledger = try await stack.simulator.ledger()
            #expect(ledger.violations.isEmpty, "\(ledger.violations)")
            #expect(ledger.accounts.allSatisfy { $0.queuePeak <= 6 && $0.retrievePeak <= 120 })
            #expect(ledger.charges.count == 12)
            for process in [first, second] { #expect(await process.terminate() == 0) }
        }
    }

    @Test func `a user's jobs begin as those before them end, the most urgent first`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start(["GONDOLA_ACTIVE_JOBS": "1"])
            let phone = try stack.phone(gondola)
            var jobs: [JobID] = []
            for (number, priority) in [Job.Priority.normal, .low, .normal, .high].enumerated() {
                let submission = JobSubmission(
                    request: Stack.textRequest("boat \(number)"), priority: .known(priority))
                let detail = try await phone.submit(submission, idempotencyKey: "k\(number)")
                if number == 1 { #expect(detail.job.hold == .turn) }
                #expect(detail.job.priority == .known(priority))
                jobs.append(detail.job.id)
            }
            let urgent = JobSubmission(request: Stack.textRequest(), priority: .unknown("urgent"))
            let refusal = await #expect(throws: PhoneClientError.self) {
                try await phone.submit(urgent, idempotencyKey: "urgent")
            }
            #expect("\(try #require(refusal))".contains("priority"))
            let ids = jobs
            let copy = try await stack.follow(phone) { copy in ids.allSatisfy { copy.jobs[$0]?.isOver == true } }
            #expect(ids.allSatisfy { copy.jobs[$0]?.status == .known(.ready) })
            #expect(copy.jobs.values.allSatisfy { $0.hold == nil })
            let most = try await stack.database.sql(
                """
                with spans as (select job_id, min(at) filter (where state = 'quoted') as began,
                    min(at) filter (where state = 'ready') as ended from job_steps group by job_id)
                select count(*) from spans as one join spans as other
                    on one.job_id <> other.job_id and one.began >= other.began and one.began < other.ended
                """)
            #expect(most == "0", "two were under way at once")
            let order = try await stack.database.sql(
                "select job_id from job_steps where state = 'ready' order by at")
            #expect(order.split(separator: "\n").map(String.init) == [0, 3, 2, 1].map { ids[$0].description })
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a model at capacity holds up its own jobs and no others, and they go on when it is back`() async throws
    {
        try await Stack.with { stack in
            let away = Stack.textRequest().model
            try stack.simulator.inject([
                Fault(.init(endpoint: .quote, count: 0, model: away), .refuse(with: .capacity))
            ])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            var waiting: [JobID] = []
            for number in 0..<3 {
                let request = JobSubmission(request: Stack.textRequest("boat \(number)"))
                waiting.append(try await phone.submit(request, idempotencyKey: "k\(number)").job.id)
            }
            let other = try await phone.submit(
                JobSubmission(request: Stack.privateRequest()), idempotencyKey: "other"
            ).job.id
            let ids = waiting
            let held = try await stack.follow(phone) { copy in
                ids.allSatisfy { copy.jobs[$0]?.hold == .model } && copy.jobs[other]?.isOver == true
            }
            #expect(held.jobs[other]?.status == .known(.ready))
            #expect(try await stack.database.sql("select model from model_pauses") == away)
            stack.simulator.clearFaults()
            let copy = try await stack.follow(phone) { copy in ids.allSatisfy { copy.jobs[$0]?.isOver == true } }
            #expect(ids.allSatisfy { copy.jobs[$0]?.status == .known(.ready) && copy.jobs[$0]?.hold == nil })
            #expect(try await stack.database.sql("select count(*) from model_pauses") == "0")
            #expect(try await stack.simulator.ledger().charges.count == 4)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a rendering tells the time that is left with its doubt`() async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([
                Fault(
                    .init(endpoint: .retrieve, count: 0),
                    .reply(
                        status: 200, headers: ["Content-Type": "application/json"],
                        body: #"{"status":"PROCESSING","average_execution_time":90000}"#, processed: false))
            ])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let id = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "k").job.id
            let copy = try await stack.follow(phone) { $0.jobs[id]?.estimate?.usualSeconds == 90 }
            let estimate = try #require(copy.jobs[id]?.estimate)
            let span = try #require(estimate.range)
            #expect(span.early < span.likely && span.likely < span.late && span.late > 90)
            #expect(estimate.deadlineSeconds == 864)
            #expect(estimate.timeLeft(at: estimate.startedAt) == span)
            stack.simulator.clearFaults()
            _ = try await stack.follow(phone) { $0.jobs[id]?.isOver == true }
            #expect(await gondola.terminate() == 0)
        }
    }
}
