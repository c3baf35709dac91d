import Foundation
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct SchemaTests {
    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/schema.sql")

    @Test func `every statement fits the schema`() async throws {
        try await TestDatabase.with { database in
            try await database.withPool(connections: 1) { pool in
                let all = Self.statements
                #expect(Set(all.map(\.name)).count == all.count)
                for statement in all { try await pool.run { try $0.prepare(statement) } }
            }
        }
    }

    @Test func `claiming reads what is due from the index and nothing else`() async throws {
        try await TestDatabase.with { database in
            let plan = try await database.sql(
                "set enable_seqscan = off; set enable_bitmapscan = off; "
                    + "prepare claim (bigint, float8, text, timestamptz) as \(JobStatements.claim.sql); "
                    + "explain execute claim (10, 60, 'w', '-infinity')")
            #expect(plan.contains("Index Scan using jobs_due on jobs"))
            #expect(plan.contains("<= statement_timestamp()))"))
        }
    }

    /// A plan that goes through all of a user's jobs for each step would do on a small table, and only there.
    @Test
    func
        `a step goes to its job by the key, and locks jobs and users in the order in which they come`()
        async throws
    {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            let jobs = (1...2000).map { number in
                NewJob(
                    JobSubmission(request: .sample), id: .sample(UInt64(number)), user: .sample(),
                    account: "main")
            }
            for outcome in await database.store.submit(jobs) { _ = try outcome.get() }
            func plan(_ statement: Statement) async throws -> String {
                let count = statement.sql.matches(of: /\$(\d+)/).compactMap { Int($0.1) }.max() ?? 0
                let nulls = Array(repeating: "null", count: count).joined(separator: ", ")
                return try await database.sql(
                    "\(SessionSettings.hot.ofSession); "
                        + "prepare this as \(statement.sql); explain execute this (\(nulls))")
            }
            for statement in [StepStatements.write, StepStatements.writePlain] {
                let write = try await plan(statement)
                #expect(
                    !write.contains("jobs_feed") && !write.contains("Seq Scan") && !write.contains("LockRows"))
                #expect(write.contains("Index Cond: ((user_id = step.user_id) AND (id = step.id))"))
                #expect(
                    write.contains(/Index Cond: \(\(user_id = held_\d.user_id\) AND \(id = held_\d.id\)\)/))
            }
            let locks = [
                (StepStatements.lock, "step"), (SubmitStatements.lockUsers, "wanted"),
                (JobStatements.renew, "lease"),
            ]
            for (statement, origin) in locks {
                let parts = try await plan(statement).components(separatedBy: "LockRows")
                #expect(parts.count == 2, "\(statement.name)")
                let outer = ["Function Scan on \(origin)", "Function Scan on unnest \(origin)"]
                #expect(outer.contains { parts[0].contains($0) }, "\(statement.name)")
            }
        }
    }

    @Test func `every statement of the sources is in a list`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/JobStore/Statements")
        let files = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
        let declared = try files.map { file in
            try String(contentsOf: file, encoding: .utf8).components(separatedBy: "= Statement(").count
                - 1
        }
        #expect(declared.reduce(0, +) == Self.statements.count)
    }

    /// The fixture shows a migration's effect in review. `UPDATE_SCHEMA=1 make test` writes it anew.
    @Test func `the migrated schema is the one that is checked in`() async throws {
        let schema = try await TestDatabase.with { try await $0.schema() }
        if ProcessInfo.processInfo.environment["UPDATE_SCHEMA"] == "1" {
            try Data(schema.utf8).write(to: Self.fixture)
        }
        let kept = try String(contentsOf: Self.fixture, encoding: .utf8)
        let difference = schema.split(separator: "\n").difference(from: kept.split(separator: "\n"))
        #expect(
            difference.isEmpty,
            "Run with UPDATE_SCHEMA=1 to write \(Self.fixture.lastPathComponent) anew.")
    }

    @Test func `rows that contradict themselves are refused`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit()
            let contradictions = [
                "state = 'quoted', price = 1, next_action_at = null": "job_under_way_is_scheduled",
                "next_action_at = null, leased_by = 'w'": "job_that_waits_its_turn_is_free",
                "priority = 2": "jobs_priority_check",
                "state = 'quoted'": "job_priced",
                "state = 'quoted', price = 1, submitting_token = 3": "job_submitting_names_its_worker",
                "state = 'submitting', price = 1": "job_submitting_names_its_worker",
                "state = 'rendering', price = 1": "job_paid_has_its_handle",
                "state = 'rendering', price = 1, queue_id = 'q', venice_model = 'm'":
                    "job_paid_has_its_handle",
                "state = 'ready', price = 1, queue_id = 'q', venice_model = 'm', submitted_at = now()":
                    "job_ready_has_its_video",
                "video_id = gen_random_uuid()": "job_ready_has_its_video",
                "state = 'failed'": "job_failed_says_why",
                "failure_code = 'x'": "job_failed_says_why",
                "state = 'attention'": "job_attention_says_why",
                "state = 'attention', attention_kind = 'unknown_outcome'": "job_priced",
                "state = 'attention', attention_kind = 'mood', price = 1": "jobs_attention_kind_check",
                "state = 'teleporting', price = 1": "jobs_state_check",
                "price = -1": "jobs_price_check",
                "max_price = -1": "jobs_max_price_check",
            ]
            for (change, constraint) in contradictions {
                let error = await #expect(throws: ProgramFailed.self) {
                    try await database.sql("update jobs set \(change)")
                }
                #expect(
                    error?.description.contains("\"\(constraint)\"") == true, "\(change): \(error as Any)")
            }
        }
    }

    @Test func `the ledger is never changed`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            let job = try await database.submit().job.id
            try await database.sql(
                "insert into ledger (user_id, job_id, kind, amount) select user_id, id, 'reserve', 1 from jobs")
            for text in ["update ledger set amount = 2", "delete from ledger", "truncate ledger"] {
                let error = await #expect(throws: ProgramFailed.self) { try await database.sql(text) }
                #expect(error?.description.contains("rows of ledger are never changed or removed") == true)
            }
            #expect(try await database.sql("select job_id, amount from ledger") == "\(job)|1.000000")
            await #expect(throws: ProgramFailed.self) {
                try await database.sql(
                    "insert into ledger (user_id, job_id, kind, amount) select user_id, id, 'reserve', -1 from jobs"
                )
            }
        }
    }

    @Test func `two jobs never hold one paid thing`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit(1)
            try await database.submit(2)
            let error = await #expect(throws: ProgramFailed.self) {
                try await database.sql("update jobs set queue_id = 'q'")
            }
            #expect(error?.description.contains("jobs_queue_id") == true)
        }
    }

    private static let statements = [
        JobStatements.all, StepStatements.all, SubmitStatements.all, FeedStatements.all, DigestStatements.all,
        MediaStatements.all, LifecycleStatements.all, MediaWorkStatements.all, StoredObjectStatements.all,
        UserStatements.all, DeviceStatements.all, UpstreamStatements.all, RetentionStatements.all, SecretStatements.all,
        BackupStatements.all,
        BudgetStatements.all, LedgerStatements.all, AdmissionStatements.all, ModelPauseStatements.all,
        ProcessStatements.all, OverviewStatements.all, HealthStatements.all,
        StandingStatements.all, ErasureStatements.all, OperatorStatements.all,
    ].flatMap { $0 }
}
