import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@Suite struct PriceTests {
    @Test func `a price above the job's limit ends it unpaid, one at the limit does not`() throws {
        var dear = JobProgress(maxPrice: Money("0.54"))
        #expect(try dear.apply(.priced(.sample)) == [.publish])
        guard case .failed(let failure) = dear.state else { return #expect(dear.state.word == "failed") }
        #expect(failure.code == Failure.Code.priceAboveLimit.rawValue)
        #expect(failure.message == "The price is $0.55, above the limit of $0.54.")
        var fair = JobProgress(maxPrice: Money("0.55"))
        try fair.apply(.priced(.sample))
        #expect(fair.state == .quoted(.sample))
    }
}

@Suite struct SubmissionTests {
    private let submitting = JobProgress(state: .submitting(.sample, by: .sample))

    @Test func `the receipt is kept with the price and the time`() throws {
        var job = submitting
        let receipt = Receipt(model: "m2", queueID: "q9", link: Redacted("https://a.example/secret"))
        let effects = try job.apply(.submissionAccepted(receipt))
        #expect(
            job.state
                == .rendering(
                    Rendering(
                        price: .sample, model: "m2", queueID: "q9", link: Redacted("https://a.example/secret"),
                        submittedAt: .sample)))
        #expect(effects == [.settle(.sample), .publish])
    }

    @Test func `a refusal that says what was missing is followed under a lease of its own`() throws {
        var job = submitting
        #expect(try job.apply(.submissionCorrectable(.sample)) == [.release(.sample), .publish, .snooze(0)])
        #expect(job.state == .quoted(.sample))
    }

    /// The next try may be of a process that has not heard it, as after a crash or with a second worker.
    @Test func `whoever hears such a refusal may try, and among many troubles it stands`() throws {
        var job = submitting
        try job.apply(.submissionNotSent(.sample), .submissionIntended(by: .sample))
        for token in 10..<14 {
            try job.apply(.submissionCorrectable(.sample), .submissionIntended(by: LeaseToken(Int64(token))))
        }
        #expect(try job.apply(.submissionCorrectable(.sample)) == [.release(.sample), .publish])
        #expect(job.state == .failed(.sample))
    }

    @Test func `an unknown outcome is held for a person by default, with its price and evidence`() throws {
        var job = submitting
        #expect(try job.apply(.submissionLost(evidence: "timeout")) == [.publish])
        #expect(job.state == .attention(.unknownOutcome(.sample, evidence: "timeout")))
    }

    @Test func `the policy may write an unknown outcome off`() throws {
        var policy = JobPolicy()
        policy.unknownOutcome = .fail
        var job = submitting
        #expect(try job.apply(.submissionLost(evidence: "timeout"), policy: policy) == [.settle(.sample), .publish])
        guard case .failed(let failure) = job.state else { return #expect(job.state.word == "failed") }
        #expect(failure.code == "given_up")
        #expect(failure.refunded == nil)
    }

    @Test func `the policy may ask again, which counts the first try as spent and needs a new lease`() throws {
        var policy = JobPolicy()
        policy.unknownOutcome = .resubmit
        var job = submitting
        let effects = try job.apply(.submissionLost(evidence: "timeout"), policy: policy)
        #expect(effects == [.settle(.sample), .publish, .snooze(0)])
        #expect(job.state == .quoted(.sample))
    }

    @Test func `submissions that are not sent back off, though each try begins with an intent`() throws {
        var job = JobProgress(state: .quoted(.sample))
        var delays: [TimeInterval] = []
        for _ in 0..<9 {
            try job.apply(.submissionIntended(by: .sample))
            delays += try job.apply(.submissionNotSent(.sample), jitter: 0.5).compactMap(\.snooze)
        }
        #expect(delays == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15])
        try job.apply(.submissionIntended(by: .sample), .submissionAccepted(.sample))
        #expect(job.setbacks == 0)
    }

    @Test func `the other side's word on when to come back wins over a shorter wait`() throws {
        var job = submitting
        let effects = try job.apply(.submissionNotSent(Setback(.throttled, "429", retryAfter: 12)))
        #expect(effects.compactMap(\.snooze) == [12])
    }

    @Test func `a blocked account loses neither money nor job`() throws {
        var job = submitting
        let effects = try job.apply(.accountBlocked(evidence: "402"))
        #expect(effects.contains(.release(.sample)))
        try job.apply(.decided(.resubmit))
        #expect(job.state == .accepted)
    }
}

@Suite struct ConsentTests {
    private let asked = JobProgress(state: .attention(.consentNeeded(.sample, .sample)))

    @Test func `what was agreed to is kept with the time, and goes along with the next try`() throws {
        var job = asked
        try job.apply(.decided(.agree))
        #expect(job.consent == ConsentGiven(.sample, at: .sample))
        #expect(job.state == .accepted)
        try job.apply(.priced(.sample), .submissionIntended(by: .sample), .submissionNotSent(.sample))
        #expect(job.consent == ConsentGiven(.sample, at: .sample))
    }

    @Test func `whoever does not agree pays nothing`() throws {
        var job = asked
        #expect(try job.apply(.decided(.giveUp)) == [.publish])
        guard case .failed(let failure) = job.state else { return #expect(job.state.word == "failed") }
        #expect(failure.code == "consent_needed")
        #expect(job.consent == nil)
    }

    @Test func `being asked again after agreeing is a refusal, not a question without end`() throws {
        var job = asked
        try job.apply(.decided(.agree), .priced(.sample), .submissionIntended(by: .sample))
        #expect(try job.apply(.consentAsked(.sample)) == [.release(.sample), .publish])
        #expect(job.state.word == "failed")
    }
}

@Suite struct RenderingTests {
    private let rendering = JobProgress(state: .rendering(.sample))
    private let failing = JobEvent.setback(Setback(.serverError, "500"))

    @Test func `a row of 500s is the end of a job, at the limit and not before`() throws {
        for start in [JobState.rendering(.sample), .downloading(.sample)] {
            var job = JobProgress(state: start)
            for _ in 1..<JobPolicy().serverErrorLimit {
                #expect(try job.apply(failing) == [.snooze(15)])
                #expect(job.state == start)
            }
            #expect(try job.apply(failing) == [.publish])
            #expect(job.state.word == "failed")
        }
    }

    @Test func `trouble of another kind is no verdict on the job, however much of it came before a 500`() throws {
        var job = rendering
        for kind in [Setback.Kind.throttled, .unreachable, .storage, .accountRefused] {
            for _ in 0..<10 { try job.apply(.setback(Setback(kind, "x"))) }
        }
        for _ in 1..<JobPolicy().serverErrorLimit { try job.apply(failing) }
        #expect(job.state == rendering.state)
        try job.apply(.setback(.sample), failing)
        #expect(job.state == rendering.state)
        #expect(job.setbacks == 46)
    }

    @Test func `an answer makes good for the 500s before it, a job that waits its turn does not`() throws {
        var job = rendering
        for _ in 1..<JobPolicy().serverErrorLimit { try job.apply(failing, .postponed(1)) }
        var answered = job
        try answered.apply(.stillRendering(usual: nil), failing)
        #expect(answered.state.word == "rendering")
        try job.apply(failing)
        #expect(job.state.word == "failed")
    }

    @Test func `a poll counts, keeps the last estimate, and only a new one is news`() throws {
        var job = rendering
        #expect(try job.apply(.stillRendering(usual: nil)) == [])
        #expect(try job.apply(.stillRendering(usual: 120)).map(\.word) == ["publish"])
        guard case .rendering(let now) = job.state else { return #expect(job.state.word == "rendering") }
        #expect(now.usual == 120)
        #expect(now.polls == Rendering.sample.polls + 2)
    }

    @Test func `a look that learned nothing needs no write, and its count goes along with the next`() throws {
        var job = rendering
        let news = [
            job.looked(usual: Rendering.sample.usual, policy: JobPolicy(), at: .sample),
            job.looked(usual: nil, policy: JobPolicy(), at: .sample),
        ]
        #expect(news == [false, false])
        try job.apply(.stillRendering(usual: nil))
        guard case .rendering(let now) = job.state else { return #expect(job.state.word == "rendering") }
        #expect(now.polls == Rendering.sample.polls + 3)
    }

    @Test func `an estimate is news when it is the first, or a tenth off the last`() throws {
        var rendering = Rendering.sample
        rendering.usual = nil
        var job = JobProgress(state: .rendering(rendering))
        let first = job.looked(usual: 100, policy: JobPolicy(), at: .sample)
        #expect(first)
        try job.apply(.stillRendering(usual: 100))
        for (usual, isNews) in [(100.0, false), (105, false), (95, false), (111, true), (89, true)] {
            var copy = job
            let found = copy.looked(usual: usual, policy: JobPolicy(), at: .sample)
            #expect(found == isNews)
        }
    }

    @Test func `a look after trouble, or past the deadline, is written`() throws {
        var job = rendering
        let late = job.looked(usual: nil, policy: JobPolicy(), at: .sample.addingTimeInterval(JobPolicy().deadline))
        try job.apply(.setback(.sample))
        let troubled = job.looked(usual: nil, policy: JobPolicy(), at: .sample)
        #expect(late && troubled)
    }

    @Test func `the link of the receipt is kept, one that comes later is taken`() throws {
        var first = Rendering.sample
        first.link = Redacted("receipt")
        var job = JobProgress(state: .rendering(first))
        try job.apply(.videoAnnounced(link: Redacted("answer")))
        guard case .downloading(let kept) = job.state else { return #expect(job.state.word == "downloading") }
        #expect(kept.link == Redacted("receipt"))
        var other = rendering
        try other.apply(.videoAnnounced(link: Redacted("answer")))
        guard case .downloading(let taken) = other.state else { return #expect(other.state.word == "downloading") }
        #expect(taken.link == Redacted("answer"))
    }

    @Test(arguments: [JobEvent.stillRendering(usual: nil), .setback(.sample)])
    func `the deadline ends a job, not a moment before`(event: JobEvent) throws {
        let deadline = Date.sample.addingTimeInterval(JobPolicy().deadline)
        var job = rendering
        try job.apply(event, at: deadline.addingTimeInterval(-1))
        #expect(job.state.word == "rendering")
        #expect(try job.apply(event, at: deadline) == [.publish])
        guard case .failed(let failure) = job.state else { return #expect(job.state.word == "failed") }
        #expect(failure.code == "deadline_exceeded")
    }

    @Test(arguments: [(true, ["refund", "publish"]), (false, ["publish"]), (nil, ["publish"])] as [(Bool?, [String])])
    func `only money that came back is refunded`(refunded: Bool?, words: [String]) throws {
        var job = rendering
        let failure = Failure(.upstreamError, "x", refunded: refunded)
        #expect(try job.apply(.renderingFailed(failure)).map(\.word) == words)
    }

    @Test func `a job that the upstream does not know is asked for once more while it is young`() throws {
        let gone = JobEvent.renderingFailed(Failure(.mediaGone, "404"))
        var job = rendering
        #expect(try job.apply(gone).map(\.word) == ["snooze"])
        #expect(try job.apply(gone) == [.publish])
        #expect(job.state.word == "failed")
        var old = rendering
        #expect(try old.apply(gone, at: .sample.addingTimeInterval(61)) == [.publish])
        #expect(old.state.word == "failed")
    }

    @Test func `clean-up is tried so often and then left, without news`() throws {
        var job = JobProgress(state: .ready(.sample))
        for _ in 1..<JobPolicy().cleanUpLimit {
            #expect(try job.apply(.setback(.sample)).map(\.word) == ["snooze"])
        }
        #expect(try job.apply(.setback(.sample)) == [])
        #expect(job.state.word == "cleaned")
        #expect(!job.state.isUnderWay)
    }
}

@Suite struct DelayTests {
    @Test func `backoff doubles up to its longest, and the wait is anywhere below`() {
        let backoff = Backoff()
        for attempt in [-3, 0, 1, 2, 5, 20, 63, 64, 1_000_000, .max] {
            let high = backoff.delay(attempt: attempt, jitter: 1.0.nextDown)
            #expect(backoff.delay(attempt: attempt, jitter: 0) == 0)
            #expect(high > backoff.first / 2 && high <= backoff.longest)
        }
        #expect((1...8).map { backoff.delay(attempt: $0, jitter: 0.5) } == [0.25, 0.5, 1, 2, 4, 8, 15, 15])
    }

    @Test func `a faster upstream scales times, not counts`() {
        let policy = JobPolicy().scaled(by: 0.01)
        #expect(abs(policy.polling.leastGap - 0.02) < 1e-9)
        #expect(abs(policy.polling.serverErrorGap - 0.15) < 1e-9)
        #expect(abs(policy.backoff.delay(attempt: 99, jitter: 0.5) - 0.15) < 1e-9)
        #expect(policy.deadline == 864)
        #expect(policy.retries.age == 72 && policy.retries.patience == 864 && policy.modelPause.longest == 9)
        #expect(policy.retries.tries == JobPolicy().retries.tries)
        #expect(policy.serverErrorLimit == JobPolicy().serverErrorLimit)
    }
}
