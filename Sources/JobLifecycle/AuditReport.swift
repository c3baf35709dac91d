public import Foundation
public import VideoModels

/// What an audit has come to, or has come to so far. Its size does not depend on that of the ledger.
public struct AuditReport: Hashable, Sendable, Encodable {
    public var jobs = 0
    /// Of the ledger.
    public var rows = 0
    public var attempts = 0
    /// How often each rule was broken.
    public var broken: [String: Int] = [:]
    /// The row that is off with the lowest number in the ledger; what has no number comes behind.
    public var first: AuditFinding? { findings.first }
    /// The first ones, in that order, at most `mostFindings`.
    public private(set) var findings: [AuditFinding] = []

    public static let mostFindings = 20

    public init() {}

    public var isSound: Bool { broken.isEmpty }
    public var count: Int { broken.values.reduce(0, +) }

    /// Audits one more job.
    public mutating func add(_ job: AuditedJob, forgottenBefore: Date = .distantPast) {
        jobs += job.facts == nil ? 0 : 1
        rows += job.entries.count
        attempts += job.attempts.count
        add(job.findings(forgottenBefore: forgottenBefore))
    }

    public mutating func add(_ more: [AuditFinding]) {
        guard !more.isEmpty else { return }
        for finding in more { broken[finding.rule.rawValue, default: 0] += 1 }
        let sorted = (findings + more).enumerated().sorted { left, right in
            (left.element.number ?? .max, left.offset) < (right.element.number ?? .max, right.offset)
        }
        findings = sorted.prefix(Self.mostFindings).map(\.element)
    }

    enum CodingKeys: String, CodingKey { case sound, jobs, rows, attempts, count, broken, first, findings }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(isSound, forKey: .sound)
        try container.encode(jobs, forKey: .jobs)
        try container.encode(rows, forKey: .rows)
        try container.encode(attempts, forKey: .attempts)
        try container.encode(count, forKey: .count)
        try container.encode(broken, forKey: .broken)
        try container.encodeIfPresent(first, forKey: .first)
        try container.encode(findings, forKey: .findings)
    }
}

/// What a user's reservations add up to, day by day and month by month, to be compared with the counters that budgets read.
public struct SpendingTally: Hashable, Sendable {
    /// A period by its first day, counted from 1970.
    public struct Period: Hashable, Sendable {
        public var length: BudgetPeriod
        public var firstDay: Int

        public init(_ length: BudgetPeriod, firstDay: Int) {
            self.length = length
            self.firstDay = firstDay
        }
    }

    public private(set) var sums: [Period: Money] = [:]
    private var months: [Int: Int] = [:]

    public init() {}

    public mutating func add(_ spending: [(reservedAt: Date, amount: Money)]) {
        for (moment, amount) in spending {
            let day = Int((moment.timeIntervalSince1970 / 86_400).rounded(.down))
            let periods = [Period(.day, firstDay: day), Period(.month, firstDay: firstDayOfMonth(day, moment))]
            for period in periods { sums[period] = (sums[period] ?? .zero) + amount }
        }
    }

    /// Each counter that is not the sum, the earliest first. One that is missing counts as nothing.
    public func findings(for user: UserID, counters: [Period: Money]) -> [AuditFinding] {
        let periods = Set(sums.keys).union(counters.keys).sorted {
            ($0.firstDay, $0.length.rawValue) < ($1.firstDay, $1.length.rawValue)
        }
        return periods.compactMap { period in
            let (expected, found) = (sums[period] ?? .zero, counters[period] ?? .zero)
            guard expected != found else { return nil }
            let day = Date(timeIntervalSince1970: Double(period.firstDay) * 86_400)
            let name = "of the \(period.length.rawValue) that begins \(Wire.text(of: day).prefix(10))"
            return AuditFinding(
                user: user, rule: .counterDiffers, expected: "\(expected) \(name)", found: "\(found)")
        }
    }

    private mutating func firstDayOfMonth(_ day: Int, _ moment: Date) -> Int {
        if let known = months[day] { return known }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let start = calendar.dateInterval(of: .month, for: moment)?.start ?? moment
        let first = Int((start.timeIntervalSince1970 / 86_400).rounded())
        months[day] = first
        return first
    }
}
