import Foundation
import JobStore
import Logging
import TestSupport
import Testing
import VideoModels

@testable import SyncService

private let epoch = UUID()

private func mark(_ sequence: Int) -> FeedMark { FeedMark(epoch: epoch, sequence: Int64(sequence)) }

@Suite(.timeLimit(.minutes(10))) struct FeedHubTests {
    @Test func `a ring between a look and a wait is kept`() async {
        let hub = FeedHub()
        await hub.subscribed(.sample()) { waiter in
            hub.wake(.user(.sample(2)))
            hub.wake(.user(.sample()))
            #expect(await waiter.wait(knowing: mark(1), atMost: .seconds(3600)))
            #expect(await waiter.wait(knowing: mark(1), atMost: .milliseconds(1)) == false)
        }
        #expect(hub.waiters == 0)
    }

    @Test func `a ring that brought nothing does not count into the time of the one that did`() async {
        let lag = MetricHistogram("lag", "Help.", bounds: [1])
        let hub = FeedHub(deliveryLag: lag)
        await hub.subscribed(.sample()) { waiter in
            hub.wake(.user(.sample()))
            hub.looked(waiter, foundNews: false)
            #expect(waiter.takeRing() == nil && lag.total.count == 0)
            hub.looked(waiter, foundNews: true)
            #expect(lag.total.count == 0)
            hub.wake(.user(.sample()))
            hub.looked(waiter, foundNews: true)
            #expect(waiter.takeRing() == nil && lag.total.count == 1)
        }
    }

    @Test func `a look for several logs in nobody's name`() async throws {
        let said = Locked<[String]?>(nil)
        let look = FeedHub.Look(
            after: FeedCursor(epoch: epoch, user: .sample(), place: .changes(sequence: 1)), limit: 1)
        await LogContext.$metadata.withValue(["request_id": "theirs"]) {
            _ = try? await FeedHub().shared(look, of: .sample()) {
                said.change { $0 = LogContext.metadata.keys.sorted() }
                throw CancellationError()
            }
        }
        #expect(said.value == [])
    }

    @Test func `a wait of no time ends, and the next one is not taken for it`() async {
        let bell = Bell()
        for _ in 0..<200 { #expect(await bell.wait(atMost: .zero) == false) }
        async let rung = bell.wait(atMost: .seconds(3600))
        bell.ring()
        #expect(await rung)
    }

    @Test func `a timer that a wait left behind neither ends the next one early nor keeps it from its end`() async {
        let bell = Bell()
        for _ in 0..<50 {
            async let rung = bell.wait(atMost: .seconds(3600))
            bell.ring()
            #expect(await rung)
            #expect(await bell.wait(atMost: .milliseconds(1)) == false)
            async let patient = bell.wait(atMost: .milliseconds(5))
            #expect(await patient == false)
        }
    }

    @Test func `one look is for all who wait, and wakes only those who are behind`() async throws {
        let hub = FeedHub()
        let users = (1...6).map { UserID.sample(UInt64($0)) }
        let asked = Locked<[[UserID]]>([])
        let woken = try await withThrowingTaskGroup(of: UserID.self) { group in
            for (place, user) in users.enumerated() {
                group.addTask {
                    await hub.subscribed(user) { waiter in
                        _ = await waiter.wait(knowing: mark(place), atMost: .seconds(3600))
                        return user
                    }
                }
            }
            while hub.waiting < users.count { await Task.yield() }
            // The feed of the second has gone on, that of the fourth back, and the fifth is gone.
            let now = Dictionary(uniqueKeysWithValues: users.enumerated().map { ($1, mark($0)) })
                .merging([users[1]: mark(9), users[3]: mark(0)]) { $1 }.filter { $0.key != users[4] }
            try await hub.wakeBehind { users in
                asked.change { $0.append(users) }
                return now
            }
            var woken: Set<UserID> = []
            while woken.count < 3, let user = try await group.next() { woken.insert(user) }
            #expect(hub.waiting == 3)
            group.cancelAll()
            return woken
        }
        #expect(woken == [users[1], users[3], users[4]])
        #expect(asked.value.count == 1 && Set(asked.value[0]) == Set(users))
    }

    @Test func `while wake-ups come the look is rare, and one that may have been missed brings it on`() async {
        let hub = FeedHub()
        let looks = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = await hub.subscribed(.sample()) { await $0.wait(knowing: mark(1), atMost: .seconds(3600)) }
            }
            while hub.waiting == 0 { await Task.yield() }
            group.addTask {
                await hub.run(every: .seconds(3600), log: Logger(label: "test")) {
                    true
                } look: { _ in
                    looks.change { $0 += 1 }
                    return [.sample(): mark(2)]
                }
            }
            hub.wake(.anything)
            await group.next()
            group.cancelAll()
        }
        #expect(looks.value == 1)
    }
}
