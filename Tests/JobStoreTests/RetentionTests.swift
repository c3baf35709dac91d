import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct RetentionTests {
    private static let month: TimeInterval = 30 * 86_400

    /// Deletes a job as its user would, so many seconds ago.
    private func delete(_ number: UInt64, ago: TimeInterval, _ database: TestDatabase) async throws {
        try await database.sql(
            """
            with sequence as (update users set change_sequence = change_sequence + 1
                where id = (select user_id from jobs where id = '\(JobID.sample(number))') returning change_sequence)
            update jobs set state = 'cancelled', next_action_at = null, change_sequence = sequence.change_sequence,
                deleted_at = now() - interval '\(ago) s', updated_at = now() - interval '\(ago) s'
            from sequence where id = '\(JobID.sample(number))'
            """)
    }

    private func cursor(_ page: ChangePage) throws -> FeedCursor { try FeedCursor(page.cursor, user: .sample()) }

    @Test func `a device that was away for less than the retention misses nothing, an older one starts over`()
        async throws
    {
        try await TestDatabase.with { database in
            let (store, user) = (database.store, try await database.addUser())
            for number in UInt64(1)...4 { try await database.submit(number) }
            let veryOld = try cursor(try await store.changes(after: nil, user: user, limit: 10))
            try await delete(1, ago: Self.month + 7200, database)
            var device = ChangeReducer()
            try await store.follow(&device, user: user)
            try await delete(2, ago: Self.month - 7200, database)
            try await delete(3, ago: 10, database)

            #expect(try await store.prune(.jobs, olderThan: Self.month, limit: 100) == 1)
            #expect(try await database.sql("select count(*) from jobs") == "3")
            #expect(try await database.sql("select count(*) from job_steps") == "3")
            try await store.follow(&device, user: user)
            #expect(Set(device.store.jobs.keys) == [.sample(4)])
            await #expect(throws: StoreError.cursorExpired) {
                try await store.changes(after: veryOld, user: user, limit: 10)
            }
            #expect(try await store.prune(.jobs, olderThan: Self.month, limit: 100) == 0)
        }
    }

    @Test func `only what nobody needs is forgotten, and never what the ledger says`() async throws {
        try await TestDatabase.with { database in
            let ready = try await database.readyJob()
            for number in UInt64(2)...4 { try await database.submit(number) }
            try await delete(2, ago: 90 * 86_400, database)
            // Under way, waiting for a person, and with a video: all deleted long ago.
            try await database.sql(
                "update jobs set deleted_at = now() - interval '90 d', updated_at = now() - interval '90 d'")
            try await database.sql(
                "update jobs set state = 'attention', attention_kind = 'account_blocked', next_action_at = null "
                    + "where id = '\(JobID.sample(3))'")
            try await database.sql("update jobs set next_action_at = null where id = '\(ready.id)'")
            #expect(try await database.store.prune(.jobs, olderThan: Self.month, limit: 100) == 1)
            #expect(try await database.sql("select count(*) from jobs") == "3")

            try await database.sql("update videos set deleted_at = now() - interval '90 d'")
            // As long as its file may be there, so is the row.
            #expect(try await database.store.prune(.videos, olderThan: Self.month, limit: 10) == 0)
            let removals = try await database.store.beginRemovals(grace: 86_400, limit: 10)
            #expect(removals.map(\.key) == [StoredVideo.sample.key])
            #expect(try await database.store.prune(.videos, olderThan: Self.month, limit: 10) == 0)
            try await database.store.finishRemovals(removals)
            #expect(try await database.store.prune(.videos, olderThan: Self.month, limit: 10) == 1)
            #expect(try await database.store.prune(.videos, olderThan: Self.month, limit: 10) == 0)
            #expect(try await database.store.prune(.jobs, olderThan: Self.month, limit: 100) == 1)
            #expect(try await database.sql("select count(*) from attempts") == "0")
            #expect(try await database.ledger() == ["reserve|0.550000", "settle|0.550000"])
            #expect(try await database.store.users(limit: 1).map(\.spent) == [.sample])
        }
    }

    @Test func `a floor never falls`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.readyJob()
            try await database.sql(
                """
                update videos set deleted_at = now() - interval '90 d', removing_since = now(), removed_at = now();
                update users set feed_floor = 1000
                """)
            #expect(try await database.store.prune(.videos, olderThan: Self.month, limit: 10) == 1)
            #expect(try await database.sql("select feed_floor from users") == "1000")
        }
    }

    @Test func `batches are bounded, and one that was cut off is found again`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            for number in UInt64(1)...7 { try await database.submit(number) }
            for number in UInt64(1)...7 { try await delete(number, ago: 90 * 86_400 + Double(number), database) }
            #expect(try await database.store.prune(.jobs, olderThan: Self.month, limit: 3) == 3)
            // The server loses the next batch before its end, as it does when its client is killed.
            let rollback = PostgresStore(
                conninfo: database.conninfo, secrets: nil, connections: 2, log: database.store.log)
            try await database.sql(
                """
                create function cut() returns trigger language plpgsql as $$
                begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
                create trigger cut after delete on jobs for each statement execute function cut()
                """)
            await #expect(throws: PostgresError.self) {
                try await rollback.prune(.jobs, olderThan: Self.month, limit: 3)
            }
            try await database.sql("drop trigger cut on jobs")
            await rollback.close()
            #expect(try await database.sql("select count(*), (select count(*) from job_steps) from jobs") == "4|4")
            #expect(try await database.store.prune(.jobs, olderThan: Self.month, limit: 3) == 3)
            #expect(try await database.store.prune(.jobs, olderThan: Self.month, limit: 3) == 1)
            let floor = try await database.sql("select feed_floor = change_sequence from users")
            #expect(floor == "t")
        }
    }

    @Test func `keys, durations and accounts go when they are old, and no sooner`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            let key = IdempotencyKey(key: "old", bodyHash: Data(repeating: 1, count: 32))
            try await database.submit(1, key: key)
            try await database.submit(2, key: IdempotencyKey(key: "new", bodyHash: Data(repeating: 2, count: 32)))
            try await database.sql(
                """
                update idempotency_keys set created_at = now() - interval '25 h' where key = 'old';
                insert into duration_laws values ('a', '5s', '720p', 1, 1, 1, now() - interval '200 d'),
                    ('b', '5s', '720p', 1, 1, 1, now());
                insert into rate_budgets (account, endpoint, grants) values ('gone', 'queue', '{2020-01-01}'),
                    ('here', 'queue', array[now()]), ('never', 'queue', '{}');
                insert into account_failures values ('gone', '{2020-01-01}'), ('here', array[now()])
                """)
            let store = database.store
            #expect(try await store.prune(.idempotencyKeys, olderThan: 86_400, limit: 10) == 1)
            #expect(try await store.prune(.durations, olderThan: 180 * 86_400, limit: 10) == 1)
            #expect(try await store.prune(.accounts, olderThan: 86_400, limit: 10) == 3)
            #expect(try await database.sql("select key from idempotency_keys") == "new")
            #expect(try await database.sql("select model from duration_laws") == "b")
            #expect(try await database.sql("select account from rate_budgets") == "here")
            #expect(try await database.sql("select account from account_failures") == "here")
            // The key is free again.
            #expect(try await database.submit(3, key: key).job.id == .sample(3))
        }
    }
}
