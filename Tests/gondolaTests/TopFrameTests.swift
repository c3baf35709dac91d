import Foundation
import TestSupport
import Testing
import VideoModels

@testable import JobStore
@testable import SyncService
@testable import gondola

struct TopFrameTests {
    private static func report(processes: Int = 2) -> TopReport {
        var overview = EngineOverview(
            jobs: ["rendering": 118, "waiting_turn": 12], dueSeconds: 42, attentionSeconds: nil,
            spentToday: Money("12.3")!, spentThisMonth: Money("99")!, at: .sample)
        overview.jobs["attention"] = 2
        var configuration = Configuration()
        configuration.spendingCapPerDay = Money("100")
        let budget = LimitReport.Budget(
            account: "main", endpoint: "queue", configured: 40, limit: 40, windowSeconds: 60, used: 30,
            freeSeconds: nil, toldLimit: nil, toldSeconds: nil, heldSeconds: nil, breaker: .resting, restSeconds: 3,
            failures: 0, failureLimit: 15)
        var recent = RecentFigures()
        (recent.seconds, recent.entered) = (60, ["ready": 36])
        (recent.detected, recent.detectionLagSeconds) = (4, 32)
        let all = (0..<processes).map { process($0, recent) }
        return TopReport(
            overview, configuration, limits: LimitReport(budgets: [budget], models: []), processes: all, slowest: [])
    }

    /// The second one stands still.
    private static func process(_ number: Int, _ recent: RecentFigures) -> ProcessRecord {
        let isStuck = number == 1
        let stuck: [String] = isStuck ? ["claims"] : []
        let standing: ProcessRecord.Standing = isStuck ? .stuck : .working
        return ProcessRecord(
            id: ProcessID.sample(UInt64(number + 1)), name: "host-\(number):77", host: "host", pid: 77,
            version: "1.2.3", roles: [.api, .worker], startedAt: Date.sample.addingTimeInterval(-7300),
            seenAt: Date.sample, silentSeconds: 1, beatSeconds: 5, opsListen: "", feedClients: 21, jobsInHand: 60,
            leases: 59, stuckLoops: stuck, drainAskedAt: nil, isDraining: false, recent: recent, standing: standing)
    }

    @Test func `everything that one watches for is in the picture`() {
        let text = TopFrame(report: Self.report()).lines(rows: nil, columns: nil).joined(separator: "\n")
        for words in [
            "1 of 2 processes working", "42 feed clients", "rendering 118", "waiting turn 12", "attention 2",
            "ready 72", "found after 8.0 s at most", "due for 42 s and not taken", "$12.30 of $100.00 today", "30/40",
            "resting", "host-0:77", "stuck: claims", "no job is under way", "api+worker",
        ] { #expect(text.contains(words), "\(words) is not in:\n\(text)") }
    }

    @Test(arguments: [(24, 80), (10, 50), (5, 20), (3, 3), (1, 1), (200, 400)])
    func `the picture is never larger than the terminal`(rows: Int, columns: Int) {
        let lines = TopFrame(report: Self.report(processes: 40), trouble: "the database\u{1B}[2J is away")
            .lines(rows: rows, columns: columns)
        #expect(lines.count <= rows && !lines.isEmpty)
        for line in lines { #expect(TextWidth.columns(of: line) <= columns, "\(line)") }
        #expect(!lines.joined().contains("\u{1B}"))
    }

    @Test func `headings stand out where there are colours, and trouble is red`() {
        let frame = TopFrame(report: Self.report(), trouble: "away", colours: true)
        let lines = frame.lines(rows: 24, columns: 80)
        #expect(lines[0].hasPrefix("\u{1B}[1mgondola top") && lines[1] == "\u{1B}[31m! away\u{1B}[0m")
    }

    @Test func `an explanation has what holds, and until when`() {
        var explanation = Explanation(
            ExplainFacts(record: Self.record, at: .sample, limits: LimitReport(budgets: [], models: [])))
        explanation.findings = [
            .init(.rateBudget, "all used\u{1B}", release: "a turn", until: Date.sample.addingTimeInterval(12)),
            .init(.turn, "not yet", release: "another ends"),
        ]
        #expect(
            Explain.lines(explanation) == [
                "job \(explanation.job) is accepted", "1. all used  [rate_budget]",
                "   until: 2026-11-21 09:30:12Z (in 12 s): a turn", "2. not yet [turn]", "   until: another ends",
            ])
    }

    private static var record: JobRecord {
        JobRecord(
            new: NewJob(JobSubmission(request: .sample), id: .sample(), user: .sample(), account: "main"), json: Data(),
            sequence: 1, isSeated: true, at: .sample)
    }
}
