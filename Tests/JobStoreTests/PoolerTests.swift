import Foundation
import Logging
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite(.timeLimit(.minutes(10))) struct PoolerTests {
    private static let show = Statement(
        "show", isHot: true,
        """
        select concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'),
            current_setting('idle_in_transaction_session_timeout'), current_setting('enable_seqscan'),
            current_setting('plan_cache_mode'), current_setting('timezone'))::text as s
        """)

    private static func shown(_ rows: Rows) throws -> String? { try rows.first { try $0.text("s") } }

    @Test
    func `what a connection sets for itself holds in its transactions, and reaches no other client of the pooler`()
        async throws
    {
        try await TestDatabase.with { database async throws in
            let before = try await database.sql(Self.show.sql)
            try await PgBouncer.with(before: database, servers: 1) { bouncer async throws in
                let pool = ConnectionPool(
                    conninfo: bouncer.conninfo, connections: 2, applicationName: "test", kind: .hot)
                defer { pool.stop() }
                let show = Self.show
                var seen = [try await pool.run { try Self.shown($0.execute(show)) }]
                #expect(try await bouncer.sql(show.sql) == before)
                seen += try await pool.run { try $0.pipeline([(show, []), (show, [])]).map(Self.shown) }
                #expect(try await bouncer.sql(show.sql) == before)
                for begin in ["begin", "begin isolation level repeatable read read only"] {
                    seen.append(try await pool.transaction(begin) { try Self.shown($0.execute(show)) })
                    #expect(try await bouncer.sql(show.sql) == before)
                }
                #expect(seen == Array(repeating: "30s 10s 10s off force_generic_plan UTC", count: 5))
            }
        }
    }

    @Test func `a transaction through a pooler has the isolation that it asked for`() async throws {
        try await TestDatabase.with { database async throws in
            try await PgBouncer.with(before: database, servers: 1) { bouncer async throws in
                let pool = ConnectionPool(conninfo: bouncer.conninfo, connections: 1, applicationName: "test")
                defer { pool.stop() }
                let asked = Statement("isolation", "select current_setting('transaction_isolation') as s")
                let isolation = try await pool.transaction("begin isolation level repeatable read read only") {
                    try Self.shown($0.execute(asked))
                }
                #expect(isolation == "repeatable read")
            }
        }
    }

    @Test func `through a pooler with fewer connections than workers jobs are taken in, claimed and told in the feed`()
        async throws
    {
        try await TestDatabase.with { database async throws in
            let user = try await database.addUser()
            try await PgBouncer.with(before: database, servers: 2) { bouncer async throws in
                let store = PostgresStore(
                    conninfo: bouncer.conninfo, secrets: TestDatabase.secrets, connections: 6,
                    log: Logger(label: "test"))
                _ = try await (1...40).map { UInt64($0) }.concurrently { number in
                    try await store.submit(
                        JobSubmission(request: .sample), id: .sample(number), user: user, account: "main")
                }
                let claimed = try await (0..<8).concurrently { worker in
                    try await store.claim(limit: 5, lease: 60, worker: "w\(worker)")
                }
                #expect(Set(claimed.flatMap { $0 }.map(\.id)).count == claimed.flatMap { $0 }.count)
                let moved = try await claimed.flatMap { $0 }.concurrently {
                    try await store.advance($0, by: .priced(.sample))
                }
                #expect(moved.count == claimed.flatMap { $0 }.count && !moved.isEmpty)
                let page = try await store.changes(after: nil, user: user, limit: 500)
                let jobs = page.changes.filter { if case .job = $0.object { true } else { false } }
                #expect(jobs.count == 40)
                // Another user's transactions on the same server connections have left nothing behind.
                let stranger = try await store.addUser(named: "stranger", id: .sample(2)).id
                let theirs = try await store.changes(after: nil, user: stranger, limit: 500)
                #expect(!theirs.changes.contains { if case .job = $0.object { true } else { false } })
                await store.close()
            }
            let left = try await database.sql(
                "select count(*) from pg_locks where locktype = 'advisory' and database = "
                    + "(select oid from pg_database where datname = current_database())")
            #expect(left == "0")
        }
    }

    @Test func `several that migrate through a pooler with few connections do not stand in each other's way`()
        async throws
    {
        try await TestDatabase.with(isMigrated: false) { database async throws in
            try await PgBouncer.with(before: database, servers: 2, asSuperuser: true) { bouncer async throws in
                let migrator = Migrator(conninfo: bouncer.conninfo)
                let done = try await (0..<6).concurrently { _ in try await migrator.migrate() }
                #expect(done.flatMap { $0 } == Migrator.all.map(\.name))
            }
        }
    }

    @Test func `notifications come by the way around the pooler, and without one waiters poll`() async throws {
        try await TestDatabase.with { database async throws in
            let user = try await database.addUser()
            try await PgBouncer.with(before: database, servers: 2) { bouncer async throws in
                let store = PostgresStore(
                    conninfo: bouncer.conninfo, direct: database.conninfo, secrets: nil, connections: 2,
                    log: Logger(label: "test"))
                let (wakeups, continuation) = AsyncStream<Wakeup>.makeStream(bufferingPolicy: .bufferingOldest(100))
                let listener = store.listen { continuation.yield($0) }
                var received = wakeups.makeAsyncIterator()
                #expect(await received.next() == .anything)
                #expect(listener.isConnected)
                try await database.submit()
                #expect(Set([await received.next(), await received.next()]) == [.user(user), .jobs])
                listener.stop()
                await store.close()

                let error = #expect(throws: PostgresError.self) {
                    try Listener.connection(bouncer.conninfo)
                }
                #expect(error?.description.contains("GONDOLA_DATABASE_DIRECT_URL") == true)
            }
        }
    }
}
