import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@Suite struct FairQueueTests {
    private func drained(_ queue: FairQueue<String, Int>) -> [Int] {
        var queue = queue
        var order: [Int] = []
        while let item = queue.next() { order.append(item) }
        return order
    }

    @Test func `a user with a thousand items does not starve one with a single`() {
        var queue = FairQueue<String, Int>()
        for number in 0..<1000 { queue.join(number, of: "many", priority: 1, since: .sample) }
        queue.join(5000, of: "one", priority: -1, since: .sample.addingTimeInterval(9))
        let first = queue.next()
        let second = queue.next()
        #expect(first == 0 && second == 5000)
    }

    @Test func `users take turns, and within a user the most urgent goes first, then the oldest`() {
        var queue = FairQueue<String, Int>()
        let items = [
            ("a", 1, 0, 5.0), ("a", 2, 1, 9), ("a", 3, 0, 1), ("b", 4, -1, 0), ("b", 5, -1, 0), ("c", 6, 1, 0),
        ]
        for (user, item, priority, age) in items {
            queue.join(item, of: user, priority: priority, since: .sample.addingTimeInterval(age))
        }
        #expect(drained(queue) == [2, 4, 6, 3, 5, 1])
    }

    @Test func `who has left is not called, and joining twice is waiting once`() {
        var queue = FairQueue<String, Int>()
        for item in [1, 2, 1] { queue.join(item, of: "a", priority: 0, since: .sample) }
        queue.join(3, of: "b", priority: 0, since: .sample)
        queue.leave(3)
        queue.leave(99)
        #expect(queue.count == 2)
        #expect(drained(queue) == [1, 2])
    }

    @Test(arguments: 0..<UInt64(60)) func `nobody waits for more than one turn of each other user`(seed: UInt64) {
        var dice = SeededGenerator(seed)
        var queue = FairQueue<Int, Int>()
        var owner: [Int: Int] = [:]
        // By user, how many turns each other user has had while this one's next was waiting.
        var passed: [Int: [Int: Int]] = [:]
        for item in 0..<600 {
            // User 0 brings as many as all the others.
            let user = Bool.random(using: &dice) ? 0 : Int.random(in: 1..<8, using: &dice)
            owner[item] = user
            if passed[user] == nil { passed[user] = [:] }
            queue.join(item, of: user, priority: Int.random(in: -1...1, using: &dice), since: .sample)
            guard Int.random(in: 0..<3, using: &dice) > 0, let called = queue.next().flatMap({ owner[$0] }) else {
                continue
            }
            for user in passed.keys where user != called { passed[user]?[called, default: 0] += 1 }
            #expect(passed.values.allSatisfy { $0.values.allSatisfy { $0 <= 1 } })
            passed[called] = queue.hasMore(of: called, owner) ? [:] : nil
        }
    }

    @Test(arguments: [1, 10, 1000]) func `a user's turns do not depend on how many items others have`(others: Int) {
        var queue = FairQueue<String, Int>()
        for number in 0..<others {
            for user in 0..<3 { queue.join(number * 3 + user, of: "u\(user)", priority: 1, since: .sample) }
        }
        for number in 0..<5 { queue.join(10_000 + number, of: "me", priority: 0, since: .sample) }
        let places = drained(queue).enumerated().filter { $1 >= 10_000 }.map(\.offset)
        // With fewer items of the others it only gets better.
        #expect(zip(places, [3, 7, 11, 15, 19]).allSatisfy { $0 <= $1 })
        if others >= 10 { #expect(places == [3, 7, 11, 15, 19]) }
    }
}

extension FairQueue<Int, Int> {
    /// Whether anything of the user still waits, seen by taking all.
    fileprivate func hasMore(of user: Int, _ owner: [Int: Int]) -> Bool {
        var copy = self
        while let item = copy.next() { if owner[item] == user { return true } }
        return false
    }
}

@Suite struct SubmissionLaneTests {
    @Test func `a lane calls users in turn by their errands`() {
        var lane = SubmissionLane()
        let errands: [(UInt64, UInt64, Job.Priority)] = [(1, 1, .normal), (2, 1, .high), (3, 2, .low)]
        for (ticket, user, priority) in errands {
            lane.join(DeskTicket(ticket), .init(user: .sample(user), priority: priority, since: .sample))
        }
        #expect(lane.wantsTurn(at: .sample, rate: 1))
        let order = (0..<4).map { _ in lane.next(at: .sample, rate: 1) }
        #expect(order == [DeskTicket(2), DeskTicket(3), DeskTicket(1), nil])
        #expect(!lane.wantsTurn(at: .sample, rate: 1))
    }

    @Test func `priorities are in the order of their ranks, and come back from them`() {
        #expect(Job.Priority.allCases.map(\.rank) == [-1, 0, 1])
        #expect(Job.Priority.allCases.allSatisfy { Job.Priority(rank: $0.rank) == $0 })
    }
}
