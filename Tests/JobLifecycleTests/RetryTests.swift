import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@Suite struct RetryTests {
    static let unpaid: [JobState] = [.accepted, .quoted(.sample)]

    @Test(arguments: Setback.Kind.allCases) func `a delay is never above its bound`(kind: Setback.Kind) {
        let policy = JobPolicy()
        var dice = SeededGenerator(4)
        for attempt in (1...40).map({ $0 }) + [.max] {
            for told in [nil, 0.0, 12, 3600, -5] {
                let setback = Setback(kind, "x", retryAfter: told)
                let jitter = Double.random(in: 0..<1, using: &dice)
                let delay = policy.wait(after: setback, attempt: attempt, jitter: jitter)
                #expect(delay >= max(0, told ?? 0))
                #expect(delay <= max(0, told ?? 0) + policy.backoff.after(kind).longest)
            }
        }
    }

    @Test(arguments: [
        (Setback.Kind.unreachable, 2.0, "upstream_unavailable"), (.serverError, 2, "upstream_unavailable"),
        (.throttled, 24, "upstream_unavailable"), (.accountRefused, 24, "account_unavailable"),
        (.modelUnavailable, 24, "model_unavailable"),
    ])
    func `an unpaid job is given up when its trouble has lasted, and not a moment before`(
        kind: Setback.Kind, hours: Double, code: String
    ) throws {
        let end = Date.sample.addingTimeInterval(hours * 3600)
        for start in Self.unpaid {
            var job = JobProgress(state: start)
            for hour in 0..<Int(hours) {
                try job.apply(.setback(Setback(kind, "x")), at: .sample.addingTimeInterval(Double(hour) * 3600))
            }
            try job.apply(.setback(Setback(kind, "x")), at: end.addingTimeInterval(-1))
            #expect(job.state == start)
            #expect(try job.apply(.setback(Setback(kind, "x")), at: end) == [.publish])
            guard case .failed(let failure) = job.state else { return #expect(job.state.word == "failed") }
            #expect(failure.code == code)
            #expect(failure.message.contains("nothing was charged"))
        }
    }

    @Test func `an unpaid job is given up after so many tries, however quick they are`() throws {
        var policy = JobPolicy()
        policy.retries.tries = 3
        for start in Self.unpaid {
            var job = JobProgress(state: start)
            try job.apply(.setback(.sample), .setback(.sample), policy: policy)
            #expect(job.state == start)
            try job.apply(.setback(.sample), policy: policy)
            #expect(job.state.word == "failed")
        }
    }

    @Test func `a submission that never gets out is given up with its reservation released`() throws {
        var policy = JobPolicy()
        policy.retries.tries = 4
        var job = JobProgress(state: .quoted(.sample))
        var effects: [JobEffect] = []
        var tries = 0
        while job.state.isUnderWay {
            try job.apply(.submissionIntended(by: .sample), policy: policy)
            effects = try job.apply(.submissionNotSent(.sample), policy: policy)
            tries += 1
        }
        #expect(tries == 4)
        #expect(effects == [.release(.sample), .publish])
        #expect(job.state.word == "failed")
    }

    @Test func `a step forward begins a new row`() throws {
        var job = JobProgress()
        try job.apply(.setback(.sample))
        try job.apply(.priced(.sample), .setback(.sample), at: .sample.addingTimeInterval(3 * 3600))
        #expect(job.state == .quoted(.sample))
        #expect(job.outlook.trouble?.tries == 1)
    }

    @Test func `a full disk is waited for as long as it takes, and is no trouble of the upstream's`() throws {
        for start in Self.unpaid {
            var job = JobProgress(state: start)
            for hour in 0..<3000 {
                try job.apply(.setback(Setback(.storage, "full")), at: .sample.addingTimeInterval(Double(hour) * 3600))
            }
            try job.apply(.setback(.sample), at: .sample.addingTimeInterval(3000 * 3600))
            #expect(job.state == start)
        }
    }

    /// Whatever goes wrong and however often, only the deadline or the upstream's own verdict ends what is paid.
    @Test(arguments: 0..<UInt64(100)) func `no bound ends a paid job`(seed: UInt64) throws {
        var dice = SeededGenerator(seed)
        var policy = JobPolicy()
        (policy.retries.tries, policy.retries.age, policy.retries.patience) = (1, 1, 1)
        for start in [JobState.rendering(.sample), .downloading(.sample)] {
            var job = JobProgress(state: start)
            for _ in 0..<300 {
                let kind = Setback.Kind.allCases.filter { $0 != .serverError }.randomElement(using: &dice)!
                let now = Date.sample.addingTimeInterval(.random(in: 0..<(policy.deadline - 1), using: &dice))
                try job.apply(.setback(Setback(kind, "x")), policy: policy, at: now)
                #expect(job.state == start)
            }
        }
    }

    @Test(arguments: 0..<UInt64(100)) func `the tries of an unpaid job are bounded, whatever goes wrong`(seed: UInt64)
        throws
    {
        var dice = SeededGenerator(seed)
        var policy = JobPolicy()
        policy.retries.tries = 20
        policy.retries.patience = 3600
        let kinds = Setback.Kind.allCases.filter { $0 != .storage }
        var job = JobProgress(state: Self.unpaid[Int(seed % 2)])
        var (now, tries) = (Date.sample, 0)
        while job.state.isUnderWay, tries < 10_000 {
            let kind = try #require(kinds.randomElement(using: &dice))
            let jitter = Double.random(in: 0..<1, using: &dice)
            let effects = try job.apply(.setback(Setback(kind, "x")), policy: policy, at: now, jitter: jitter)
            now += effects.compactMap(\.snooze).first ?? 0
            tries += 1
        }
        #expect(job.state.word == "failed")
        // Kinds that take turns are ended by the age of the row.
        #expect(tries <= 500)
    }

    @Test func `what was waited for long ago does not end a job at its next small trouble`() throws {
        var now = Date.sample
        func trouble(_ kind: Setback.Kind, after seconds: TimeInterval, _ job: inout JobProgress) throws {
            now += seconds
            _ = try job.apply(.setback(Setback(kind, "x")), policy: JobPolicy(), at: now, jitter: 0)
        }
        var job = JobProgress()
        try trouble(.unreachable, after: 0, &job)
        // The model was away for hours, and was asked for again and again.
        for _ in 0..<40 { try trouble(.modelUnavailable, after: 600, &job) }
        try trouble(.unreachable, after: 600, &job)
        #expect(job.state == .accepted)
        // The job waited for its turn for a week.
        try trouble(.unreachable, after: 7 * 86_400, &job)
        #expect(job.state == .accepted)
        for _ in 0..<12 where job.state == .accepted { try trouble(.unreachable, after: 600, &job) }
        #expect(job.state.word == "failed")
    }

    @Test func `a job that waits for its model says so, once, and no longer when it goes on`() throws {
        let away = JobEvent.setback(Setback(.modelUnavailable, "at capacity", retryAfter: 30))
        var job = JobProgress()
        #expect(try job.apply(away) == [.snooze(30), .publish])
        #expect(job.hold == .model)
        #expect(try job.apply(away) == [.snooze(30)])
        #expect(try job.apply(.setback(.sample)) == [.snooze(0), .publish])
        #expect(job.hold == nil)
        try job.apply(away, .priced(.sample))
        #expect(job.hold == nil)
    }

    @Test func `a model's pauses double from the first to the longest, and its own word counts within that`() {
        let policy = ModelPausePolicy()
        #expect((1...8).map { policy.pause(failures: $0) } == [15, 30, 60, 120, 240, 480, 900, 900])
        #expect(policy.pause(failures: .max) == 900)
        #expect(policy.pause(failures: -1) == 15)
        #expect(policy.pause(failures: 1, retryAfter: 40) == 40)
        #expect(policy.pause(failures: 4, retryAfter: 40) == 120)
        #expect(policy.pause(failures: 1, retryAfter: 86_400) == 900)
    }

    @Test func `what a rendering is expected to take is kept while it renders`() throws {
        var job = JobProgress(state: .rendering(.sample))
        let law = DurationLaw(mu: 4, sigma: 0.3)
        job.expect(law, policy: JobPolicy())
        try job.apply(.setback(.sample), .stillRendering(usual: nil))
        #expect(job.outlook.expectation == JobOutlook.Expectation(law: law, deadline: JobPolicy().deadline))
        try job.apply(.videoAnnounced(link: nil))
        #expect(job.outlook.expectation == nil)
        job.expect(law, policy: JobPolicy())
        #expect(job.outlook.expectation == nil)
    }
}
