import Foundation
import JobLifecycle
import Logging
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import JobStore
@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct SubmissionDeskTests {
    private static let limit = RateLimit(endpoint: "queue", requests: 40, window: 60)

    private static func errand(_ user: UInt64, _ priority: Job.Priority = .normal) -> SubmissionLane.Errand {
        .init(user: .sample(user), priority: priority, since: .sample)
    }

    @Test func `whoever comes alone has a turn at once, without waiting for a beat`() async {
        let desk = SubmissionDesk(limit: Self.limit, log: Logger(label: "test")) { _, wanted in
            .granted(wanted, isProbe: false)
        }
        let running = Task { await desk.run() }
        for user in UInt64(0)..<20 { #expect(await desk.turn(account: "a", Self.errand(user))) }
        desk.close()
        await running.value
    }

    /// So many requests and no more.
    private final class Budget: Sendable {
        private let left = Mutex(0)

        func add(_ count: Int) { left.withLock { $0 += count } }

        func take(_ wanted: Int) -> PostgresStore.Grant {
            let count = left.withLock { left in
                let count = min(left, wanted)
                left -= count
                return count
            }
            return count > 0 ? .granted(count, isProbe: false) : .wait(0.001)
        }
    }

    @Test func `two turns go to two users, however many of one wait`() async {
        let budget = Budget()
        let desk = SubmissionDesk(limit: Self.limit, log: Logger(label: "test")) { _, wanted in budget.take(wanted) }
        let users = await withTaskGroup(of: UInt64?.self) { group in
            for number in UInt64(0)..<101 {
                let user: UInt64 = number == 50 ? 2 : 1
                group.addTask { await desk.turn(account: "a", Self.errand(user)) ? user : nil }
            }
            while desk.waiting < 101 { await Task.yield() }
            let running = Task { await desk.run() }
            budget.add(2)
            while desk.waiting > 99 { await Task.yield() }
            desk.close()
            await running.value
            return await group.reduce(into: []) { users, user in users += [user].compactMap { $0 } }
        }
        #expect(users.sorted() == [1, 2])
    }

    @Test func `a budget that says to wait holds up nobody's other account`() async {
        let desk = SubmissionDesk(limit: Self.limit, log: Logger(label: "test")) { account, wanted in
            account == "held" ? .wait(3600) : .granted(wanted, isProbe: false)
        }
        let running = Task { await desk.run() }
        let held = Task { await desk.turn(account: "held", Self.errand(1)) }
        while desk.waiting < 1 { await Task.yield() }
        for user in UInt64(0)..<5 { #expect(await desk.turn(account: "open", Self.errand(user))) }
        desk.close()
        #expect(await held.value == false)
        await running.value
    }
}

/// The budget that two services share, with the desks that ask for it and a Postgres whose time stands still but for what
/// it is moved on by whenever nobody may go: what is granted in ten minutes takes seconds, and a slow machine changes nothing.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SharedBudgetTests {
    /// Records each grant with its moment in the time that has been moved.
    private static let recorder = """
        create table moved (
            seconds double precision not null, stopped timestamptz not null, gone double precision not null);
        insert into moved values (0, clock_timestamp(), 0);
        create table grants (at double precision);
        create function record_grant() returns trigger language plpgsql as $$
        declare latest timestamptz := new.grants[array_length(new.grants, 1)];
        begin
            insert into grants select extract(epoch from latest) + moved.seconds from moved,
                generate_series(1, (select count(*) from unnest(new.grants) as g where g = latest));
            return null;
        end $$;
        create trigger record_grant after update on rate_budgets for each row
            when (new.grants is distinct from old.grants) execute function record_grant();
        """

    /// One at a time, so that two who are told to wait do not both move the clock.
    private actor Clock {
        private let pool: ConnectionPool
        private var turn: Task<PostgresStore.Grant, any Error>?
        private let end: Double
        private var moved = 0.0
        /// Fires when it has been moved as far as `end`.
        let hasEnded = Signal()

        init(_ pool: ConnectionPool, until end: Double) { (self.pool, self.end) = (pool, end) }

        func take(_ limit: RateLimit, _ wanted: Int, _ store: PostgresStore) async throws -> PostgresStore.Grant {
            let before = turn
            let mine = Task {
                _ = try? await before?.value
                try await self.stop()
                let grant = try await store.take(limit, account: "main", upTo: wanted)
                if case .wait(let seconds) = grant { try await self.move(seconds) }
                return grant
            }
            turn = mine
            guard case .granted(let count, let isProbe) = try await mine.value else { return .wait(0.001) }
            return .granted(count, isProbe: isProbe)
        }

        /// Takes back what has gone by since the last time.
        private func stop() async throws {
            try await change(
                """
                update moved set gone = extract(epoch from clock_timestamp() - stopped), stopped = clock_timestamp();
                update rate_budgets set grants = array(
                    select g + interval '1 second' * moved.gone from unnest(grants) as g) from moved;
                update moved set seconds = seconds - gone
                """)
        }

        private func move(_ seconds: Double) async throws {
            try await change(
                """
                update rate_budgets set grants =
                    array(select g - interval '1 second' * \(seconds) from unnest(grants) as g);
                update moved set seconds = seconds + \(seconds)
                """)
            moved += seconds
            if moved >= end { hasEnded.fire() }
        }

        /// As a replica does: moved grants are no new ones.
        private func change(_ sql: String) async throws {
            try await pool.run { try $0.run("set local session_replication_role = replica;" + sql) }
        }
    }

    private func check(_ database: TestDatabase, _ limit: RateLimit) async throws {
        let times = try await database.sql("select at from grants order by at").split(separator: "\n")
            .compactMap { Double($0) }
        let spans = zip(times.dropFirst(limit.requests), times).map { $0 - $1 }
        #expect(spans.allSatisfy { $0 >= limit.window }, "\(limit.requests + 1) grants in \(spans.min() ?? 0) s")
        let span = try #require(times.last) - (times.first ?? 0)
        let usual = Double(limit.requests) / limit.window
        #expect(span > 5 * limit.window)
        #expect(Double(times.count) / span >= 0.95 * usual, "\(times.count) grants in \(span) s")
    }

    /// Two services, each with a store and a desk of its own, that always have work.
    private func drive<Lane: WaitingLane>(
        _ limit: RateLimit, _ errand: @escaping @Sendable (UInt64) -> Lane.Errand,
        desk make: (@escaping @Sendable (String, Int) async throws -> PostgresStore.Grant) -> Desk<Lane>
    ) async throws {
        try await TestDatabase.with { database in
            try await database.sql(Self.recorder)
            let pool = ConnectionPool(conninfo: database.conninfo, connections: 1, applicationName: "clock")
            defer { pool.stop() }
            let clock = Clock(pool, until: 6 * limit.window)
            let stores = (0..<2).map { _ in
                PostgresStore(
                    conninfo: database.conninfo, secrets: nil, connections: 2, log: Logger(label: "test"))
            }
            let desks = stores.map { store in make { _, wanted in try await clock.take(limit, wanted, store) } }
            await withTaskGroup(of: Void.self) { group in
                for desk in desks {
                    group.addTask { await desk.run() }
                    for number in UInt64(0)..<30 {
                        group.addTask { while await desk.turn(account: "main", errand(number)) {} }
                    }
                }
                group.addTask {
                    await clock.hasEnded.wait()
                    for desk in desks { desk.close() }
                }
            }
            for store in stores { await store.close() }
            try await check(database, limit)
        }
    }

    @Test func `two services use nearly the whole limit of submissions, and never more in any window`() async throws {
        let limit = RateLimit(endpoint: "queue", requests: 40, window: 60)
        try await drive(limit) {
            .init(user: .sample($0), priority: .normal, since: .sample)
        } desk: { take in
            SubmissionDesk(limit: limit, log: Logger(label: "test"), take: take)
        }
    }

    @Test func `two services use nearly the whole limit of retrieves, and never more in any window`() async throws {
        let limit = RateLimit(endpoint: "retrieve", requests: 120, window: 60, burst: 12)
        try await drive(limit) { number in
            .look(
                law: DurationLaw(mu: 0, sigma: 0.2), submittedAt: Date(timeIntervalSinceNow: -1000 - Double(number)),
                lastLook: 10)
        } desk: { take in
            // The desk's own beat is short: time is the database's here.
            PollDesk(
                limit: RateLimit(endpoint: "retrieve", requests: 120, window: 0.3), planner: PollPlanner(),
                log: Logger(label: "test"), take: take)
        }
    }
}
