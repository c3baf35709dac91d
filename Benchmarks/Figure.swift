import ArgumentParser
import Foundation

/// How long a piece of work takes: the best of several rounds, so that other load counts as little as possible.
func seconds(rounds: Int = 5, _ work: () async throws -> Void) async rethrows -> Double {
    var best = Double.infinity
    for _ in 0..<rounds {
        let start = ContinuousClock.now
        try await work()
        let time = ContinuousClock.now - start
        best = min(best, Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18)
    }
    return best
}

/// Prints a figure and its peer, and ends the command when the figure takes more than `limit` times as long.
func compare(
    _ name: String, _ seconds: Double, with peer: String, _ peerSeconds: Double, count: Double, unit: String,
    limit: Double
) throws {
    func rate(_ seconds: Double) -> String { (count / seconds).formatted(.number.precision(.significantDigits(3))) }
    let ratio = seconds / peerSeconds
    let shown = ratio.formatted(.number.precision(.fractionLength(2)))
    print(
        "\(name): \(rate(seconds)) \(unit)/s; \(peer): \(rate(peerSeconds)) \(unit)/s; takes \(shown) times as long (limit \(limit))"
    )
    if ratio > limit { throw ExitCode.failure }
}
