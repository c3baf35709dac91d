import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

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

    /// Laws that say "not before next week" or "done long ago", whatever the truth is.
    @Test(arguments: 0..<UInt64(6)) func `no job starves under a law that is wrong, whatever the others' laws say`(
        seed: UInt64
    ) {
        var dice = SeededGenerator(seed)
        let laws = [1e6, 1, 100].map { DurationLaw(mu: log($0), sigma: seed < 3 ? 0.02 : 0.5) }
        let count = 66
        var lane = PollLane(planner: PollPlanner())
        var lastLook = (0..<count).map { _ in Double.random(in: 0..<30, using: &dice) }
        let wrong = (0..<count).map { _ in laws.randomElement(using: &dice)! }
        for job in 0..<count {
            lane.join(.init(UInt64(job)), law: wrong[job], submittedAt: .sample, lastLook: lastLook[job])
        }
        // Three rounds of all, and then those that starve together are served in one.
        let bound = (3.0 + 1) * Double(count) / rate + 1
        for step in 0..<4000 {
            let elapsed = 40 + Double(step) / rate
            guard let called = lane.next(at: now(elapsed), rate: rate) else { continue }
            let job = Int(called.number)
            #expect(elapsed - lastLook[job] <= bound)
            lastLook[job] = elapsed
            lane.join(called, law: wrong[job], submittedAt: .sample, lastLook: elapsed)
        }
        #expect(lastLook.allSatisfy { 40 + 4000 / rate - $0 <= bound })
    }

    @Test func `a job past its deadline is still looked at, so that its end is the upstream's last word`() throws {
        let deadline = JobPolicy().deadline
        var lane = PollLane(planner: PollPlanner())
        lane.join(.init(1), law: law, submittedAt: .sample, lastLook: deadline - 30)
        let called = lane.next(at: now(deadline + 1), rate: rate)
        #expect(called == .init(1))
        var late = JobProgress(state: .rendering(.sample))
        try late.apply(.videoAnnounced(link: nil), at: now(deadline + 1))
        #expect(late.state.word == "downloading")
        var overdue = JobProgress(state: .rendering(.sample))
        try overdue.apply(.stillRendering(usual: nil), at: now(deadline + 1))
        #expect(overdue.state.word == "failed")
    }
}
