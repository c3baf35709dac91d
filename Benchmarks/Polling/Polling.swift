import ArgumentParser
import Foundation
import JobLifecycle
import VideoModels

/// How long a finished video waits to be found, in simulated time, against the best that any schedule could do.
struct Polling: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lag until a finished video is found, against the bound of optimum checking schedules.",
        discussion: """
            Renderings come at random and share two looks a second; the product's own planner decides who is looked at. \
            Lags are seconds. The bound is the least mean lag that any schedule reaches with as many looks a job.
            """)

    @Option(help: "Simulated seconds of each run.") var seconds = 20_000.0
    @Option(help: "The seed of the renderings.") var seed: UInt64 = 7

    /// Durations of several kinds: their medians in seconds, and the spreads of their logarithms.
    private static let mixes: [(name: String, laws: [DurationLaw])] = [
        ("narrow (0.15)", [DurationLaw(mu: log(95), sigma: 0.15)]),
        ("usual (0.3)", [DurationLaw(mu: log(95), sigma: 0.3)]),
        ("wide (0.6)", [DurationLaw(mu: log(95), sigma: 0.6)]),
        (
            "three models",
            [
                DurationLaw(mu: log(40), sigma: 0.2), DurationLaw(mu: log(95), sigma: 0.35),
                DurationLaw(mu: log(240), sigma: 0.5),
            ]
        ),
    ]

    /// What runs, and how far above the bound its mean may lie with 66 in flight.
    private static let contestants: [(name: String, scheduler: PollingSimulation.Scheduler, limit: Double?)] = [
        ("planner, law known", .planner(.known), 1.15), ("planner, learning", .planner(.learned), 1.25),
        ("planner, P80 alone", .planner(.p80), 1.6), ("learning, P80 a third", .planner(.tooShort), nil),
        ("learning, P80 threefold", .planner(.tooLong), nil), ("round robin", .roundRobin, nil),
        ("every 5 s", .fixed(5), nil), ("every 10 s", .fixed(10), nil), ("backoff to 60 s", .backoff, nil),
    ]

    func run() throws {
        var isGood = true
        for (mix, laws) in Self.mixes {
            for inFlight in [10.0, 40, 66] {
                let looks = PollingSimulation.rate * PollingSimulation.meanSeconds(laws) / inFlight
                let bound = CheckingBound.lag(laws, looksPerJob: looks)
                print(
                    "\(mix), \(Int(inFlight)) in flight: bound \(Self.text(bound)) s at \(Self.text(looks)) looks a job"
                )
                for contestant in Self.contestants {
                    var simulation = PollingSimulation(
                        laws: laws, inFlight: inFlight, scheduler: contestant.scheduler, seed: seed)
                    let ratio = report(contestant.name, simulation.run(seconds: seconds), bound)
                    if inFlight == 66, let limit = contestant.limit, ratio > limit {
                        print("    above its limit of \(limit)")
                        isGood = false
                    }
                }
            }
        }
        if !isGood { throw ExitCode.failure }
    }

    private func report(_ name: String, _ outcome: PollingSimulation.Outcome, _ bound: Double) -> Double {
        let ratio = outcome.mean / bound
        let figures = [
            outcome.mean, outcome.percentile(0.5), outcome.percentile(0.95), outcome.percentile(0.99),
            outcome.looksPerJob, ratio,
        ]
        let names = ["mean", "p50", "p95", "p99", "looks", "of the bound"]
        let cells = zip(names, figures).map { "\($0) \(Self.text($1))" }.joined(separator: "  ")
        print("    \(name.padding(toLength: 24, withPad: " ", startingAt: 0))\(cells)")
        return ratio
    }

    private static func text(_ value: Double) -> String { value.formatted(.number.precision(.fractionLength(2))) }
}
