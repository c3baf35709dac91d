import Foundation
import JobLifecycle
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
        begin
            insert into grants select new.grants[array_length(new.grants, 1)]
                from generate_series(1, (select count(*) from unnest(new.grants) as g
                    where g = new.grants[array_length(new.grants, 1)]));
            return null;
        end $$;
        create trigger record_grant after update on rate_budgets for each row
            when (new.grants is distinct from old.grants) execute function record_grant();
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
                    while let wait = try await database.store.wait(for: limit, account: "main") {
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
            let (store, limit) = (
                database.store, RateLimit(endpoint: "retrieve", requests: 120, window: 6000, burst: 12)
            )
            #expect(try await store.take(limit, account: "main", upTo: 5) == .granted(5, isProbe: false))
            #expect(try await store.take(limit, account: "main", upTo: 50) == .granted(7, isProbe: false))
            let wait = try #require(try await store.wait(for: limit, account: "main"))
            #expect(wait > 0 && wait <= 700)
            // Each account and each endpoint has a budget of its own.
            #expect(try await store.take(limit, account: "other", upTo: 1) == .granted(1, isProbe: false))
            let queue = RateLimit(endpoint: "queue", requests: 40, window: 60)
            #expect(try await store.take(queue, account: "main", upTo: 100) == .granted(40, isProbe: false))
        }
    }

    /// Time passes by moving what was granted into the past.
    @Test(arguments: [(120, 12), (40, 40)])
    func `with work to do all the time nearly the whole limit is used`(requests: Int, burst: Int) async throws {
        try await TestDatabase.with { database in
            let limit = RateLimit(endpoint: "x", requests: requests, window: 60, burst: burst)
            var (granted, waited) = (0, 0.0)
            while waited < 610 {
                switch try await database.store.take(limit, account: "main", upTo: 3) {
                case .granted(let count, _): granted += count
                case .wait(let seconds):
                    waited += seconds
                    try await database.sql(
                        """
                        update rate_budgets
                        set grants = array(select g - interval '1 second' * \(seconds) from unnest(grants) as g)
                        """)
                }
            }
            #expect(Double(granted) / waited * 60 >= 0.95 * Double(requests))
        }
    }

    @Test func `a hold lasts as long as the upstream said, even where a burst is left`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            #expect(try await store.wait(for: retrieve, account: "main") == nil)
            try await store.hold(endpoint: "retrieve", account: "main", for: 5000)
            try await store.hold(endpoint: "retrieve", account: "main", for: 1)
            let wait = try #require(try await store.wait(for: retrieve, account: "main"))
            #expect(wait > 1000 && wait <= 5000)
            try await database.sql("update rate_budgets set held_until = now()")
            #expect(try await store.wait(for: retrieve, account: "main") == nil)
        }
    }

    @Test func `a hold counts before the first request too`() async throws {
        try await TestDatabase.with { database in
            try await database.store.hold(endpoint: "retrieve", account: "main", for: 6000)
            #expect(try #require(try await database.store.wait(for: retrieve, account: "main")) > 1000)
            #expect(try await database.store.wait(for: retrieve, account: "other") == nil)
        }
    }
}

extension PostgresStore {
    /// Takes one request; nil, or the seconds to wait.
    fileprivate func wait(for limit: RateLimit, account: String) async throws -> TimeInterval? {
        if case .wait(let seconds) = try await take(limit, account: account, upTo: 1) { seconds } else { nil }
    }
}

@Suite struct BreakerTests {
    // Long enough that a test that waits for its turn between two statements sees no difference.
    private let retrieve = RateLimit(endpoint: "retrieve", requests: 120, window: 6000)
    private let queue = RateLimit(endpoint: "queue", requests: 40, window: 6000)

    /// As if so many seconds had passed.
    private func pass(_ seconds: Double, in database: TestDatabase) async throws {
        try await database.sql(
            """
            update rate_budgets set held_until = held_until - interval '1 second' * \(seconds),
                rested_until = rested_until - interval '1 second' * \(seconds),
                grants = array(select g - interval '1 second' * \(seconds) from unnest(grants) as g);
            update account_failures set failures =
                array(select f - interval '1 second' * \(seconds) from unnest(failures) as f);
            """)
    }

    @Test func `enough failures in the window rest the account, on both endpoints and no other account`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            for number in 1...5 {
                let rested = try await store.countFailure(account: "main", limit: 5, window: 3000)
                #expect(rested == (number == 5))
            }
            for limit in [retrieve, queue] {
                let wait = try #require(try await store.wait(for: limit, account: "main"))
                #expect(wait > 2000 && wait <= 3000)
                #expect(try await store.wait(for: limit, account: "other") == nil)
            }
        }
    }

    @Test func `failures that are long ago do not count`() async throws {
        try await TestDatabase.with { database in
            for _ in 1...20 {
                #expect(try await database.store.countFailure(account: "main", limit: 5, window: 3000) == false)
                try await pass(800, in: database)
            }
        }
    }

    @Test func `after its rest an account is probed by one request at a time, and a success ends it`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            try await store.openBreaker(account: "main", for: 3000)
            // A success of before does not end the rest.
            #expect(try await store.closeBreaker(account: "main") == false)
            #expect(try #require(try await store.wait(for: queue, account: "main")) > 2000)
            try await pass(3001, in: database)
            #expect(try await store.take(retrieve, account: "main", upTo: 10) == .granted(1, isProbe: true))
            #expect(try #require(try await store.wait(for: retrieve, account: "main")) > 2000)
            try await pass(3001, in: database)
            #expect(try await store.take(retrieve, account: "main", upTo: 10) == .granted(1, isProbe: true))
            #expect(try await store.closeBreaker(account: "main"))
            #expect(try await store.closeBreaker(account: "main") == false)
            #expect(try await store.take(retrieve, account: "main", upTo: 10) == .granted(10, isProbe: false))
            #expect(try await store.take(queue, account: "main", upTo: 10) == .granted(10, isProbe: false))
        }
    }

    @Test func `a pause that the upstream asked for does not end with a success elsewhere`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            try await store.openBreaker(account: "main", for: 3000)
            try await pass(3001, in: database)
            #expect(try await store.take(retrieve, account: "main", upTo: 1) == .granted(1, isProbe: true))
            try await store.hold(endpoint: "queue", account: "main", for: 6000)
            #expect(try await store.closeBreaker(account: "main"))
            #expect(try #require(try await store.wait(for: queue, account: "main")) > 5000)
            #expect(try await store.wait(for: retrieve, account: "main") == nil)
        }
    }
}

@Suite struct DurationLawStoreTests {
    @Test func `observations add up for everybody, and old ones fade`() async throws {
        try await TestDatabase.with { database in
            let kind = RenderingKind(model: "m", duration: "5s", resolution: "720p")
            #expect(try await database.store.durations(limit: 10) == [:])
            var local = DurationKnowledge()
            for seconds in 1...500 {
                let law = DurationLaw(mu: 4, sigma: 1)
                let seen = try #require(
                    DurationKnowledge.Observation(from: Double(seconds), to: Double(seconds) + 1, law: law))
                local.add(seen)
                try await database.store.observe(kind, mean: seen.mean, square: seen.square)
            }
            let stored = try #require(try await database.store.durations(limit: 10)[kind])
            #expect(abs(stored.count - local.count) < 1e-6 && stored.count <= DurationKnowledge.memory)
            #expect(abs(stored.sum - local.sum) < 1e-6)
            #expect(abs(stored.squares - local.squares) < 1e-6)
        }
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
