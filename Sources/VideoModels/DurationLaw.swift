import Foundation

/// How long renderings of one kind take: a mixture of log-normal laws, in seconds.
///
/// Log-normal because durations of like jobs spread by factors, and because two numbers learned on line describe it. A
/// mixture because the law may be wrong: a thin, wide part keeps the remaining time finite when a job outlives everything
/// that the narrow part thinks possible.
public struct DurationLaw: Hashable, Sendable, Codable {
    /// One log-normal law with its share of the whole.
    public struct Part: Hashable, Sendable, Codable {
        public var weight: Double
        /// Mean and standard deviation of the logarithm of the seconds.
        public var mu: Double
        public var sigma: Double

        public init(weight: Double = 1, mu: Double, sigma: Double) {
            self.weight = weight
            self.mu = mu
            self.sigma = sigma
        }

        func survival(_ seconds: Double) -> Double {
            seconds <= 0 ? 1 : 0.5 * erfc((log(seconds) - mu) / (sigma * 2.0.squareRoot()))
        }
    }

    public let parts: [Part]

    public init(_ parts: [Part]) { self.parts = parts }

    /// One law alone, believed without doubt.
    public init(mu: Double, sigma: Double) { self.init([Part(mu: mu, sigma: sigma)]) }

    /// The probability that a job still renders after so many seconds.
    public func survival(_ seconds: Double) -> Double {
        parts.reduce(0) { $0 + $1.weight * $1.survival(seconds) }
    }

    /// The probability that a job which still rendered at `start` is done at `end`.
    public func done(by end: Double, since start: Double) -> Double {
        let before = survival(start)
        return before > 0 ? max(0, 1 - survival(end) / before) : 1
    }

    /// The lag that is expected to have gathered at `end` when the job still rendered at `start`: the integral over that
    /// time of the probability that it is already done. In seconds.
    public func expectedLag(from start: Double, to end: Double) -> Double {
        guard end > start else { return 0 }
        let before = survival(start)
        guard before > 0 else { return end - start }
        let half = (end - start) / 2
        let middle = start + half
        var alive = 0.0
        for (node, weight) in Self.gauss {
            alive += weight * (survival(middle - half * node) + survival(middle + half * node))
        }
        return max(0, (end - start) - half * alive / before)
    }

    /// The seconds by which a job which still renders at `start` is done with this probability.
    public func quantile(_ probability: Double, since start: Double = 0) -> Double {
        var (low, high) = (start, max(start * 2, 1))
        while done(by: high, since: start) < probability, high < Self.longest { high *= 2 }
        for _ in 0..<50 {
            let middle = (low + high) / 2
            if done(by: middle, since: start) < probability { low = middle } else { high = middle }
        }
        return high
    }

    /// No rendering takes so many seconds.
    public static let longest = 1e7

    /// Nodes and weights of Gauss and Legendre's rule with eight points, for the interval from -1 to 1; the other half
    /// is symmetric (Abramowitz and Stegun, table 25.4).
    private static let gauss: [(Double, Double)] = [
        (0.183434642495650, 0.362683783378362), (0.525532409916329, 0.313706645877887),
        (0.796666477413627, 0.222381034453374), (0.960289856497536, 0.101228536290376),
    ]
}
