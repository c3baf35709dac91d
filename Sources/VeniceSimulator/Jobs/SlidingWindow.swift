import Foundation

/// Counts calls in the last so many seconds, exactly: never more than `limit` in any stretch of `seconds`.
struct RateWindow: Sendable {
    enum Verdict: Equatable, Sendable {
        case admitted(remaining: Int)
        /// The oldest call leaves the window at `until`.
        case refused(until: Date)
    }

    let limit: Int
    let seconds: Double
    private var calls: [Date] = []

    init(limit: Int, seconds: Double) {
        self.limit = limit
        self.seconds = seconds
    }

    /// A refused call is not counted.
    mutating func admit(at now: Date) -> Verdict {
        calls.removeAll { now.timeIntervalSince($0) >= seconds }
        guard calls.count < limit else {
            return .refused(until: (calls.first ?? now).addingTimeInterval(seconds))
        }
        calls.append(now)
        return .admitted(remaining: limit - calls.count)
    }

    /// When the whole window will be free again.
    func reset(at now: Date) -> Date { (calls.last ?? now).addingTimeInterval(seconds) }

    func remaining(at now: Date) -> Int { limit - calls.count { now.timeIntervalSince($0) < seconds } }

    func isIdle(at now: Date) -> Bool { calls.allSatisfy { now.timeIntervalSince($0) >= seconds } }
}

/// The error budget: more than `limit` failures within `seconds` block everything for as long again.
struct AbuseWindow: Sendable {
    let limit: Int
    let seconds: Double
    private var failures: [Date] = []
    private var blockedUntil: Date?

    init(limit: Int, seconds: Double) {
        self.limit = limit
        self.seconds = seconds
    }

    mutating func recordFailure(at now: Date) {
        failures.removeAll { now.timeIntervalSince($0) >= seconds }
        failures.append(now)
        if failures.count > limit {
            blockedUntil = now.addingTimeInterval(seconds)
            failures = []
        }
    }

    /// Blocks as if the budget had been used up.
    mutating func block(until end: Date) { blockedUntil = end }

    /// The end of the block that holds now, if one does.
    func block(at now: Date) -> Date? {
        guard let blockedUntil, now < blockedUntil else { return nil }
        return blockedUntil
    }

    func remaining(at now: Date) -> Int {
        max(0, limit - failures.count { now.timeIntervalSince($0) < seconds })
    }

    func isIdle(at now: Date) -> Bool {
        block(at: now) == nil && failures.allSatisfy { now.timeIntervalSince($0) >= seconds }
    }
}

/// The most events that ever fell into one stretch of a window.
struct PeakWindow: Sendable {
    let seconds: Double
    private(set) var peak = 0
    private(set) var total = 0
    private var times: [Date] = []

    init(seconds: Double) { self.seconds = seconds }

    mutating func record(at now: Date) {
        times.removeAll { now.timeIntervalSince($0) >= seconds }
        times.append(now)
        total += 1
        peak = max(peak, times.count)
    }
}
