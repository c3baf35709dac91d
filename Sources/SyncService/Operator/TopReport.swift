public import Foundation
public import JobStore
public import VideoModels

/// How a deployment stands at one moment, for `gondola top`.
public struct TopReport: Encodable, Sendable {
    /// By the database's clock.
    public var at: Date
    /// Jobs on their way, by state.
    public var jobs: [String: Int]
    /// For how long the oldest job is due that no worker has taken.
    public var dueSeconds: TimeInterval?
    /// For how long a job waits for a person.
    public var attentionSeconds: TimeInterval?
    /// What all processes have done in the last minute.
    public var recent: RecentFigures
    public var spentToday: Money
    public var spentThisMonth: Money
    public var capPerDay: Money?
    public var capPerMonth: Money?
    public var limits: LimitReport
    public var processes: [ProcessRecord]
    /// Jobs under way, the oldest first.
    public var slowest: [OperatorJob]

    enum CodingKeys: String, CodingKey {
        case at, jobs, recent, limits, processes, slowest
        case dueSeconds = "due_seconds"
        case attentionSeconds = "attention_seconds"
        case spentToday = "spent_today"
        case spentThisMonth = "spent_this_month"
        case capPerDay = "cap_per_day"
        case capPerMonth = "cap_per_month"
    }

    /// Feeds that wait at all servers.
    public var feedClients: Int { processes.filter { $0.standing != .silent }.reduce(0) { $0 + $1.feedClients } }

    init(
        _ overview: EngineOverview, _ configuration: Configuration, limits: LimitReport, processes: [ProcessRecord],
        slowest: [OperatorJob]
    ) {
        (at, jobs) = (overview.at, overview.jobs)
        (dueSeconds, attentionSeconds) = (overview.dueSeconds, overview.attentionSeconds)
        (spentToday, spentThisMonth) = (overview.spentToday, overview.spentThisMonth)
        (capPerDay, capPerMonth) = (configuration.spendingCapPerDay, configuration.spendingCapPerMonth)
        (self.limits, self.processes, self.slowest) = (limits, processes, slowest)
        recent = processes.filter { $0.standing != .silent }.map(\.recent).reduce(into: RecentFigures()) { $0.add($1) }
    }
}

extension RecentFigures {
    fileprivate mutating func add(_ other: Self) {
        seconds = max(seconds, other.seconds)
        entered.merge(other.entered, uniquingKeysWith: +)
        detected += other.detected
        detectionLagSeconds += other.detectionLagSeconds
    }

    /// How long a finished rendering lay there on average, at the most; nil where none was found.
    public var meanDetectionLag: TimeInterval? { detected > 0 ? detectionLagSeconds / Double(detected) : nil }
}

extension Configuration {
    /// Asks the database alone.
    public func topReport(from store: PostgresStore, jobs: Int = 20) async throws -> TopReport {
        let overview = try await store.overview(within: 10)
        let slowest = try await store.slowestJobs(limit: jobs)
        return TopReport(
            overview, self, limits: try await limitReport(from: store), processes: try await store.processes(),
            slowest: try slowest.map { try OperatorJob($0.record, userName: $0.userName) })
    }
}
