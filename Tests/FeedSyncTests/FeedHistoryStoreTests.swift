import Foundation
import JobLifecycle
import JobStore
import TestSupport
import Testing
import VideoModels

/// The histories of `FeedHistoryTests`, with the real store on a real database for a server.
@Suite(.timeLimit(.minutes(10))) struct FeedHistoryStoreTests {
    @Test(arguments: 0..<max(4, (FeedHistoryTests.wanted ?? 0) / 100))
    func `every device ends up with what the database holds`(seed: UInt64) async throws {
        try await TestDatabase.with { database in
            _ = try await database.store.addUser(named: "Ann", id: .sample())
            try await FeedHistory(server: StoreServer(database: database), seed: seed, steps: 110, devices: 2).run()
        }
    }
}

/// The real store on a real database.
private struct StoreServer: HistoryServer {
    private let database: TestDatabase
    private var submitted: UInt64 = 0
    private var backups = 0
    private let user = UserID.sample()

    init(database: TestDatabase) { self.database = database }

    mutating func change(using generator: inout SeededGenerator) async throws {
        let job = JobID.sample(UInt64.random(in: 1...max(1, submitted), using: &generator))
        switch Int.random(in: 0..<10, using: &generator) {
        case 0..<4:
            submitted += 1
            let submission = JobSubmission(request: .sample)
            _ = try await database.store.submit(
                submission, id: .sample(submitted), user: user, account: "main", key: nil)
        case 4..<6:
            // Refused where it is gone, or was cancelled before.
            _ = try? await database.store.move(job, user: user, by: .cancelRequested, policy: JobPolicy(), at: Date())
        case 6..<8: try await update("priority = priority", job)
        default:
            try await update(
                "state = 'cancelled', hold = null, next_action_at = null, deleted_at = clock_timestamp()", job)
        }
    }

    /// Changes a living job with the user's next sequence, as every write does.
    private func update(_ what: String, _ job: JobID) async throws {
        try await database.sql(
            """
            with found as (select id from jobs where id = '\(job)' and deleted_at is null for update),
            drawn as (update users set change_sequence = change_sequence + 1
                where exists (select from found) returning change_sequence)
            update jobs set \(what), change_sequence = drawn.change_sequence from drawn, found where jobs.id = found.id
            """)
    }

    mutating func prune(using generator: inout SeededGenerator) async throws {
        try await database.sql(
            "update jobs set deleted_at = now() - interval '40 d', updated_at = now() - interval '40 d' "
                + "where deleted_at is not null")
        _ = try await database.store.prune(
            .jobs, olderThan: 30 * 86_400, limit: Int.random(in: 1...4, using: &generator))
    }

    mutating func backUp() async throws {
        backups += 1
        try await eachTable(
            "create table backup_\(backups).%1$I as table public.%1$I", first: "create schema backup_\(backups)")
    }

    mutating func restore(using generator: inout SeededGenerator) async throws {
        guard backups > 0 else { return }
        let number = Int.random(in: 1...backups, using: &generator)
        // As a restore does: no trigger and no foreign key sees it.
        try await eachTable(
            "delete from public.%1$I; insert into public.%1$I overriding system value select * from backup_\(number).%1$I",
            first: "set session_replication_role = replica")
        try await database.sql("update database_epoch set epoch = gen_random_uuid()")
    }

    private func eachTable(_ statement: String, first: String) async throws {
        try await database.sql(
            """
            \(first);
            do $$ declare name text; begin
                for name in select tablename from pg_tables where schemaname = 'public' loop
                    execute format('\(statement)', name);
                end loop;
            end $$
            """)
    }

    func answer(to cursor: String?, limit: Int) async throws -> FeedModel.Answer {
        do {
            let place = try cursor.map { try FeedCursor($0, user: user) }
            return .page(try await page(after: place, limit: limit))
        } catch StoreError.cursorExpired, StoreError.cursorOfOtherEpoch, StoreError.cursorAhead {
            return .expired
        }
    }

    /// As it comes over the wire, where times have milliseconds.
    private func page(after cursor: FeedCursor?, limit: Int) async throws -> ChangePage {
        let page = try await database.store.changes(after: cursor, user: user, limit: limit)
        return try Wire.decode(ChangePage.self, from: try Wire.encode(page))
    }

    func truth() async throws -> (living: [Change], sequence: Int64) {
        let page = try await page(after: nil, limit: 10_000)
        return (page.changes, page.through)
    }
}
