import Foundation
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct RateBudgetTests {
    private let retrieve = RateLimit(endpoint: "retrieve", requests: 120, window: 60)

    /// Records the database's time of every grant, in the statement that makes it and under its lock.
    private static let recorder = """
        create table grants (at timestamptz);
        create function record_grant() returns trigger language plpgsql as $$
        begin insert into grants values (clock_timestamp()); return null; end $$;
        create trigger record_grant after insert or update on rate_budgets for each row
            when (new.arrival > clock_timestamp()) execute function record_grant();
        """

    @Test(arguments: [(3, 0.3), (10, 0.3), (40, 0.3)])
    func `no window of time holds more grants than the limit, whenever they are asked for`(
        requests: Int, window: TimeInterval
    ) async throws {
        try await TestDatabase.with(connections: 8) { database in
            try await database.sql(Self.recorder)
            let limit = RateLimit(endpoint: "x", requests: requests, window: window)
            _ = try await (0..<8).concurrently { worker in
                var generator = SeededGenerator(UInt64(worker))
                for _ in 0..<(requests / 2 + 2) {
                    while let wait = try await database.store.take(limit, account: "main") {
                        // Some come back when they were told, some late.
                        let late = Double.random(in: 0..<1, using: &generator) < 0.5 ? 0.0 : window / 10
                        try await Task.sleep(for: .seconds(wait + late))
                    }
                }
            }
            let times = try await database.sql("select extract(epoch from at) from grants order by at")
                .split(separator: "\n").compactMap { Double($0) }
            #expect(times.count == 8 * (requests / 2 + 2))
            let spans = zip(times.dropFirst(requests), times).map { $0 - $1 }
            #expect(spans.allSatisfy { $0 >= window }, "\(requests + 1) grants in \(spans.min() ?? 0) s")
        }
    }

    @Test func `a burst is granted at once, then the wait is told`() async throws {
        try await TestDatabase.with { database in
            var granted = 0
            var wait: TimeInterval?
            while wait == nil, granted <= retrieve.requests {
                wait = try await database.store.take(retrieve, account: "main")
                if wait == nil { granted += 1 }
            }
            #expect(granted >= retrieve.burst && granted < retrieve.requests)
            #expect(try #require(wait) > 0 && #require(wait) <= retrieve.interval)
            // Each account and each endpoint has a budget of its own.
            #expect(try await database.store.take(retrieve, account: "other") == nil)
            let queue = RateLimit(endpoint: "queue", requests: 40, window: 60)
            #expect(try await database.store.take(queue, account: "main") == nil)
        }
    }

    @Test func `a hold lasts as long as the upstream said, even where a burst is left`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            #expect(try await store.take(retrieve, account: "main") == nil)
            try await store.hold(endpoint: "retrieve", account: "main", for: 5)
            try await store.hold(endpoint: "retrieve", account: "main", for: 1)
            let wait = try #require(try await store.take(retrieve, account: "main"))
            #expect(wait > 1 && wait <= 5)
            try await database.sql("update rate_budgets set held_until = now()")
            #expect(try await store.take(retrieve, account: "main") == nil)
        }
    }

    @Test func `a hold counts before the first request too`() async throws {
        try await TestDatabase.with { database in
            try await database.store.hold(endpoint: "retrieve", account: "main", for: 60)
            #expect(try #require(try await database.store.take(retrieve, account: "main")) > 1)
            #expect(try await database.store.take(retrieve, account: "other") == nil)
        }
    }

    @Test(arguments: 1...200) func `burst and rate together stay below the limit`(requests: Int) {
        let limit = RateLimit(endpoint: "x", requests: requests, window: 60)
        let most = Int((limit.window + limit.tolerance) / limit.interval) + 1
        #expect(most <= max(2, requests))
        #expect(limit.interval > 0 && limit.tolerance >= 0)
    }
}

@Suite struct CatalogueTests {
    @Test func `models are kept by account and replaced whole`() async throws {
        try await TestDatabase.with { database in
            #expect(try await database.store.savedModels(account: "main") == nil)
            try await database.store.save([.sample, .upscaleSample], account: "main")
            try await database.store.save([], account: "other")
            #expect(try await database.store.savedModels(account: "main") == [.sample, .upscaleSample])
            #expect(try await database.store.savedModels(account: "other") == [])
            try await database.store.save([.imageSample], account: "main")
            #expect(try await database.store.savedModels(account: "main") == [.imageSample])
        }
    }
}
