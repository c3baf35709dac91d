import Foundation
import JobLifecycle
import JobStore
import Logging
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import SyncService

@Suite struct PollDeskTests {
    /// A tiny window, so that the desk's beat is a few milliseconds.
    private static let limit = RateLimit(endpoint: "retrieve", requests: 120, window: 0.3)

    /// What the budget was asked for, and what it answers.
    private final class Budget: Sendable {
        let granted = Mutex(0)
        let left: Mutex<Int>
        let isBroken = Atomic(false)

        init(_ left: Int) { self.left = Mutex(left) }

        func take(_ wanted: Int) throws -> PostgresStore.Grant {
            if isBroken.load(ordering: .acquiring) { throw CancellationError() }
            let count = left.withLock { left in
                let count = min(wanted, left)
                left -= count
                return count
            }
            granted.withLock { $0 += count }
            return count > 0 ? .granted(count, isProbe: false) : .wait(0.01)
        }
    }

    private func desk(_ budget: Budget) -> PollDesk {
        PollDesk(limit: Self.limit, planner: PollPlanner(), log: Logger(label: "test")) { _, wanted in
            try budget.take(wanted)
        }
    }

    private static func overdue(_ number: UInt64) -> PollDesk.Errand {
        .look(
            law: DurationLaw(mu: 0, sigma: 0.2), submittedAt: Date(timeIntervalSinceNow: -1000 - Double(number)),
            lastLook: 10)
    }

    @Test(.timeLimit(.minutes(10))) func `everybody gets a turn, one granted request each`() async {
        let budget = Budget(.max)
        let desk = desk(budget)
        let running = Task { await desk.run() }
        let turns = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<UInt64(50) {
                let errand = number % 5 == 0 ? PollDesk.Errand.cleanUp : Self.overdue(number)
                group.addTask { await desk.turn(account: "a\(number % 2)", errand) }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        desk.close()
        await running.value
        #expect(turns == 50)
        #expect(budget.granted.withLock { $0 } >= 50)
        #expect(desk.waiting == 0)
    }

    @Test(.timeLimit(.minutes(10))) func `nobody goes without a grant, and closing sends everybody home`() async {
        let budget = Budget(3)
        let desk = desk(budget)
        let running = Task { await desk.run() }
        let turns = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<UInt64(10) {
                group.addTask { await desk.turn(account: "a", Self.overdue(number)) }
            }
            var turns: [Bool] = []
            for await turn in group {
                turns.append(turn)
                if turns.count == 3 { desk.close() }
            }
            return turns
        }
        await running.value
        #expect(turns == [true, true, true] + Array(repeating: false, count: 7))
        #expect(await desk.turn(account: "a", .cleanUp) == false)
    }

    /// A job whose lease was lost and won again waits under both leases for a moment.
    @Test(.timeLimit(.minutes(10))) func `two waits of one job both end`() async {
        let desk = desk(Budget(0))
        let waits = (0..<2).map { _ in Task { await desk.turn(account: "a", Self.overdue(1)) } }
        while desk.waiting < 2 { await Task.yield() }
        waits[0].cancel()
        #expect(await waits[0].value == false)
        #expect(desk.waiting == 1)
        desk.close()
        #expect(await waits[1].value == false)
    }

    @Test(.timeLimit(.minutes(10))) func `closing does not wait for the next beat`() async {
        // At one request in an hour the beat is as long.
        let desk = PollDesk(
            limit: RateLimit(endpoint: "retrieve", requests: 1, window: 3600), planner: PollPlanner(),
            log: Logger(label: "test")
        ) { _, _ in .wait(3600) }
        let running = Task { await desk.run() }
        let waiting = Task { await desk.turn(account: "a", Self.overdue(1)) }
        while desk.waiting < 1 { await Task.yield() }
        desk.close()
        #expect(await waiting.value == false)
        await running.value
    }

    @Test(.timeLimit(.minutes(10))) func `a cancelled job leaves the desk at once`() async {
        let desk = desk(Budget(0))
        let waiting = Task { await desk.turn(account: "a", Self.overdue(1)) }
        waiting.cancel()
        #expect(await waiting.value == false)
        #expect(desk.waiting == 0)
    }

    @Test(.timeLimit(.minutes(10))) func `a budget that cannot be asked is asked again`() async {
        let budget = Budget(.max)
        budget.isBroken.store(true, ordering: .releasing)
        let desk = desk(budget)
        let running = Task { await desk.run() }
        async let turn = desk.turn(account: "a", Self.overdue(1))
        budget.isBroken.store(false, ordering: .releasing)
        #expect(await turn)
        desk.close()
        await running.value
    }
}
