import Foundation
import JobLifecycle
import VideoModels

/// The least mean lag that any schedule of looks can reach with so many looks a job on average, by dynamic programming.
///
/// This is the optimum checking schedule of Barlow, Hunter and Proschan under an average budget instead of a hard one, so no
/// scheduler that has to share looks among jobs can do better. Time runs in half seconds.
struct CheckingBound {
    private static let step = 0.5

    private struct Law {
        /// The probability to be under way still at each step, and its integral in seconds.
        var alive: [Double]
        var integral: [Double]

        init(_ law: DurationLaw) {
            let count = min(8000, Int(law.quantile(0.99999) / step) + 2)
            alive = (0...count).map { law.survival(Double($0) * step) }
            integral = [0]
            for index in 1...count {
                integral.append(integral[index - 1] + step * (alive[index - 1] + alive[index]) / 2)
            }
        }

        /// The mean lag and the mean number of looks when a look costs as much as so many seconds of lag.
        func cost(ofLook price: Double) -> (lag: Double, looks: Double) {
            let last = alive.count - 1
            var (total, lag, looks) = (
                Array(repeating: 0.0, count: last + 1), Array(repeating: 0.0, count: last + 1),
                Array(repeating: 0.0, count: last + 1)
            )
            for from in stride(from: last - 1, through: 0, by: -1) {
                var best = (total: Double.infinity, to: last, lag: 0.0)
                for to in (from + 1)...last {
                    let gathered = alive[from] * Double(to - from) * step - (integral[to] - integral[from])
                    // Lag only grows with the wait, so no later look can be better.
                    if gathered + price * alive[from] > best.total { break }
                    let candidate = price * alive[from] + gathered + total[to]
                    if candidate < best.total { best = (candidate, to, gathered) }
                }
                total[from] = best.total
                lag[from] = best.lag + lag[best.to]
                looks[from] = alive[from] + looks[best.to]
            }
            return (lag[0], looks[0])
        }
    }

    /// Seconds. Each law is as frequent as the others.
    static func lag(_ laws: [DurationLaw], looksPerJob: Double) -> Double {
        let laws = laws.map(Law.init)
        func mean(_ price: Double) -> (lag: Double, looks: Double) {
            let costs = laws.map { $0.cost(ofLook: price) }
            let count = Double(costs.count)
            return (costs.reduce(0) { $0 + $1.lag } / count, costs.reduce(0) { $0 + $1.looks } / count)
        }
        var (low, high) = (0.01, 1000.0)
        for _ in 0..<30 {
            let middle = (low * high).squareRoot()
            if mean(middle).looks > looksPerJob { low = middle } else { high = middle }
        }
        return mean(high).lag
    }
}
