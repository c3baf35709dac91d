import Foundation
import JobLifecycle
import JobStore
import Logging
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// Another sealing key, with the real executable, while a private job is under way.
@Suite(.timeLimit(.minutes(10))) struct SecretKeyTests {
    @Test func `the key is changed as the manual says, and a private video comes home`() async throws {
        try await Stack.with { stack in
            let file = stack.directory.appending(path: "keys")
            let environment = [
                "GONDOLA_SECRET_KEY_FILE": file.path, "GONDOLA_STATE_DIR": stack.directory.appending(path: "s").path,
            ]
            let old = try await newKey(stack)
            let new = try await newKey(stack)
            #expect(old != new)
            func restart(_ keys: [String], _ process: GondolaProcess?) async throws -> GondolaProcess {
                if let process { #expect(await process.terminate() == 0) }
                try Data(keys.joined(separator: "\n").utf8).write(to: file)
                return try await stack.start(environment)
            }
            var gondola = try await restart([old], nil)
            let job = try await stack.phone(gondola).submit(
                JobSubmission(request: Stack.privateRequest()), idempotencyKey: "1"
            ).job.id
            gondola = try await restart([old, new], gondola)
            gondola = try await restart([new, old], gondola)
            let rotated = try await stack.gondola(["secrets", "rotate", "--json"], environment)
            #expect(rotated.status == 0 && rotated.output.contains("resealed"), "\(rotated.complaint)")
            let status = try await stack.gondola(["secrets", "status"], environment)
            #expect(status.status == 0 && status.output.contains("seals"), "\(status.complaint)")
            gondola = try await restart([new], gondola)
            let copy = try await stack.follow(try stack.phone(gondola)) { $0.jobs[job]?.isOver == true }
            #expect(copy.jobs[job]?.status == .known(.ready))
            #expect(await gondola.terminate() == 0)

            // The old key alone is no longer enough, and a file that holds none is told what it must hold.
            try Data(old.utf8).write(to: file)
            let refused = try await stack.gondola(["secrets", "rotate"], environment)
            #expect(refused.status == 1 && refused.complaint.contains("none of the keys"))
            try Data("short\n".utf8).write(to: file)
            let unreadable = try await stack.gondola(["secrets", "status"], environment)
            #expect(unreadable.status == 1 && unreadable.complaint.contains("gondola secrets new-key"))
        }
    }

    @Test func `a rotation that is killed at any step leaves nothing that the ring does not open, and is gone on with`()
        async throws
    {
        try await Stack.with {
            // Nothing is finished while this goes on.
            $0.renderLaw = RenderLaw(medians: RenderLaw.usualMedians.mapValues { _ in 80_000 }, sigma: 0)
        } _: { stack in
            let file = stack.directory.appending(path: "keys")
            let old = try await newKey(stack)
            let state = stack.directory.appending(path: "s").path
            let environment = ["GONDOLA_SECRET_KEY_FILE": file.path, "GONDOLA_STATE_DIR": state]
            try Data(old.utf8).write(to: file)
            try await privateJobs(3, stack, environment)
            var ring = [old]
            // The mark of the new key is there; the first secret is sealed anew; the second; all of them are.
            for step in ["sql.remark_sealing_key", "sql.reseal", "sql.reseal:2", "transactionCommitted"] {
                ring.insert(SecretKeys.newKey(), at: 0)
                try Data(ring.joined(separator: "\n").utf8).write(to: file)
                let killed = try await stack.gondola(
                    ["secrets", "rotate"], environment.merging(["GONDOLA_FAILPOINT": step]) { $1 })
                #expect(killed.status == SIGKILL, "\(step): \(killed.complaint)")
                // Whatever is sealed with which, the file that has both opens all of it.
                let again = try await stack.gondola(["secrets", "rotate", "--json"], environment)
                #expect(again.status == 0, "\(step): \(again.complaint)")
                // The first key alone is enough now.
                ring = [ring[0]]
                try Data(ring[0].utf8).write(to: file)
                let after = try await stack.gondola(["secrets", "status"], environment)
                #expect(after.status == 0 && !after.output.contains("missing"), "\(step): \(after.complaint)")
            }
            // And they are what they were: a worker that has the last key alone reads every one.
            try await stack.database.sql("update jobs set next_action_at = now()")
            let key = try #require(Data(base64Encoded: ring[0]))
            let store = PostgresStore(
                conninfo: stack.database.conninfo, secrets: SecretBox(key: key), log: Logger(label: "test"))
            let claimed = try await store.claim(limit: 10, lease: 60, worker: "w")
            await store.close()
            #expect(claimed.count == 3 && claimed.allSatisfy { $0.rendering?.link?.reveal().hasPrefix("http") == true })
        }
    }

    /// Private jobs that are under way, with their links sealed in the database, and no process.
    private func privateJobs(_ count: Int, _ stack: Stack, _ environment: [String: String]) async throws {
        let gondola = try await stack.start(environment)
        let phone = try stack.phone(gondola)
        for number in 1...count {
            _ = try await phone.submit(
                JobSubmission(request: Stack.privateRequest()), idempotencyKey: "\(number)")
        }
        try await stack.follow(phone) { copy in
            copy.jobs.count == count && copy.jobs.values.allSatisfy { $0.status == .known(.rendering) }
        }
        await gondola.kill()
        #expect(try await stack.database.sql("select count(*) from jobs where sealed_link is not null") == "\(count)")
    }

    private func newKey(_ stack: Stack) async throws -> String {
        let made = try await stack.gondola(["secrets", "new-key"])
        #expect(made.status == 0)
        return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
