import Foundation
import JobStore

/// Figures that only grow, cut down to what came in the last minute. A value, told the time.
struct RecentWindow: Sendable {
    static let span = Duration.seconds(60)

    private var marks: [(at: ContinuousClock.Instant, figures: RecentFigures)] = []

    /// Takes in how the figures stand, and returns what was added in the last minute, or since the first look.
    mutating func take(_ figures: RecentFigures, at now: ContinuousClock.Instant) -> RecentFigures {
        // The youngest mark that is a minute old stays: the minute begins there.
        if let start = marks.lastIndex(where: { now - $0.at >= Self.span }) { marks.removeFirst(start) }
        marks.append((now, figures))
        guard let first = marks.first else { return RecentFigures() }
        var recent = RecentFigures()
        recent.seconds = (now - first.at).seconds
        recent.entered = figures.entered.merging(first.figures.entered) { $0 - $1 }.filter { $0.value > 0 }
        recent.detected = figures.detected - first.figures.detected
        recent.detectionLagSeconds = figures.detectionLagSeconds - first.figures.detectionLagSeconds
        return recent
    }
}
