import Foundation
import TestSupport
import Testing
import VideoModels

/// What the phone tells of the time that is left, and how honest that is.
@Suite struct TimeLeftTests {
    static let laws = [
        DurationLaw(mu: log(95), sigma: 0.15), DurationLaw(mu: log(30), sigma: 0.7),
        DurationLaw([
            DurationLaw.Part(weight: 0.33, mu: log(110), sigma: 0.1), .init(weight: 0.33, mu: log(101), sigma: 0.2),
            .init(weight: 0.33, mu: log(85), sigma: 0.4), .init(weight: 0.01, mu: log(120), sigma: 1),
        ]),
    ]

    private func estimate(_ law: DurationLaw, deadline: Double? = 86_400) -> Job.Estimate {
        Job.Estimate(startedAt: .sample, law: law, deadlineSeconds: deadline)
    }

    private func now(_ elapsed: Double) -> Date { .sample.addingTimeInterval(elapsed) }

    private func draw(_ law: DurationLaw, _ dice: inout SeededGenerator) -> Double {
        var share = Double.random(in: 0..<law.parts.reduce(0) { $0 + $1.weight }, using: &dice)
        let part =
            law.parts.first {
                share -= $0.weight
                return share < 0
            } ?? law.parts[0]
        let (one, other) = (Double.random(in: 0..<1, using: &dice), Double.random(in: 0..<1, using: &dice))
        return exp(part.mu + part.sigma * (-2 * log(1 - one)).squareRoot() * cos(2 * .pi * other))
    }

    @Test(arguments: laws, [0.0, 40, 100, 180]) func `four of five jobs end within the span, whenever one looks`(
        law: DurationLaw, elapsed: Double
    ) throws {
        var dice = SeededGenerator(17)
        let span = try #require(estimate(law).timeLeft(at: now(elapsed)))
        // Those that still render at that moment: the others are known to be done.
        var left: [Double] = []
        while left.count < 4000 {
            let end = elapsed > 0 ? conditioned(law, past: elapsed, &dice) : draw(law, &dice)
            left.append(end - elapsed)
        }
        let inside = left.filter { $0 >= span.early && $0 <= span.late }.count
        #expect(abs(Double(inside) / 4000 - 0.8) < 0.025)
        #expect(abs(Double(left.filter { $0 <= span.likely }.count) / 4000 - 0.5) < 0.03)
    }

    /// A duration beyond `elapsed`, by inverting what is left of the law.
    private func conditioned(_ law: DurationLaw, past elapsed: Double, _ dice: inout SeededGenerator) -> Double {
        for _ in 0..<20 {
            let end = draw(law, &dice)
            if end > elapsed { return end }
        }
        // Rare: so few live that long that chance does not find one.
        return law.quantile(.random(in: 0..<1, using: &dice), since: elapsed)
    }

    @Test(arguments: laws) func `the span is in order and the end that is expected never comes nearer`(law: DurationLaw)
    {
        let estimate = estimate(law)
        var before = Job.Span(early: 0, likely: 0, late: 0)
        for elapsed in stride(from: 0.0, through: 4000, by: 7) {
            guard let span = estimate.timeLeft(at: now(elapsed)) else { return #expect(Bool(false)) }
            let ends = Job.Span(early: span.early + elapsed, likely: span.likely + elapsed, late: span.late + elapsed)
            #expect(span.early >= 0 && span.early <= span.likely && span.likely <= span.late)
            #expect(ends.early >= before.early - 1e-6 && ends.likely >= before.likely - 1e-6)
            #expect(ends.late >= before.late - 1e-6)
            before = ends
        }
    }

    @Test func `the deadline is the latest end, and nothing is left behind it`() throws {
        let estimate = estimate(DurationLaw(mu: log(1000), sigma: 0.5), deadline: 600)
        let early = try #require(estimate.timeLeft(at: now(100)))
        #expect(early.late == 500 && early.likely == 500)
        for elapsed in [600.0, 601, 1e9] {
            #expect(estimate.timeLeft(at: now(elapsed)) == Job.Span(early: 0, likely: 0, late: 0))
        }
        #expect(estimate.range?.late == 600)
    }

    @Test func `with the upstream's figure alone the span is wider than with what was seen`() throws {
        let guess = try #require(estimate(Self.laws[2]).range)
        let seen = try #require(estimate(Self.laws[0]).range)
        #expect(guess.late - guess.early > 1.3 * (seen.late - seen.early))
    }

    @Test func `a clock that is behind counts as the beginning, and no law gives no answer`() {
        let estimate = estimate(Self.laws[0])
        #expect(estimate.timeLeft(at: now(-60)) == estimate.range)
        #expect(Job.Estimate(startedAt: .sample, usualSeconds: 90).timeLeft(at: .sample) == nil)
    }

    @Test func `without the upstream's figure the usual time is the law's own`() {
        #expect(abs(estimate(Self.laws[0]).usualSeconds - Self.laws[0].quantile(0.8)) < 1e-6)
        #expect(Job.Estimate(startedAt: .sample, usualSeconds: 120, law: Self.laws[0]).usualSeconds == 120)
    }

    @Test(arguments: [DurationLaw([]), DurationLaw(mu: .infinity, sigma: 1), DurationLaw(mu: 4, sigma: 0)])
    func `a law that makes no sense gives a span all the same`(law: DurationLaw) {
        for elapsed in [0.0, 50, 1e8] {
            let span = estimate(law).timeLeft(at: now(elapsed))
            #expect(span.map { $0.early >= 0 && $0.late <= 86_400 } == true)
        }
    }
}
