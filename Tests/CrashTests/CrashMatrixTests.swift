import Failpoints
import Foundation
import Testing

/// Promises 1, 2 and 3 of a process that may die anywhere. README.md in this folder says how and shows the table.
@Suite(.timeLimit(.minutes(10))) struct CrashMatrixTests {
    @Test func `whatever step a worker dies at, nothing is paid twice, lost or left over`() async throws {
        let traces = try await CrashMatrix.trace()
        for (scenario, outcome) in zip(CrashScenario.all, traces) {
            #expect(outcome.violations.isEmpty, "\(scenario.name) without a crash: \(outcome.violations)")
        }
        let plan = CrashMatrix.plan(traces.map(\.trace))
        let start = ContinuousClock.now
        let rows = try await CrashMatrix.run(plan)
        print("crash matrix: \(rows.count) runs in \(ContinuousClock.now - start)")
        for row in rows {
            #expect(row.outcome.violations.isEmpty, "\(row.title): \(row.outcome.violations)")
            #expect(row.outcome.isReached || row.mayPass, "\(row.title) was not reached")
        }
        // Whether a late answer is found depends on which of two workers is faster; `AnswerRecoveryTests` always finds one.
        let missed = Set(Failpoint.ofJobs.map { "\($0)" }).subtracting(rows.map(\.point)).subtracting([
            "\(Failpoint.lateAnswerFound)"
        ])
        #expect(missed.isEmpty, "no scenario comes to these: \(missed.sorted())")
        let unrun = CrashMatrix.statements.subtracting(rows.map(\.point)).subtracting(Self.elsewhere)
        #expect(unrun.isEmpty, "no scenario runs these: \(unrun.sorted())")
        try CrashReport(rows).keep()
    }

    private static let elsewhere: Set<String> = [
        // What the operator or a phone asks.
        "sql.find_job", "sql.get_job", "sql.job_attempts", "sql.list_jobs", "sql.list_rate_budgets", "sql.set_budget",
        "sql.set_active_limit", "sql.note_wait",
        // After a counter of a user's jobs was found wrong, which nothing here makes it.
        "sql.lock_user", "sql.recount_active_jobs",
        // After a commit whose answer was lost with its connection, as in the outages and in chaos.
        "sql.reread_step",
        // After a dozen failures in a few seconds, in one transaction with `open_breaker`.
        "sql.forget_failures",
    ]

    @Test
    func `a request that was sent and not answered is unknown where money is at stake, and asked again elsewhere`()
        async throws
    {
        for scenario in CrashScenario.held {
            let outcome = try await CrashRun(scenario: scenario)()
            #expect(outcome.isReached)
            #expect(outcome.violations.isEmpty, "\(scenario.name): \(outcome.violations)")
            #expect(outcome.charges == 1 || scenario.name == "queue held")
        }
    }

    @Test func `a failpoint that does not exist is refused at the start`() async throws {
        for order in ["nowhere", "claimMade:0", "claimMade=shout", "claimMade:x"] {
            #expect(try await CrashMatrix.exitStatus(armedWith: order) == 2, "\(order)")
        }
    }
}
