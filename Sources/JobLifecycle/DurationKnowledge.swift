import Foundation
public import VideoModels

/// Renderings that are expected to take equally long.
public struct RenderingKind: Hashable, Sendable {
    public var model: String
    /// As the request has them; empty where it has none.
    public var duration: String
    public var resolution: String

    public init(model: String, duration: String, resolution: String) {
        self.model = model
        self.duration = duration
        self.resolution = resolution
    }
}

/// What has been seen of the durations of one kind of rendering, and the law that follows from it.
///
/// A rendering's end is never seen, only that it lay between two polls, so an observation is an interval and counts with
/// the mean and spread that the law has over it (one step of expectation maximisation). Old observations fade, since models
/// change; the sums are what is stored and shared.
public struct DurationKnowledge: Hashable, Sendable, Codable {
    /// The effective number of observations.
    public private(set) var count: Double
    /// Sums of the logarithm of the seconds, and of its square.
    public private(set) var sum: Double
    public private(set) var squares: Double

    public init(count: Double = 0, sum: Double = 0, squares: Double = 0) {
        self.count = count
        self.sum = sum
        self.squares = squares
    }

    /// Observations beyond so many fade away.
    public static let memory = 400.0
    /// How far durations of a kind spread as long as nothing is known: standard deviations of the logarithm. A narrow, a
    /// usual and a wide law share the doubt. Chosen by simulation: with the P80 alone the mean lag stays within 1.6 times
    /// the bound whether the truth is 0.15, 0.3 or 0.6.
    static let spreads = [0.1, 0.2, 0.4]
    /// How much the reported P80 weighs against observations: as many of them.
    static let priorCount = 1.0
    static let priorSpread = 0.35
    static let priorSpreadCount = 2.0
    /// The share that is kept back for the case that the law is wrong, and how far that part spreads.
    static let doubt = 0.01
    static let doubtSpread = 1.0
    /// The standard normal distribution's 80th percentile.
    static let z80 = 0.8416212335729143

    /// Adds one observation, the older ones fading.
    public mutating func add(_ observation: Observation) {
        let kept = min(1, (Self.memory - 1) / max(count, 1))
        count = count * kept + 1
        sum = sum * kept + observation.mean
        squares = squares * kept + observation.square
    }

    /// One rendering's end, which lay somewhere between two looks: mean and mean square of the logarithm of the seconds.
    public struct Observation: Hashable, Sendable {
        public let mean: Double
        public let square: Double

        /// It was under way at `start` and done at `end`, in seconds after its submission; `law` says where in between it
        /// probably ended. Nil for what no clock can have measured.
        public init?(from start: Double, to end: Double, law: DurationLaw) {
            guard start >= 0, end > start, end < DurationLaw.longest else { return nil }
            (mean, square) = law.logarithm(from: start, to: end)
        }
    }

    /// The law to expect.
    ///
    /// - Parameters:
    ///   - usual: The upstream's own P80 in seconds, where it told one (PROTOCOL §5). Nonsense counts as nothing told.
    ///   - unknownUsual: What a kind is taken to need before anybody said anything, in seconds.
    public func law(usual: Double?, unknownUsual: Double) -> DurationLaw {
        let told = usual.flatMap { $0 > 0 && $0 < DurationLaw.longest ? $0 : nil }
        guard count > 0 else { return Self.unseen(p80: told ?? unknownUsual) }
        let mean = sum / count
        // A prior that nobody gave has no say about the middle.
        let priorMu = told.map { log($0) - Self.z80 * Self.priorSpread } ?? mean
        let total = Self.priorCount + count
        let offset = mean - priorMu
        let scatter = max(0, squares - sum * mean) + Self.priorCount * count / total * offset * offset
        let variance =
            (Self.priorSpreadCount * Self.priorSpread * Self.priorSpread + scatter) / (Self.priorSpreadCount + count)
        // The middle itself is only known so well.
        let sigma = max((variance * (1 + 1 / total)).squareRoot(), 0.02)
        let mu = (Self.priorCount * priorMu + sum) / total
        return DurationLaw([
            DurationLaw.Part(weight: 1 - Self.doubt, mu: mu, sigma: sigma),
            DurationLaw.Part(weight: Self.doubt, mu: mu, sigma: max(Self.doubtSpread, 2 * sigma)),
        ])
    }

    private static func unseen(p80: Double) -> DurationLaw {
        let share = (1 - doubt) / Double(spreads.count)
        let parts = spreads.map { DurationLaw.Part(weight: share, mu: log(p80) - z80 * $0, sigma: $0) }
        return DurationLaw(parts + [DurationLaw.Part(weight: doubt, mu: log(p80), sigma: doubtSpread)])
    }
}

extension DurationLaw {
    /// Mean and mean square of the logarithm of a duration that lies between `start` and `end`.
    func logarithm(from start: Double, to end: Double) -> (mean: Double, square: Double) {
        let steps = 16
        let width = (end - start) / Double(steps)
        var (mass, mean, square) = (0.0, 0.0, 0.0)
        for step in 0..<steps {
            let left = start + Double(step) * width
            // Never all zero: beyond the law's reach every part of the interval is as likely as another.
            let share = max(survival(left) - survival(left + width), 1e-12 * survival(start)) + .leastNormalMagnitude
            let value = log(left + width / 2)
            mass += share
            mean += share * value
            square += share * value * value
        }
        return (mean / mass, square / mass)
    }
}
