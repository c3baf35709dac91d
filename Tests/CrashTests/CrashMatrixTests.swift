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
        let missed = Set(Failpoint.allCases.map { "\($0)" }).subtracting(rows.map(\.point)).subtracting([
            "\(Failpoint.lateAnswerFound)"
        ])
        #expect(missed.isEmpty, "no scenario comes to these: \(missed.sorted())")
        try CrashReport(rows).keep()
    }

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
