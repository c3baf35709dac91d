import Foundation
import JobLifecycle
import TestSupport
import Testing

@Suite struct PollLaneTests {
    private let law = DurationLaw(mu: log(100), sigma: 0.2)
    private let rate = 2.0

    private func lane(_ looks: [Double], cleanUps: Int = 0) -> PollLane {
        var lane = PollLane(planner: PollPlanner())
        for (number, look) in zip(UInt64(0)..., looks) {
            lane.join(.init(number), law: law, submittedAt: .sample, lastLook: look)
        }
        for number in 0..<UInt64(cleanUps) { lane.joinCleanUp(.init(100 + number)) }
        return lane
    }

    private func now(_ elapsed: Double) -> Date { .sample.addingTimeInterval(elapsed) }

    @Test func `the longest overdue goes first, and each once`() {
        var lane = lane([100, 80, 90])
        let order = (0..<4).map { _ in lane.next(at: now(110), rate: rate) }
        #expect(order == [.init(1), .init(2), .init(0), nil])
        #expect(lane.isEmpty)
    }

    @Test func `nobody is called who was looked at a moment ago, and no request is wanted for it`() {
        var lane = lane([109.5])
        #expect(!lane.wantsTurn(at: now(110), rate: rate))
        let early = lane.next(at: now(110), rate: rate)
        #expect(early == nil)
        #expect(lane.wantsTurn(at: now(112), rate: rate))
        let later = lane.next(at: now(112), rate: rate)
        #expect(later == .init(0))
    }

    @Test func `clean-ups take the turns that no rendering wants, in their order`() {
        var lane = lane([109.5], cleanUps: 2)
        let order = (0..<3).map { _ in lane.next(at: now(110), rate: rate) }
        #expect(order == [.init(100), .init(101), nil])
    }

    @Test func `clean-ups get one turn in eight however much there is to look at`() {
        var lane = lane(Array(repeating: 50, count: 40), cleanUps: 40)
        let order = (0..<40).compactMap { _ in lane.next(at: now(110), rate: rate) }
        let cleanUps = Set((UInt64(100)..<140).map { PollLane.Ticket($0) })
        #expect(order.count == 40)
        #expect(order.filter(cleanUps.contains).count == 5)
    }

    @Test func `who leaves is not called`() {
        var lane = lane([80, 90], cleanUps: 1)
        lane.leave(.init(0))
        lane.leave(.init(100))
        let called = lane.next(at: now(110), rate: rate)
        #expect(called == .init(1))
        #expect(lane.isEmpty)
    }
}
