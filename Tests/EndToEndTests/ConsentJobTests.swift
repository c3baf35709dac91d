import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// PROTOCOL §15.4: the upstream asks for a consent, the user reads the text and decides, and only then is anything paid.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ConsentJobTests {
    private func asked(_ stack: Stack, _ phone: PhoneClient, count: Int = 1) async throws -> Job {
        try stack.simulator.inject([Fault(.init(endpoint: .queue, count: count), .askConsent)])
        let detail = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "once")
        let id = detail.job.id
        let copy = try await stack.follow(phone) { $0.jobs[id]?.status == .known(.attention) }
        return try #require(copy.jobs[id])
    }

    @Test func `the user reads the text, agrees, and the video is made and paid once`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let job = try await asked(stack, phone, count: 0)
            let consent = try #require(job.attention?.consent)
            #expect(job.attention?.kind == .known(.consentNeeded))
            #expect(!consent.policyText.isEmpty)
            #expect(try await stack.simulator.ledger().charges.isEmpty)

            _ = try await phone.decide(.agree, on: job)
            let copy = try await stack.follow(phone) { $0.jobs[job.id]?.isOver == true }
            #expect(copy.jobs[job.id]?.status == .known(.ready))
            let ledger = try await stack.simulator.ledger()
            #expect(ledger.charges.count == 1)
            #expect(ledger.violations.isEmpty)
            #expect(
                try await stack.database.sql(
                    "select consented_at is not null, consent_request #>> '{policy,policy_text}' from jobs")
                    == "t|\(consent.policyText)")
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `the user gives up, and nothing is paid`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let job = try await asked(stack, phone)
            let detail = try await phone.decide(.giveUp, on: job)
            #expect(detail.job.failure?.code == "consent_needed")
            #expect(try await stack.simulator.ledger().charges.isEmpty)
            #expect(
                try await stack.database.sql("select sum(case kind when 'reserve' then 1 else -1 end) from ledger")
                    == "0")
            #expect(await gondola.terminate() == 0)
        }
    }
}
