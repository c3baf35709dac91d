import Testing
import VideoModels

@testable import SyncService

@Suite struct RequestBudgetTests {
    private let start = ContinuousClock.now

    @Test func `a minute's worth may come at once, and then one by one`() {
        var budget = RequestBudget<DeviceID>(perMinute: 6)
        for left in (0..<6).reversed() {
            let verdict = budget.take(.sample(1), at: start)
            #expect(verdict.isGranted && verdict.remaining == left)
            #expect(verdict.wait == (left == 0 ? .seconds(10) : .zero))
        }
        let refusal = budget.take(.sample(1), at: start)
        #expect(refusal == .init(isGranted: false, remaining: 0, wait: .seconds(10)))
        let early = budget.take(.sample(1), at: start + .seconds(9))
        #expect(early == .init(isGranted: false, remaining: 0, wait: .seconds(1)))
        let due = budget.take(.sample(1), at: start + .seconds(10))
        #expect(due.isGranted && due.remaining == 0)
        let rested = budget.take(.sample(1), at: start + .seconds(100))
        #expect(rested.isGranted && rested.remaining == 5)
    }

    @Test func `devices do not count for one another`() {
        var budget = RequestBudget<DeviceID>(perMinute: 1)
        let first = budget.take(.sample(1), at: start)
        let second = budget.take(.sample(2), at: start)
        let again = budget.take(.sample(1), at: start)
        #expect(first.isGranted && second.isGranted && !again.isGranted)
    }

    @Test func `however many devices there are, the table has a bound`() {
        var budget = RequestBudget<DeviceID>(perMinute: 2, capacity: 10)
        for number in 1...1000 {
            let verdict = budget.take(.sample(UInt64(number)), at: start)
            #expect(verdict.isGranted)
            #expect(budget.count <= 10)
        }
    }
}
