import Foundation
import JobLifecycle
import Testing
import VideoModels

/// A generator with a seed, so that a failure can be repeated.
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func normal() -> Double {
        let (one, other) = (Double.random(in: 0..<1, using: &self), Double.random(in: 0..<1, using: &self))
        return (-2 * log(1 - one)).squareRoot() * cos(2 * .pi * other)
    }
}

@Suite struct DurationLawTests {
    static let laws = [
        DurationLaw(mu: log(95), sigma: 0.15), DurationLaw(mu: log(30), sigma: 0.7),
        DurationKnowledge().law(usual: 120, unknownUsual: 180),
    ]

    @Test(arguments: laws) func `survival falls from one to nothing`(law: DurationLaw) {
        let values = stride(from: 0.0, through: 4000, by: 2).map { law.survival($0) }
        #expect(values[0] == 1)
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 >= $1 })
        #expect(values.last! < 0.01)
    }

    @Test(arguments: laws, [(0.0, 20.0), (60, 90), (90, 300), (400, 410)])
    func `the expected lag is the integral of the probability to be done`(law: DurationLaw, span: (Double, Double)) {
        let steps = 20_000
        let width = (span.1 - span.0) / Double(steps)
        let sum = (0..<steps).reduce(0.0) { sum, step in
            sum + width * law.done(by: span.0 + (Double(step) + 0.5) * width, since: span.0)
        }
        let lag = law.expectedLag(from: span.0, to: span.1)
        #expect(abs(lag - sum) < 0.02 * (span.1 - span.0))
    }

    @Test(arguments: laws) func `the expected lag grows, and never passes the time that went by`(law: DurationLaw) {
        for start in [0.0, 50, 500, 50_000] {
            let lags = stride(from: 0.0, through: 200, by: 1).map { law.expectedLag(from: start, to: start + $0) }
            #expect(zip(lags, lags.dropFirst()).allSatisfy { $0 <= $1 + 1e-9 })
            #expect(lags.enumerated().allSatisfy { $1 <= Double($0) + 1e-9 })
        }
    }

    @Test(arguments: laws, [0.1, 0.5, 0.8, 0.95]) func `a quantile is where that share is done`(
        law: DurationLaw, share: Double
    ) {
        for start in [0.0, 40] {
            let time = law.quantile(share, since: start)
            #expect(abs(law.done(by: time, since: start) - share) < 1e-6)
        }
    }
}

@Suite struct DurationKnowledgeTests {
    /// Renderings of one law, each seen only as an interval of ten seconds.
    private func learned(mu: Double, sigma: Double, count: Int, usual: Double?, seed: UInt64 = 3) -> DurationKnowledge {
        var dice = Dice(state: seed)
        var knowledge = DurationKnowledge()
        for _ in 0..<count {
            let duration = exp(mu + sigma * dice.normal())
            let start = (duration / 10).rounded(.down) * 10
            let law = knowledge.law(usual: usual, unknownUsual: 180)
            knowledge.add(DurationKnowledge.Observation(from: start, to: start + 10, law: law)!)
        }
        return knowledge
    }

    @Test(arguments: [(95.0, 0.15), (95, 0.3), (40, 0.6), (300, 0.4)], [nil, 20.0, 2000])
    func `two hundred intervals teach the law, whatever the upstream claims`(
        truth: (median: Double, sigma: Double), usual: Double?
    ) {
        let knowledge = learned(mu: log(truth.median), sigma: truth.sigma, count: 200, usual: usual)
        let law = knowledge.law(usual: usual, unknownUsual: 180)
        #expect(abs(log(law.quantile(0.5) / truth.median)) < 0.12)
        #expect(abs(law.parts[0].sigma - truth.sigma) < 0.12)
    }

    @Test func `with nothing seen the upstream's figure is the eightieth percentile`() {
        let law = DurationKnowledge().law(usual: 120, unknownUsual: 180)
        #expect(abs(law.done(by: 120, since: 0) - 0.8) < 0.01)
        let silent = DurationKnowledge().law(usual: nil, unknownUsual: 180)
        #expect(abs(silent.done(by: 180, since: 0) - 0.8) < 0.01)
    }

    @Test func `a model that changes its pace is learned anew`() {
        var knowledge = learned(mu: log(200), sigma: 0.2, count: 2000, usual: nil)
        var dice = Dice(state: 8)
        for _ in 0..<1000 {
            let duration = exp(log(60) + 0.2 * dice.normal())
            let law = knowledge.law(usual: nil, unknownUsual: 180)
            knowledge.add(DurationKnowledge.Observation(from: duration - 4, to: duration + 4, law: law)!)
        }
        #expect(abs(log(knowledge.law(usual: nil, unknownUsual: 180).quantile(0.5) / 60)) < 0.3)
    }

    @Test(arguments: [.nan, .infinity, -.infinity, -5, 0, 1e300, Double.leastNonzeroMagnitude])
    func `nonsense teaches nothing and breaks nothing`(value: Double) {
        var knowledge = DurationKnowledge()
        let law = knowledge.law(usual: value, unknownUsual: 180)
        #expect(law.quantile(0.5) > 0 && law.quantile(0.5).isFinite)
        for (start, end) in [(value, value), (10, value), (value, 20)] {
            guard let seen = DurationKnowledge.Observation(from: start, to: end, law: law) else { continue }
            knowledge.add(seen)
        }
        let after = knowledge.law(usual: value, unknownUsual: 180)
        #expect(after.expectedLag(from: 10, to: 20).isFinite)
        #expect(after.quantile(0.8).isFinite)
    }

    @Test func `an interval far outside the law is taken as it is`() {
        let law = DurationLaw(mu: log(10), sigma: 0.02)
        let seen = DurationKnowledge.Observation(from: 5000, to: 5010, law: law)
        #expect(abs((seen?.mean ?? 0) - log(5005)) < 0.01)
    }
}

@Suite struct PollPlannerTests {
    static let law = DurationLaw(mu: log(100), sigma: 0.2)

    private func candidate(_ lastLook: Double, _ elapsed: Double) -> PollPlanner.Candidate {
        PollPlanner.Candidate(law: Self.law, lastLook: lastLook, elapsed: elapsed)
    }

    @Test func `a job that is probably done goes before one that has just begun`() {
        let planner = PollPlanner()
        #expect(planner.next(among: [candidate(0, 30), candidate(85, 115), candidate(0, 40)], rate: 2) == 1)
    }

    @Test func `what was seen to be under way a moment ago can wait`() {
        let planner = PollPlanner()
        #expect(planner.next(among: [candidate(108.5, 110)], rate: 2) == nil)
        #expect(planner.next(among: [candidate(108.5, 110), candidate(100, 110)], rate: 2) == 1)
        #expect(planner.next(among: [], rate: 2) == nil)
    }

    @Test func `a job that every law forgets is looked at all the same`() {
        let forgotten = PollPlanner.Candidate(law: DurationLaw(mu: log(1e6), sigma: 0.02), lastLook: 0, elapsed: 61)
        let planner = PollPlanner()
        #expect(planner.next(among: [candidate(85, 115), forgotten], rate: 2) == 1)
    }

    @Test func `with more jobs than looks nobody starves before three rounds`() {
        let forgotten = PollPlanner.Candidate(law: DurationLaw(mu: log(1e6), sigma: 0.02), lastLook: 0, elapsed: 140)
        let crowd = Array(repeating: candidate(85, 115), count: 99)
        let planner = PollPlanner()
        #expect(planner.next(among: crowd + [forgotten], rate: 2) != 99)
        #expect(planner.next(among: crowd + [forgotten], rate: 3) == 99)
    }
}
