import Foundation
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct ProcessTests {
    private static func beat(_ number: UInt64 = 1, name: String = "host:1") -> ProcessBeat {
        ProcessBeat(
            id: .sample(number), name: name, host: "host", pid: 1, version: "1.2.3", roles: [.worker, .api],
            interval: 5000, opsListen: "127.0.0.1:8081")
    }

    @Test func `a process stands in the register from its first word to its end`() async throws {
        try await TestDatabase.with { database in
            var beat = Self.beat()
            #expect(try await !database.store.beat(beat))
            (beat.feedClients, beat.jobsInHand, beat.isDraining) = (3, 2, true)
            #expect(try await !database.store.beat(beat))
            let process = try #require(try await database.store.processes().first)
            #expect(process.id == beat.id && process.roles == [.api, .worker] && process.version == "1.2.3")
            #expect(process.feedClients == 3 && process.jobsInHand == 2 && process.standing == .draining)
            #expect(process.seenAt >= process.startedAt)
            try await database.store.end(beat.id)
            #expect(try await database.store.processes().isEmpty)
        }
    }

    @Test func `a process hears that it is asked to drain, and no other does`() async throws {
        try await TestDatabase.with { database in
            let (first, second) = (Self.beat(1), Self.beat(2, name: "host:2"))
            for beat in [first, second] { _ = try await database.store.beat(beat) }
            #expect(try await database.store.askToDrain([first.id, .sample(9)]) == [first.id])
            let asked = try await database.store.processes().first { $0.id == first.id }?.drainAskedAt
            #expect(try await database.store.askToDrain([first.id]) == [first.id])
            #expect(try await database.store.beat(first))
            #expect(try await !database.store.beat(second))
            let found = try await database.store.processes()
            #expect(found.map(\.standing) == [.draining, .working])
            #expect(found.first?.drainAskedAt == asked)
        }
    }

    @Test func `a process that says no more is silent, and after a day another's word takes its row away`() async throws
    {
        try await TestDatabase.with { database in
            _ = try await database.store.beat(Self.beat())
            try await database.sql("update processes set seen_at = seen_at - interval '5 hours'")
            #expect(try await database.store.processes().map(\.standing) == [.silent])
            try await database.sql("update processes set seen_at = seen_at - interval '20 hours'")
            _ = try await database.store.beat(Self.beat(2, name: "host:2"))
            #expect(try await database.store.processes().map(\.name) == ["host:2"])
        }
    }

    @Test func `of two runs of one name the leases are the younger's, and the next run takes the row of the last away`()
        async throws
    {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit()
            #expect(try await database.store.claim(limit: 1, lease: 3600, worker: "host:1").count == 1)
            let killed = Self.beat()
            // Perhaps on another machine of that name: nobody knows that the first is over.
            var other = Self.beat(2)
            other.pid = 7
            for beat in [killed, other] { _ = try await database.store.beat(beat) }
            #expect(try await database.store.processes().map(\.leases) == [0, 1])
            let next = Self.beat(3)
            for _ in 0..<2 { _ = try await database.store.beat(next) }
            let left = try await database.store.processes()
            #expect(left.map(\.id) == [other.id, next.id] && left.map(\.leases) == [0, 1])
            // Only its first word does so.
            _ = try await database.store.beat(killed)
            _ = try await database.store.beat(killed)
            #expect(try await database.store.processes().map(\.id) == [other.id, killed.id])
        }
    }

    @Test func `a loop that stands still is told, and so are the leases that are held`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            for number: UInt64 in 1...3 { try await database.submit(number) }
            #expect(try await database.store.claim(limit: 2, lease: 3600, worker: "host:1").count == 2)
            var beat = Self.beat()
            beat.stuckLoops = ["claims", "polls"]
            _ = try await database.store.beat(beat)
            let process = try #require(try await database.store.processes().first)
            #expect(process.stuckLoops == ["claims", "polls"] && process.standing == .stuck && process.leases == 2)
        }
    }
}
