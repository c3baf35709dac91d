import Foundation
import JobStore
import Synchronization
import TestSupport
import Testing

@testable import SyncService

struct ProgressTests {
    @Test func `a loop is stuck when it has not gone round for longer than it may`() {
        let loops = Loops()
        let quick = loops.begin("quick", patience: .zero)
        let slow = loops.begin("slow", patience: .seconds(5000))
        #expect(loops.stuck.map(\.name) == ["quick"])
        quick.beat()
        slow.beat()
        #expect(loops.progress.map(\.name) == ["quick", "slow"] && loops.progress.map(\.rounds) == [1, 1])
        quick.end()
        #expect(loops.stuck.isEmpty && loops.progress.map(\.name) == ["slow"])
    }

    @Test func `the last minute is what was added in it`() {
        var window = RecentWindow()
        let start = ContinuousClock.now
        func figures(_ ready: Int) -> RecentFigures {
            var figures = RecentFigures()
            (figures.entered, figures.detected, figures.detectionLagSeconds) = (
                ["ready": ready], ready, Double(ready) * 2
            )
            return figures
        }
        var recent = RecentFigures()
        for second in stride(from: 0, through: 300, by: 5) {
            recent = window.take(figures(second), at: start + .seconds(second))
            if second == 0 { #expect(recent.seconds == 0 && recent.entered.isEmpty) }
            if second == 30 { #expect(recent.seconds == 30 && recent.entered == ["ready": 30]) }
        }
        #expect(recent.seconds == 60 && recent.entered == ["ready": 60] && recent.detected == 60)
        #expect(recent.meanDetectionLag == 2)
    }

    @Test func `however many scrape, the database is asked once, and nobody waits for one that does not answer`() async
    {
        let asked = Atomic(0)
        let (gate, begun) = (Signal(), Signal())
        let cache = OverviewCache(freshness: .seconds(5000), patience: .milliseconds(20)) {
            asked.add(1, ordering: .relaxed)
            begun.fire()
            await gate.wait()
            throw CancellationError()
        }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 { group.addTask { await cache.current() == nil } }
            for await isNothing in group { #expect(isNothing) }
        }
        await begun.wait()
        #expect(asked.load(ordering: .relaxed) == 1)
        gate.fire()
    }

    @Test func `what takes too long is left alone, and an error is passed on`() async throws {
        let gate = Signal()
        let late: Int? = try await within(.milliseconds(10)) {
            await gate.wait()
            return 1
        }
        #expect(late == nil)
        gate.fire()
        let value = try await within(.seconds(5000)) { 7 }
        #expect(value == 7)
        let failing: @Sendable () async throws -> Int = { throw StoreError.notFound }
        await #expect(throws: StoreError.notFound) { try await within(.seconds(5000), failing) }
    }
}
