import Foundation
import TestSupport
import Testing
import VideoModels

@testable import JobStore

/// The second wall: a statement that forgets to name the user sees nothing of another's.
@Suite struct RowSecurityTests {
    private static let owned = """
        select relname from pg_attribute join pg_class on pg_class.oid = attrelid
        where attname = 'user_id' and relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
        union select 'users' order by 1
        """

    /// Two users with a job each, and the store of a role as an operator's database has.
    private func with(_ body: (TestDatabase, ConnectionPool, UserID, UserID) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let (alice, bob) = (UserID.sample(1), UserID.sample(2))
            for (number, user) in [alice, bob].enumerated() {
                _ = try await database.store.addUser(named: "user \(number)", id: user)
                _ = try await database.store.issueToken(user: user, device: .sample(UInt64(number)), name: "phone")
                _ = try await database.store.submit(
                    JobSubmission(request: .sample), id: .sample(UInt64(number)), user: user, account: "main",
                    key: IdempotencyKey(key: "k", bodyHash: Data(repeating: 1, count: 32)))
            }
            let pool = ConnectionPool(
                conninfo: try await database.ordinaryConninfo(), connections: 1, applicationName: "test")
            defer { pool.stop() }
            try await body(database, pool, alice, bob)
        }
    }

    /// From the catalogue: a table that a later migration adds is in it by itself.
    @Test func `every table with rows of users keeps them apart`() async throws {
        try await TestDatabase.with { database in
            let open = try await database.sql(
                """
                with owned as (\(Self.owned))
                select owned.relname from owned join pg_class using (relname)
                where relnamespace = 'public'::regnamespace and not (
                    relrowsecurity and relforcerowsecurity and exists (
                        select from pg_policy where polrelid = pg_class.oid and polpermissive and polcmd = '*'
                            and pg_get_expr(polqual, polrelid) like '%visible_user()%'
                    ) and (select count(*) from pg_policy where polrelid = pg_class.oid) = 1
                )
                """)
            #expect(open == "", "call keep_users_apart in the migration that adds the table")
        }
    }

    @Test func `a statement without the user's key sees the rows of that user alone`() async throws {
        try await with { database, pool, alice, bob in
            let tables = try await database.sql(Self.owned).split(separator: "\n").map(String.init)
            #expect(tables.contains("jobs") && tables.contains("users"))
            for table in tables {
                let column = table == "users" ? "id" : "user_id"
                let wrong = Statement("wrong", "select \(column)::text as owner from \(table)")
                let seen = try await pool.run { connection in
                    try connection.execute(as: alice, [(wrong, [])])[0].map { try $0.text("owner") }
                }
                #expect(Set(seen).isSubset(of: [alice.description]), "\(table)")
                let there = try await database.sql("select count(*) from \(table) where \(column) = '\(alice)'")
                #expect(seen.count == Int(there), "\(table)")
            }
            // And without a word all of them, as workers need it.
            let all = try await pool.run { connection in
                try connection.execute(Statement("all", "select user_id::text as owner from jobs")).map {
                    try $0.text("owner")
                }
            }
            #expect(Set(all) == [alice.description, bob.description])
        }
    }

    @Test func `nor can it change them, or make rows for another`() async throws {
        try await with { database, pool, alice, bob in
            try await pool.transaction(Connection.begin(as: alice)) { connection in
                try connection.run("update jobs set account = 'stolen'; delete from idempotency_keys")
            }
            #expect(try await database.sql("select account from jobs where user_id = '\(bob)'") == "main")
            #expect(try await database.sql("select user_id from idempotency_keys") == bob.description)
            await #expect(throws: PostgresError.self) {
                try await pool.transaction(Connection.begin(as: alice)) { connection in
                    try connection.run(
                        "insert into devices (user_id, id, name, token_hash) values "
                            + "('\(bob)', gen_random_uuid(), 'x', sha256('x'))")
                }
            }
        }
    }

    /// What one transaction may see is no business of the next, on the same connection or behind a pooler.
    @Test func `the wall ends with its transaction, also with one that fails`() async throws {
        try await with { _, pool, alice, _ in
            let count = Statement("count", "select count(*) as jobs from jobs")
            func jobs() async throws -> Int? {
                try await pool.run { try $0.execute(count).first { try $0.int("jobs") } }
            }
            _ = try await pool.run { _ = try $0.execute(as: alice, [(count, [])]) }
            #expect(try await jobs() == 2)
            await #expect(throws: PostgresError.self) {
                try await pool.run { _ = try $0.execute(as: alice, [(Statement("bad", "select 1 / 0 as x"), [])]) }
            }
            #expect(try await jobs() == 2)
            await #expect(throws: PostgresError.self) {
                try await pool.transaction(Connection.begin(as: alice)) { try $0.run("select 1 / 0") }
            }
            #expect(try await jobs() == 2)
        }
    }

    @Test func `a setting that names nobody lets nothing through`() async throws {
        try await with { _, pool, _, _ in
            await #expect(throws: PostgresError.self) {
                try await pool.run { try $0.run("set gondola.user_id = 'everybody'; select * from jobs") }
            }
        }
    }

    /// A policy that got in the way of an index would cost more than all else.
    @Test func `the hot path goes by its indexes for a role that policies bind`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            let jobs = (1...2000).map { number in
                NewJob(
                    JobSubmission(request: .sample), id: .sample(UInt64(number)), user: .sample(), account: "main")
            }
            for outcome in await database.store.submit(jobs) { _ = try outcome.get() }
            _ = try await database.ordinaryConninfo()
            func plan(_ statement: Statement) async throws -> String {
                let count = statement.sql.matches(of: /\$(\d+)/).compactMap { Int($0.1) }.max() ?? 0
                let nulls = Array(repeating: "null", count: count).joined(separator: ", ")
                return try await database.sql(
                    "set role gondola_ordinary; \(SessionSettings.hot.ofSession); "
                        + "prepare this as \(statement.sql); explain execute this (\(nulls))")
            }
            #expect(try await plan(JobStatements.claim).contains("Index Scan using jobs_due on jobs"))
            let write = try await plan(StepStatements.write)
            #expect(!write.contains("Seq Scan on jobs") && !write.contains("jobs_feed"))
            #expect(write.contains("Index Cond: ((user_id = step.user_id) AND (id = step.id))"))
            #expect(try await plan(FeedStatements.jobsSince).contains("jobs_feed"))
        }
    }
}
