import Foundation
public import VideoModels

/// Which rendering to look at next, when there are fewer looks than renderings.
///
/// This is the inspection problem of Barlow, Hunter and Proschan ("Optimum Checking Procedures", 1963) under a budget that
/// all renderings share. Each look goes to the job with the largest expected lag: the integral, since its last look, of the
/// probability that it is done. A value, told the time.
public struct PollPlanner: Sendable {
    /// One rendering as the planner sees it. Times are seconds after submission.
    public struct Candidate: Hashable, Sendable {
        public var law: DurationLaw
        /// When it was last seen under way; 0 right after submission.
        public var lastLook: Double
        public var elapsed: Double

        public init(law: DurationLaw, lastLook: Double, elapsed: Double) {
            self.law = law
            self.lastLook = lastLook
            self.elapsed = elapsed
        }

        var gap: Double { elapsed - lastLook }
    }

    /// No job is looked at again sooner than this, however much budget is left. In seconds.
    public var leastGap = 2.0
    /// A job that was passed over for so many rounds of all jobs goes first, whatever the laws say.
    public var starvedRounds = 3.0
    /// The least time after which a job can count as starved, in seconds.
    public var starvedGap = 60.0

    public init() {}

    /// The index of the job to look at now, or nil if none is worth it yet.
    ///
    /// - Parameter rate: Looks a second that there is budget for.
    public func next(among candidates: [Candidate], rate: Double) -> Int? {
        let limit = max(starvedGap, starvedRounds * Double(candidates.count) / max(rate, 0.001))
        var best: (index: Int, worth: Double)?
        for (index, candidate) in candidates.enumerated() where candidate.gap >= leastGap {
            let worth = self.worth(of: candidate, starvedAfter: limit)
            if worth > best?.worth ?? 0 { best = (index, worth) }
        }
        return best?.index
    }

    private func worth(of candidate: Candidate, starvedAfter limit: Double) -> Double {
        // Lag never exceeds the gap, so a starved job comes before every other and the longest starved first.
        if candidate.gap > limit { return 1e6 + candidate.gap }
        return candidate.law.expectedLag(from: candidate.lastLook, to: candidate.elapsed)
    }
}
