import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VideoModels

/// Two processes and a PgBouncer in transaction mode that has fewer connections than either of them.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PoolerJobTests {
    @Test func `the main job and the feed go through PgBouncer, paid once, whichever process does the work`()
        async throws
    {
        try await Stack.with { stack in
            try await PgBouncer.with(before: stack.database, servers: 3) { bouncer in
                let pooled = [
                    "DATABASE_URL": bouncer.conninfo, "GONDOLA_DATABASE_DIRECT_URL": stack.address,
                    "GONDOLA_DATABASE_CONNECTIONS": "6",
                ]
                let first = try await stack.start(pooled)
                let own = [
                    "GONDOLA_STATE_DIR": stack.directory.appending(path: "second").path,
                    "GONDOLA_SECRET_KEY_FILE": stack.directory.appending(path: "state/secret.key").path,
                ]
                let second = try await stack.start(pooled.merging(own) { $1 })
                // Asked of one server, followed at the other.
                var jobs: [JobID] = []
                for (number, request) in [Stack.textRequest(), Stack.privateRequest(), Stack.textRequest("a bridge")]
                    .enumerated()
                {
                    let detail = try await stack.phone(first).submit(
                        JobSubmission(request: request), idempotencyKey: "\(number)")
                    jobs.append(detail.job.id)
                }
                let copy = try await stack.follow(stack.phone(second)) { copy in
                    jobs.allSatisfy { copy.jobs[$0]?.isOver == true }
                }
                #expect(copy.jobs.values.map(\.status) == Array(repeating: .known(.ready), count: 3))
                try await stack.checkFiles(of: copy, stack.phone(first))
                #expect(try await stack.simulator.ledger().charges.count == 3)
                let ready = try await RawPhone(server: first.ops, token: "").ask("GET", "/readyz")
                #expect(ready.status == 200 && ready.text.contains(/"wake_ups" ?: ?"ok"/), "\(ready.text)")
                #expect(await first.terminate() == 0)
                #expect(await second.terminate() == 0)
                // Nothing of either has stayed on the pooler's connections.
                #expect(try await bouncer.sql("show statement_timeout") == stack.database.sql("show statement_timeout"))
            }
        }
    }
}
