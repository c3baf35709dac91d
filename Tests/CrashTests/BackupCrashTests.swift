import Foundation
import JobLifecycle
import JobStore
import ObjectStorage
import StackSupport
import SyncService
import TestSupport
import Testing
import VideoModels

/// A backup and a restore whose process is killed at each of its steps, and that is then done again.
@Suite(.serialized, .timeLimit(.minutes(10))) struct BackupCrashTests {
    @Test func `killed at any step of a backup, what is there is whole, and the next one is made`() async throws {
        try await withThings { stack in
            let run = BackupCrash(stack: stack)
            let steps = try await run.steps(of: "CRASH_WORKER_BACKUP", stack.address)
            #expect(steps["backupDumped"] == 1 && steps["backupCopied"] == 2 && steps["objectDurable"] == 2)
            for (step, nth) in steps.orders {
                let backups = run.newFolder()
                #expect(try await run.go("CRASH_WORKER_BACKUP", backups, stack.address, "\(step):\(nth)") == -SIGKILL)
                let left = (try? Backups.list(in: backups)) ?? []
                #expect(left.count == (step == "backupNamed" ? 1 : 0), "\(step)")
                if !left.isEmpty { try await run.check(backups, step) }
                #expect(try await run.go("CRASH_WORKER_BACKUP", backups, stack.address) == 0, "\(step):\(nth)")
                #expect(try Backups.list(in: backups).count == 1)
                try await run.check(backups, step)
                let unfinished = try FileManager.default.contentsOfDirectory(atPath: backups + "/unfinished")
                #expect(unfinished.isEmpty, "\(step):\(nth)")
            }
        }
    }

    @Test func `killed while an old generation goes, the directory is whole, and the next one tidies up`() async throws
    {
        try await withThings { stack in
            let run = BackupCrash(stack: stack)
            let backups = run.newFolder()
            #expect(try await run.go("CRASH_WORKER_BACKUP", backups, stack.address) == 0)
            #expect(try await run.go("CRASH_WORKER_BACKUP", backups, stack.address, "backupPruned") == -SIGKILL)
            try await run.check(backups, "backupPruned")
            #expect(try await run.go("CRASH_WORKER_BACKUP", backups, stack.address) == 0)
            #expect(try Backups.list(in: backups).count == 1)
        }
    }

    @Test func `killed at any step of a restore, the database is empty or restored, and nothing in it pays by itself`()
        async throws
    {
        try await withThings { stack in
            let run = BackupCrash(stack: stack)
            let backups = run.newFolder()
            #expect(try await run.go("CRASH_WORKER_BACKUP", backups, stack.address) == 0)
            let steps = try await TestDatabase.with(isMigrated: false) { target in
                try await run.steps(of: "CRASH_WORKER_RESTORE", target.conninfo, backups)
            }
            #expect(steps["restoreCopied"] == 1 && steps["restoreWritten"] == 1 && steps["objectDurable"] == 2)
            for (step, nth) in steps.orders {
                try await TestDatabase.with(isMigrated: false) { target in
                    let files = run.newFolder()
                    let order = "\(step):\(nth)"
                    #expect(
                        try await run.go("CRASH_WORKER_RESTORE", backups, target.conninfo, order, files: files)
                            == -SIGKILL)
                    if try await target.hasNoTables() {
                        #expect(
                            try await run.go("CRASH_WORKER_RESTORE", backups, target.conninfo, files: files) == 0)
                    }
                    try await run.checkRestored(target, files, order)
                }
            }
        }
    }

    @Test func `a server that ends the restoring session takes all of it back, and the repeat succeeds`() async throws {
        try await withThings { stack in
            let run = BackupCrash(stack: stack)
            let backups = run.newFolder()
            #expect(try await run.go("CRASH_WORKER_BACKUP", backups, stack.address) == 0)
            try await TestDatabase.with(isMigrated: false) { target in
                let files = run.newFolder()
                let gate = try await target.lockGate()
                async let status = run.go("CRASH_WORKER_RESTORE", backups, target.conninfo, files: files)
                try await target.endWhoeverWaits()
                #expect(try await status == 1)
                try await gate.open()
                #expect(try await target.hasNoTables())
                #expect(try await run.go("CRASH_WORKER_RESTORE", backups, target.conninfo, files: files) == 0)
                try await run.checkRestored(target, files, "after the server's end")
            }
        }
    }

    /// Two files, and a job that is priced and not paid.
    private func withThings(_ body: (Stack) async throws -> Void) async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start(["GONDOLA_CLAIM_INTERVAL": "60s"], program: "crash-worker")
            for number in 1...2 {
                let file = stack.directory.appending(path: "picture-\(number).png")
                let head: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
                try Data(head + [UInt8](repeating: UInt8(number), count: 10_000)).write(to: file)
                _ = try await stack.phone(gondola).uploadAsset(file: file.path, contentType: "image/png")
            }
            #expect(await gondola.terminate() == 0)
            let job = NewJob(
                JobSubmission(request: Stack.textRequest()), id: .sample(1), user: stack.user, account: "default")
            for outcome in await stack.database.store.submit([job]) { _ = try outcome.get() }
            _ = try await stack.database.store.move(
                .sample(1), user: stack.user, by: .priced(.sample), policy: JobPolicy(), at: Date())
            try await body(stack)
        }
    }
}

