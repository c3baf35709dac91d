import Failpoints
import Foundation
import StackSupport

@testable import JobStore

/// Which runs there are, from what a run without a crash came to. So a new step, or a new statement, is in it by itself.
enum CrashMatrix {
    struct Row: Sendable {
        var scenario: CrashScenario
        var point: String
        var nth: Int
        /// Whether a run may end before it comes to the step so often: how many polls there are is a matter of time, and what
        /// a timer asks beside the jobs, such as which devices were seen, may come later than the jobs end.
        var mayPass: Bool { nth > 1 || (point.hasPrefix("sql.") && !CrashMatrix.statements.contains(point)) }
        var outcome = CrashRun.Outcome()

        var wantsAnother: Bool { !outcome.isReached && outcome.violations.isEmpty && !mayPass }
        var title: String { "\(point):\(nth) (\(scenario.name))" }
    }

    /// Steps that mean something else each time, and how often at most: those of a job's way, one after the other.
    private static let repeated = [
        "transactionWritten": 14, "transactionCommitted": 14, "stepDecided": 7, "stepWritten": 7,
        "sql.write_steps": 7, "sql.write_plain_steps": 7, "notificationSent": 2,
    ]
    /// Steps that come after a while, on the way that takes long enough to be sure of them.
    private static let late: Set = ["renewalWanted", "renewalMade", "sql.renew_leases"]
    /// Ways that write other steps than the first.
    private static let swept: Set = ["private link", "stolen", "corrected", "lost answer"]
    /// What may run while a job is on its way.
    static let statements = Set(
        [
            JobStatements.all, StepStatements.all, SubmitStatements.all, AdmissionStatements.all, BudgetStatements.all,
            ModelPauseStatements.all, UpstreamStatements.all,
        ].joined().map { "sql.\($0.name)" })
    /// How often a run is made that has to come to its step: which of two things comes first may differ from the trace.
    private static let attempts = 3
    /// Runs at a time: most of a run is waiting for a lease to end.
    private static let width = 5

    static func trace() async throws -> [CrashRun.Outcome] {
        try await sideBySide(CrashScenario.all) { try await CrashRun(scenario: $0)() }
    }

    /// Each step once, in the first scenario that comes to it. Those that repeat, every time in the first; where the job takes
    /// another way, every durable step of it.
    static func plan(_ traces: [[String: Int]]) -> [Row] {
        var seen: Set<String> = []
        var rows: [Row] = []
        for (number, (scenario, trace)) in zip(CrashScenario.all, traces).enumerated() {
            for (point, count) in trace.sorted(by: { $0.key < $1.key })
            where !late.contains(point) || scenario.name == "slow rendering" {
                let isNew = seen.insert(point).inserted
                let isSweep = number == 0 || (point == "stepWritten" && swept.contains(scenario.name))
                let times = isSweep ? min(count, repeated[point] ?? 1) : 1
                for nth in 1...max(1, times) where isNew || (repeated[point] != nil && isSweep) {
                    rows.append(Row(scenario: scenario, point: point, nth: nth))
                }
            }
        }
        return rows
    }

    static func run(_ rows: [Row]) async throws -> [Row] {
        try await sideBySide(rows) { row in
            var done = row
            var attempt = 0
            repeat {
                done.outcome = try await CrashRun(scenario: row.scenario, order: "\(row.point):\(row.nth)")()
                attempt += 1
            } while done.wantsAnother && attempt < attempts
            return done
        }
    }

    /// The results in the order of `items`.
    private static func sideBySide<Item: Sendable, Result: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Item) async throws -> Result
    ) async throws -> [Result] {
        var results: [Int: Result] = [:]
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var waiting = items.enumerated().makeIterator()
            for _ in 0..<width {
                if let (number, item) = waiting.next() { group.addTask { (number, try await body(item)) } }
            }
            while let (number, result) = try await group.next() {
                results[number] = result
                if let (next, item) = waiting.next() { group.addTask { (next, try await body(item)) } }
            }
        }
        return items.indices.compactMap { results[$0] }
    }

    /// How a worker ends that is armed so; it has no database to go to.
    static func exitStatus(armedWith order: String) async throws -> Int32 {
        let all = Processes()
        let environment = [
            "GONDOLA_FAILPOINT": order, "DATABASE_URL": "host=/nowhere", "VENICE_API_KEY": "k",
            "GONDOLA_STATE_DIR": FileManager.default.temporaryDirectory.appending(path: "gondola-\(UUID())").path,
        ]
        return try await GondolaProcess.launch("crash-worker", environment, in: all).waitUntilGone()
    }
}
