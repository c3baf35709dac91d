import Foundation

/// How long videos take: log-normal, as jobs that wait in a queue and then compute do.
public struct RenderLaw: Hashable, Sendable {
    /// Half of the videos of five seconds are done after that many seconds.
    public var medians: [ModelKind: Double]
    /// Standard deviation of the logarithm of the time; 0 makes every job take the median.
    public var sigma: Double

    public init(medians: [ModelKind: Double] = RenderLaw.usualMedians, sigma: Double = 0.45) {
        self.medians = medians
        self.sigma = sigma
    }

    /// One to three minutes, so that with the spread most videos take between one and five.
    public static let usualMedians: [ModelKind: Double] = [
        .text: 75, .image: 90, .reference: 130, .video: 150, .motion: 150, .upscale: 180,
    ]

    func median(_ kind: ModelKind, videoSeconds: Double) -> Double {
        (medians[kind] ?? 90) * (0.8 + 0.04 * min(videoSeconds, 60))
    }

    /// What the service tells as `average_execution_time`: four of five jobs are done by then.
    func p80(_ kind: ModelKind, videoSeconds: Double) -> Double {
        median(kind, videoSeconds: videoSeconds) * exp(0.841_621_2 * sigma)
    }

    func draw(_ kind: ModelKind, videoSeconds: Double, _ dice: inout Dice) -> Double {
        median(kind, videoSeconds: videoSeconds) * exp(sigma * dice.normal())
    }
}