private struct BackupCrash {
    let stack: Stack

    func newFolder() -> String { stack.directory.appending(path: UUID().uuidString).path }

    /// Runs it to its end, whatever that is.
    func go(
        _ task: String, _ directory: String, _ database: String, _ order: String? = nil, files: String? = nil,
        trace: String? = nil
    ) async throws -> Int32 {
        var environment = [task: directory, "DATABASE_URL": database, "GONDOLA_FAILPOINT": order ?? ""]
        environment["GONDOLA_FAILPOINT_TRACE"] = trace
        if let files { environment["GONDOLA_STORAGE"] = files }
        return try await stack.launch(environment, program: "crash-worker").waitUntilGone()
    }

    /// What a run comes to, and how often.
    func steps(of task: String, _ database: String, _ directory: String? = nil) async throws -> [String: Int] {
        let trace = newFolder()
        let files = task == "CRASH_WORKER_RESTORE" ? newFolder() : nil
        #expect(try await go(task, directory ?? newFolder(), database, files: files, trace: trace) == 0)
        let lines = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n").map(String.init)
        return lines.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    func check(_ backups: String, _ step: String) async throws {
        let report = try await Backups.verify(
            backups, generation: nil, isRepairing: false, bytesPerSecond: nil, progress: { _ in })
        #expect(report.damage == 0 && report.objects == 2, "\(step): \(report.findings)")
    }

    func checkRestored(_ target: TestDatabase, _ files: String, _ order: String) async throws {
        let states = try await target.sql("select concat_ws('/', state, attention_kind) from jobs")
        #expect(states == "attention/restored", "\(order)")
        let rows = try await target.sql("select storage_key, sha256 from assets").split(separator: "\n")
        #expect(rows.count == 2)
        let store = try LocalObjectStore(root: files)
        for row in rows.map({ $0.split(separator: "|").map(String.init) }) {
            let info = try await store.head(try ObjectKey(row[0]))
            #expect(info.sha256?.hex == row[1], "\(order)")
        }
    }
}

extension [String: Int] {
    /// Each step, and the last time as well of those that come with each object.
    fileprivate var orders: [(String, Int)] {
        sorted { $0.key < $1.key }.flatMap { step, count in
            ["backupCopied", "objectDurable"].contains(step) ? [(step, 1), (step, count)] : [(step, 1)]
        }
    }
}

/// A session that holds what a restore asks for before anything else.
private struct Gate {
    let pid: String
    let database: TestDatabase

    func open() async throws { try await database.sql("select pg_terminate_backend(\(pid))") }
}

extension TestDatabase {
    /// By a session that is gone at once: one of gondola's would be in the way of a restore.
    fileprivate func hasNoTables() async throws -> Bool {
        try await sql("select count(*) from pg_tables where schemaname = 'public'") == "0"
    }

    /// Takes the lock of migrations in a session that stays until the gate is opened.
    fileprivate func lockGate() async throws -> Gate {
        let number = 0x67_6F_6E_64_6F_6C_61
        let database = self
        // Without a parent: it ends with its session, by an error that says so.
        Task { try? await database.sql("select pg_advisory_lock(\(number)), pg_sleep(100000)") }
        return Gate(pid: try await first("wait_event = 'PgSleep'"), database: self)
    }

    fileprivate func endWhoeverWaits() async throws {
        let pid = try await first("wait_event_type = 'Lock' and application_name = 'psql'")
        try await sql("select pg_terminate_backend(\(pid))")
    }

    /// The process of the session that comes to look like this.
    private func first(_ look: String) async throws -> String {
        while true {
            let pid = try await sql(
                "select pid from pg_stat_activity where datname = current_database() and \(look) limit 1")
            if !pid.isEmpty { return pid }
            await Task.yield()
        }
    }
}
