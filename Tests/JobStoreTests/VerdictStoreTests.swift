import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct VerdictStoreTests {
    private func lost(_ database: TestDatabase) async throws -> (JobRecord, ReconciledAttempt) {
        let quoted = try await database.store.advance(try await database.claimedJob(), by: .priced(.sample))
        let intended = try await database.store.advance(quoted, by: .submissionIntended(by: quoted.token))
        let lost = try await database.store.advance(
            intended, by: .submissionLost(evidence: "timeout"), evidence: AttemptEvidence(.lost, balance: "12.5"))
        let attempts = try await database.store.attempts(
            of: "main", since: .distantPast, until: .distantFuture, limit: 10)
        return (lost, try #require(attempts.first))
    }

    private func record(_ verdict: Job.Attention.Verdict) -> ReconciliationRecord {
        ReconciliationRecord(verdict: verdict, at: .sample, evidence: ["a", "b"])
    }

    @Test func `an attempt is told with all that a comparison needs`() async throws {
        try await TestDatabase.with { database in
            let (lost, attempt) = try await lost(database)
            #expect(attempt.id == .init(user: lost.user, job: lost.id, token: 1))
            #expect(attempt.models == [VideoRequest.sample.model])
            #expect(attempt.price == .sample && attempt.outcome == "lost" && attempt.isUndecided && !attempt.hasVideo)
            #expect(attempt.balance == Money("12.5"))
            #expect(try await database.store.oldestUnknown(of: "main") == attempt.startedAt)
            #expect(try await database.store.oldestUnknown(of: "other") == nil)
            #expect(
                try await database.store.attempts(
                    of: "main", since: .distantPast, until: attempt.startedAt, limit: 10
                ).isEmpty)
        }
    }

    @Test func `a job that waits for a person says since when, at what risk and with which choices`() async throws {
        try await TestDatabase.with { database in
            let (lost, _) = try await lost(database)
            let attention = try #require(lost.attention)
            #expect(attention.priceAtRisk == .sample && attention.evidence == "timeout" && attention.verdict == nil)
            #expect(abs(try #require(attention.since).timeIntervalSinceNow) < 60)
            let choices = try #require(attention.choices)
            #expect(choices.map(\.decision) == [.known(.wait), .known(.resubmit), .known(.giveUp)])
            #expect(choices.map(\.cost) == [.zero, .sample, .zero])
        }
    }

    @Test func `a verdict is kept with its attempt, shown to the user as news, and changes nothing else`() async throws
    {
        try await TestDatabase.with { database in
            let (lost, attempt) = try await lost(database)
            #expect(try await database.store.keep(record(.notCharged), of: attempt.id))
            let job = try await database.store.job(lost.id, user: lost.user)
            #expect(job.job.attention?.verdict == .known(.notCharged))
            #expect(job.job.attention?.since == lost.attention?.since)
            #expect(job.sequence == lost.changeSequence + 1)
            #expect(job.job.status == .known(.attention))
            #expect(try await database.ledger() == ["reserve|0.550000"])
            let report = try await database.store.report(of: lost.id)
            #expect(report.attempts.first?.reconciliation == record(.notCharged))

            // The same again is no news; another one is.
            #expect(try await database.store.keep(record(.notCharged), of: attempt.id))
            #expect(try await database.store.job(lost.id, user: lost.user).sequence == job.sequence)
            #expect(try await database.store.keep(record(.charged), of: attempt.id))
            #expect(try await database.store.job(lost.id, user: lost.user).sequence == job.sequence + 1)
        }
    }

    @Test(arguments: [Decision.resubmit, .giveUp])
    func `after the proof that nothing was charged a decision releases what was held`(decision: Decision) async throws {
        try await TestDatabase.with { database in
            let (lost, attempt) = try await lost(database)
            #expect(try await database.store.keep(record(.notCharged), of: attempt.id))
            _ = try await database.store.move(
                lost.id, user: lost.user, by: .decided(decision), policy: JobPolicy(), at: Date())
            #expect(try await database.ledger() == ["reserve|0.550000", "release|0.550000"])
            #expect(try await database.store.audit().isSound)
            #expect(try await database.store.users(limit: 1).map(\.spentToday) == [.zero])
        }
    }

    @Test func `a verdict does not outlive its attempt`() async throws {
        try await TestDatabase.with { database in
            let (first, attempt) = try await lost(database)
            #expect(try await database.store.keep(record(.notCharged), of: attempt.id))
            _ = try await database.store.move(
                first.id, user: first.user, by: .decided(.resubmit), policy: JobPolicy(), at: Date())
            let again = try await database.claimOne()
            let intended = try await database.store.advance(again, by: .submissionIntended(by: again.token))
            let lostAgain = try await database.store.advance(
                intended, by: .submissionLost(evidence: "timeout"), evidence: AttemptEvidence(.lost))
            #expect(lostAgain.progress.verdict == nil && lostAgain.attention?.verdict == nil)
            #expect(try #require(lostAgain.attentionSince) > (try #require(first.attentionSince)))
            // A verdict on the first attempt is kept with it, and is none on the second.
            #expect(try await database.store.keep(record(.charged), of: attempt.id))
            #expect(try await database.store.job(first.id, user: first.user).job.attention?.verdict == nil)
        }
    }

    @Test func `an answer that was found meanwhile needs no verdict`() async throws {
        try await TestDatabase.with { database in
            let (lost, attempt) = try await lost(database)
            _ = try await database.store.move(
                lost.id, user: lost.user, by: .submissionAccepted(.sample), policy: JobPolicy(), at: Date(),
                evidence: AttemptEvidence(.accepted, token: LeaseToken(attempt.id.token)))
            #expect(try await database.store.keep(record(.charged), of: attempt.id) == false)
            let job = try await database.store.job(lost.id, user: lost.user).job
            #expect(job.attention == nil && job.status == .known(.rendering))
        }
    }

    @Test func `a decision about what was seen does not hit what has changed since`() async throws {
        try await TestDatabase.with { database in
            let (lost, attempt) = try await lost(database)
            #expect(try await database.store.keep(record(.charged), of: attempt.id))
            await #expect(throws: InvalidEvent.self) {
                _ = try await database.store.move(
                    lost.id, user: lost.user, by: .decided(.resubmit), policy: JobPolicy(), at: Date(),
                    ifAt: lost.revision)
            }
            #expect(try await database.ledger() == ["reserve|0.550000"])
        }
    }
}
