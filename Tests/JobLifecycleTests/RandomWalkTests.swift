import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

/// Adds up what a walk does with money, and notes each broken rule.
struct Purse {
    var held: Money?
    var settled: [Money] = []
    var refunded = 0
    var broken: [String] = []

    mutating func take(_ effects: [JobEffect]) {
        for effect in effects {
            switch effect {
            case .reserve(let amount):
                if held != nil { broken.append("reserved twice") }
                held = amount
            case .settle(let amount):
                if held != amount { broken.append("settled what was not held") }
                held = nil
                settled.append(amount)
            case .release(let amount):
                if held != amount { broken.append("released what was not held") }
                held = nil
            case .refund(let amount):
                refunded += 1
                if settled.last != amount || refunded > settled.count { broken.append("refunded what was not settled") }
            case .publish, .addVideo, .snooze: break
            }
        }
    }
}

@Suite struct RandomWalkTests {
    @Test(arguments: 0..<UInt64(400)) func `no walk breaks a rule`(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        var policy = JobPolicy()
        policy.unknownOutcome = UnknownOutcomePolicy.allCases[Int(seed % 3)]
        var job = JobProgress()
        var purse = Purse()
        var now = Date.sample
        for _ in 0..<200 {
            let before = job
            let event = try #require(events.randomElement(using: &generator)).event
            let jitter = Double.random(in: 0..<1, using: &generator)
            guard let effects = try? job.apply(event, policy: policy, at: now, jitter: jitter) else {
                #expect(job == before)
                continue
            }
            purse.take(effects)
            check(before, event, job, effects, purse, policy)
            now += TimeInterval.random(in: 0..<600, using: &generator)
        }
        #expect(purse.broken == [])
    }

    private func check(
        _ before: JobProgress, _ event: JobEvent, _ after: JobProgress, _ effects: [JobEffect], _ purse: Purse,
        _ policy: JobPolicy
    ) {
        let (from, to) = (before.state.word, after.state.word)
        #expect(!["failed", "cancelled", "cleaned"].contains(from), "\(from) is final")
        // Money is held from the intent until its outcome is known, and never at an end.
        #expect((purse.held != nil) == ["submitting", "unknown"].contains(to), "held in \(to)")
        #expect(after.hold == nil || to == "quoted", "held back in \(to)")
        if from != to, to != "cleaned" { #expect(effects.contains(.publish), "\(from) to \(to) is news") }
        if from == "submitting", ["accepted", "quoted"].contains(to) {
            switch event {
            case .submissionNotSent: break
            case .submissionCorrectable: #expect(before.setbacks < 5 && after.setbacks == before.setbacks + 1)
            case .submissionLost: #expect(policy.unknownOutcome == .resubmit)
            default: Issue.record("\(event) led back from submitting")
            }
        }
        if from == "unknown", to == "quoted" {
            // A person's word, or the lost answer found in a journal.
            let reasons: [JobEvent] = [
                .decided(.resubmit), .submissionNotSent(.sample), .submissionCorrectable(.sample),
            ]
            #expect(reasons.contains(event))
        }
        if to == "submitting" { #expect(from == "quoted") }
        for delay in effects.compactMap(\.snooze) {
            let longest = after.hold == nil ? policy.backoff.longest : JobPolicy.holdRecheck
            #expect(delay >= 0 && delay <= max(longest, policy.polling.serverErrorGap))
        }
        #expect(effects.compactMap(\.snooze).count <= 1)
    }

    @Test func `walks reach every state`() throws {
        var reached: Set<String> = []
        for seed in 0..<UInt64(800) {
            var generator = SeededGenerator(seed)
            var job = JobProgress()
            for _ in 0..<400 {
                let event = try #require(events.randomElement(using: &generator)).event
                _ = try? job.apply(event)
                reached.insert(job.state.word)
            }
        }
        // No event leads to these: a job is put there when its database is restored from a backup.
        #expect(reached == Set(states.map(\.name)).subtracting(["restored", "unpriced"]))
    }
}
