import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

/// What an operator stops, and lets go on.
@Suite(.timeLimit(.minutes(10))) struct StandingTests {
    @Test func `a suspended user's token opens nothing until the user is let in again`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            let token = try await database.store.issueToken(user: user, device: .sample(2), name: "phone")
            #expect(try await database.store.suspend(user, reason: "by mail") == "user 1")
            #expect(try await database.store.authenticate(token) == .suspended(user: user, device: .sample(2)))
            #expect(try await database.store.ended(among: [.sample(2): user]) == [.sample(2): .suspended])
            let shown = try #require(try await database.store.users(limit: 1, only: user).first)
            #expect(shown.suspendedReason == "by mail" && shown.suspendedAt != nil)
            #expect(try await database.store.resume(user))
            #expect(try await database.store.resume(user) == false)
            guard case .valid = try await database.store.authenticate(token) else {
                return #expect(Bool(false), "the token is not valid")
            }
            #expect(try await database.store.ended(among: [.sample(2): user]).isEmpty)
            await #expect(throws: StoreError.notFound) { try await database.store.suspend(.sample(9), reason: nil) }
            await #expect(throws: StoreError.notFound) { try await database.store.resume(.sample(9)) }
        }
    }

    @Test func `nothing of a suspended user is taken in, and others of the same batch are`() async throws {
        try await TestDatabase.with { database in
            let (one, two) = (try await database.addUser(1), try await database.addUser(2))
            _ = try await database.store.suspend(one, reason: nil)
            let jobs = [one, two].enumerated().map { number, user in
                NewJob(
                    JobSubmission(request: .sample), id: .sample(UInt64(number + 1)), user: user, account: "main")
            }
            let outcomes = await database.store.submit(jobs)
            #expect(throws: StoreError.suspended) { try outcomes[0].get() }
            #expect(try outcomes[1].get().job.id == .sample(2))
            #expect(try await database.sql("select count(*) from jobs") == "1")
        }
    }

    @Test func `jobs that wait for their turn begin only once their user is let in again`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            _ = try await database.store.setActiveLimit(0, of: user)
            try await database.submit()
            _ = try await database.store.suspend(user, reason: nil)
            _ = try await database.store.setActiveLimit(5, of: user)
            #expect(try await database.store.admitLeftBehind() == 0)
            #expect(try await database.store.claim(limit: 1, lease: 60, worker: "w").isEmpty)
            #expect(try await database.store.resume(user))
            #expect(try await database.store.claim(limit: 1, lease: 60, worker: "w").map(\.id) == [.sample(1)])
        }
    }

    /// The look before the turn, and the commit of the intent itself.
    @Test(arguments: ["suspended", "paused"])
    func `nothing more is paid for, and what waited goes on at once when it may`(_ way: String) async throws {
        try await TestDatabase.with { database in
            let claimed = try await database.claimedJob()
            let quoted = try await database.store.advance(claimed, by: .priced(.sample))
            let reservation = Reservation(user: quoted.user, job: quoted.id, account: quoted.account, amount: .sample)
            #expect(try await database.store.refusal(of: reservation) == nil)
            if way == "paused" {
                try await database.store.pauseAccount("main", reason: "review")
                #expect(try await database.store.accountPauses().map(\.reason) == ["review"])
            } else {
                _ = try await database.store.suspend(quoted.user, reason: nil)
            }
            let refusal = try #require(try await database.store.refusal(of: reservation))
            #expect(refusal.scope == .operatorsPause && refusal.facts == nil)
            await #expect(throws: StoreError.overBudget(refusal)) {
                try await database.store.advance(quoted, by: .submissionIntended(by: quoted.token))
            }
            #expect(try await database.ledger().isEmpty)

            let held = try await database.store.advance(quoted, by: refusal.event)
            #expect(held.progress.hold == .paused)
            #expect(try await database.store.claim(limit: 1, lease: 60, worker: "w").isEmpty)
            if way == "paused" {
                #expect(try await database.store.resumeAccount("main"))
                #expect(try await database.store.resumeAccount("main") == false)
            } else {
                #expect(try await database.store.resume(quoted.user))
            }
            let again = try await database.claimOne()
            let intended = try await database.store.advance(again, by: .submissionIntended(by: again.token))
            #expect(intended.progress.state.name == "submitting")
        }
    }

    @Test func `an account that is not paused pays while another is`() async throws {
        try await TestDatabase.with { database in
            let claimed = try await database.claimedJob()
            let quoted = try await database.store.advance(claimed, by: .priced(.sample))
            try await database.store.pauseAccount("another", reason: nil)
            let intended = try await database.store.advance(quoted, by: .submissionIntended(by: quoted.token))
            #expect(intended.progress.state.name == "submitting")
        }
    }

    @Test func `what is paid goes on while its user is suspended`() async throws {
        try await TestDatabase.with { database in
            let claimed = try await database.claimedJob()
            var job = try await database.store.advance(claimed, by: .priced(.sample))
            job = try await database.store.advance(job, by: .submissionIntended(by: job.token))
            _ = try await database.store.suspend(job.user, reason: nil)
            job = try await database.store.advance(job, by: .submissionAccepted(.sample))
            job = try await database.store.advance(job, by: .videoAnnounced(link: nil))
            job = try await database.store.advance(job, by: .videoStored(.sample))
            #expect(job.progress.state.name == "ready")
        }
    }

    @Test func `an account's rest is ended by hand, and its refusals are forgotten`() async throws {
        try await TestDatabase.with { database in
            for _ in 1...3 { _ = try await database.store.countFailure(account: "main", limit: 3, window: 3600) }
            let queue = RateLimit(endpoint: "queue", requests: 40, window: 3600)
            guard case .wait = try await database.store.take(queue, account: "main", upTo: 1) else {
                return #expect(Bool(false), "the account does not rest")
            }
            #expect(try await database.store.closeBreakerByHand(account: "main"))
            #expect(try await database.store.take(queue, account: "main", upTo: 1) == .granted(1, isProbe: false))
            #expect(try await database.store.closeBreakerByHand(account: "main") == false)
        }
    }
}
