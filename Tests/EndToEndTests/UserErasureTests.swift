import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VideoModels

/// `gondola users erase` with the real executable, killed on its way and run again.
@Suite(.serialized, .timeLimit(.minutes(10))) struct UserErasureTests {
    private func objects(_ stack: Stack) -> [String] {
        let folder = stack.directory.appending(path: "objects/objects").path
        return (FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []).filter {
            $0.hasSuffix(".mp4")
        }
    }

    /// After the mark, before the objects go, after the jobs, between two kinds of rows, and at the very end.
    @Test(arguments: [
        "sql.begin_erasure", "sql.unfinished_jobs:2", "sql.erase_jobs:1", "sql.erase_devices:1", "sql.finish_erasure",
    ])
    func `an erasure that is killed shuts the user out, and ends whole when it is run again`(_ step: String)
        async throws
    {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let job = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "k").job.id
            _ = try await stack.follow(phone) { $0.jobs[job]?.isOver == true }
            try await gondola.waitFor("cleanedUp", of: job)
            #expect(objects(stack).count == 1)
            let words = ["users", "erase", stack.user.description, "--yes", "--json"]
            let environment = [
                "GONDOLA_STORAGE": stack.directory.appending(path: "objects").path,
                "GONDOLA_STATE_DIR": stack.directory.appending(path: "operator").path,
            ]
            let killed = try await stack.gondola(words, environment.merging(["GONDOLA_FAILPOINT": step]) { $1 })
            #expect(killed.status == SIGKILL, "\(killed.complaint)")
            // The news is on its way.
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            while try await raw.ask("GET", "/v1/me").status == 200 { await Task.yield() }

            let again = try await stack.gondola(words, environment)
            #expect(again.status == 0, "\(again.complaint)")
            #expect(again.output.contains(#""is_erased":true"#))
            #expect(objects(stack).isEmpty)
            let left = try await stack.database.sql(
                """
                select (select count(*) from jobs), (select count(*) from videos), (select count(*) from devices),
                    (select count(*) from attempts), (select count(*) from ledger), (select name from users)
                """)
            #expect(left == "0|0|0|0|2|erased \(stack.user)")
            #expect(try await stack.gondola(["ledger", "audit"], environment).status == 0)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a dry run changes nothing, and without a terminal nothing is erased unasked`() async throws {
        try await Stack.with { stack in
            let environment = [
                "GONDOLA_STORAGE": stack.directory.appending(path: "objects").path,
                "GONDOLA_STATE_DIR": stack.directory.appending(path: "operator").path,
            ]
            let words = ["users", "erase", stack.user.description]
            let tried = try await stack.gondola(words + ["--dry-run"], environment)
            #expect(tried.status == 0 && tried.output.contains("1 devices"))
            #expect(try await stack.gondola(words, environment).status == 64)
            #expect(try await stack.database.sql("select erasing_at is null, suspended_at is null from users") == "t|t")
        }
    }
}
