import Foundation
import JobLifecycle
import VideoModels

/// Renderings that come, last and are looked at, in simulated time, with the product's own planner.
struct PollingSimulation {
    /// How looks are handed out.
    enum Scheduler: Sendable {
        /// `PollLane`, believing this of the laws.
        case planner(Belief)
        /// Who has waited longest since the last look.
        case roundRobin
        /// Each job every so many seconds, late where the budget does not suffice.
        case fixed(Double)
        /// Each job after 1, 2, 4 … seconds, up to 60.
        case backoff
    }

    enum Belief: String, Sendable {
        /// The law itself.
        case known
        /// Nothing but the upstream's P80.
        case p80
        /// The P80 at first, then what was seen.
        case learned
        /// As `learned`, with a P80 that is three times too short, or too long.
        case tooShort, tooLong
    }

    struct Outcome {
        var lags: [Double]
        var looks: Int
        var mean: Double { lags.reduce(0, +) / Double(max(1, lags.count)) }
        var looksPerJob: Double { Double(looks) / Double(max(1, lags.count)) }
        func percentile(_ share: Double) -> Double { lags.isEmpty ? 0 : lags[Int(Double(lags.count - 1) * share)] }
    }

    /// Looks a second.
    static let rate = 2.0

    let laws: [DurationLaw]
    /// How many render at once on average.
    let inFlight: Double
    let scheduler: Scheduler
    private var dice: SeededDice
    private var begun: UInt64 = 0
    private var jobs: [PollLane.Ticket: Rendering] = [:]
    private var knowledge: [DurationKnowledge]
    private var lane = PollLane(planner: PollPlanner())
    private var outcome = Outcome(lags: [], looks: 0)

    private struct Rendering {
        var start: Double
        var end: Double
        var kind: Int
        var lastLook: Double
        var due: Double
        var looks = 0
    }

    init(laws: [DurationLaw], inFlight: Double, scheduler: Scheduler, seed: UInt64) {
        self.laws = laws
        self.inFlight = inFlight
        self.scheduler = scheduler
        dice = SeededDice(state: seed)
        knowledge = laws.map { _ in DurationKnowledge() }
    }

    static func meanSeconds(_ laws: [DurationLaw]) -> Double {
        laws.reduce(0) { $0 + exp($1.parts[0].mu + $1.parts[0].sigma * $1.parts[0].sigma / 2) } / Double(laws.count)
    }

    /// Runs for so many simulated seconds.
    mutating func run(seconds: Double) -> Outcome {
        let arrivals = inFlight / Self.meanSeconds(laws)
        var (now, next) = (0.0, dice.exponential() / arrivals)
        while now < seconds {
            now += 1 / Self.rate
            while next <= now {
                begin(at: next)
                next += dice.exponential() / arrivals
            }
            if let job = choose(at: now) { look(at: job, now) }
        }
        outcome.lags.sort()
        return outcome
    }

    private mutating func begin(at start: Double) {
        let kind = Int.random(in: 0..<laws.count, using: &dice)
        let part = laws[kind].parts[0]
        let end = start + exp(part.mu + part.sigma * dice.normal())
        begun += 1
        let id = PollLane.Ticket(begun)
        let job = Rendering(start: start, end: end, kind: kind, lastLook: start, due: start + firstWait)
        jobs[id] = job
        seat(id, job)
    }

    private var firstWait: Double {
        switch scheduler {
        case .fixed(let gap): gap
        case .backoff: 1
        case .planner, .roundRobin: 0
        }
    }

    private mutating func seat(_ id: PollLane.Ticket, _ job: Rendering) {
        guard case .planner(let belief) = scheduler else { return }
        lane.join(
            id, law: law(of: job.kind, belief), submittedAt: Self.date(job.start), lastLook: job.lastLook - job.start)
    }

    private func law(of kind: Int, _ belief: Belief) -> DurationLaw {
        let p80 = laws[kind].quantile(0.8)
        return switch belief {
        case .known: laws[kind]
        case .p80: DurationKnowledge().law(usual: p80, unknownUsual: p80)
        case .learned: knowledge[kind].law(usual: p80, unknownUsual: p80)
        case .tooShort: knowledge[kind].law(usual: p80 / 3, unknownUsual: p80)
        case .tooLong: knowledge[kind].law(usual: p80 * 3, unknownUsual: p80)
        }
    }

    private mutating func choose(at now: Double) -> PollLane.Ticket? {
        switch scheduler {
        case .planner: lane.next(at: Self.date(now), rate: Self.rate)
        case .roundRobin: jobs.min { $0.value.lastLook < $1.value.lastLook }?.key
        case .fixed, .backoff: jobs.filter { $0.value.due <= now }.min { $0.value.due < $1.value.due }?.key
        }
    }

    private mutating func look(at id: PollLane.Ticket, _ now: Double) {
        guard var job = jobs[id] else { return }
        outcome.looks += 1
        if job.end <= now {
            outcome.lags.append(now - job.end)
            learn(from: job, now)
            jobs[id] = nil
            return
        }
        job.lastLook = now
        job.looks += 1
        job.due = now + wait(after: job.looks)
        jobs[id] = job
        seat(id, job)
    }

    private func wait(after looks: Int) -> Double {
        switch scheduler {
        case .fixed(let gap): gap
        case .backoff: min(60, pow(2, Double(looks)))
        case .planner, .roundRobin: 0
        }
    }

    private mutating func learn(from job: Rendering, _ now: Double) {
        guard case .planner(let belief) = scheduler else { return }
        let law = law(of: job.kind, belief)
        guard let seen = DurationKnowledge.Observation(from: job.lastLook - job.start, to: now - job.start, law: law)
        else { return }
        knowledge[job.kind].add(seen)
    }

    private static func date(_ seconds: Double) -> Date { Date(timeIntervalSince1970: seconds) }
}

/// A generator with a seed, so that every run sees the same renderings.
struct SeededDice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func exponential() -> Double { -log(1 - Double.random(in: 0..<1, using: &self)) }

    mutating func normal() -> Double {
        let (one, other) = (Double.random(in: 0..<1, using: &self), Double.random(in: 0..<1, using: &self))
        return (-2 * log(1 - one)).squareRoot() * cos(2 * .pi * other)
    }
}
