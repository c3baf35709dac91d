import FeedSync
import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// The rehearsal: everything is destroyed, comes back from a backup, and the phones and the books agree.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RestoreJobTests {
    @Test func `everything is destroyed and restored, phones converge in a new epoch, and nothing is paid twice`()
        async throws
    {
        try await Stack.with { stack in
            let key = stack.directory.appending(path: "secret.key")
            try Data(contentsOf: try await newKey(stack)).write(to: key)
            var environment = [
                "GONDOLA_SECRET_KEY_FILE": key.path, "GONDOLA_STORAGE": stack.directory.appending(path: "objects").path,
                "GONDOLA_STATE_DIR": stack.directory.appending(path: "state").path, "DATABASE_URL": stack.address,
            ]
            var gondola = try await stack.start(environment)
            let before = try await stack.makeOneOfEachDelivery(gondola, try stack.phone(gondola))
            #expect(await gondola.terminate() == 0)

            // Two more that the deployment's cap holds back: nothing of them is paid when the backup is made.
            gondola = try await stack.start(environment.merging(["GONDOLA_SPENDING_CAP_PER_DAY": "0.01"]) { $1 })
            var phone = try stack.phone(gondola)
            var held: [JobID] = []
            for number in 1...2 {
                let detail = try await phone.submit(
                    JobSubmission(request: Stack.textRequest("held \(number)")), idempotencyKey: "held \(number)")
                held.append(detail.job.id)
            }
            try await stack.follow(phone) { copy in held.allSatisfy { copy.jobs[$0]?.hold != nil } }
            let backups = stack.directory.appending(path: "backups").path
            let made = try await stack.gondola(["backup", backups, "--keep", "3"], environment)
            #expect(made.status == 0 && made.output.contains("GENERATION"), "\(made.complaint)")
            #expect(try await stack.gondola(["backup", "verify", backups, "--rate", "50MB"]).status == 0)
            let rehearsed = try await stack.gondola(["backup", backups, "--dry-run", "--json"], environment)
            #expect(rehearsed.output.contains(#""already_there":4"#), "\(rehearsed.complaint)")
            #expect(try await stack.gondola(["backup", "list", backups, "--json"]).output.contains(#""objects":4"#))
            #expect(await gondola.terminate() == 0)

            // After the backup they are paid and made, and one more that the backup knows nothing of.
            gondola = try await stack.start(environment)
            phone = try stack.phone(gondola)
            let lost = try await phone.submit(
                JobSubmission(request: Stack.textRequest("lost")), idempotencyKey: "lost"
            ).job.id
            var device = FeedClient(
                phone, copy: try FileChangeStore(path: stack.directory.appending(path: "phone.log").path))
            while !(held + [lost]).allSatisfy({ device.copy.contents.jobs[$0]?.isOver == true }) {
                _ = try await device.next()
            }
            #expect(await gondola.terminate() == 0)
            let charges = try await stack.simulator.ledger().charges.count
            #expect(charges == 6)

            try await destroy(stack)
            try await refusedWithoutKey(stack, backups, environment)
            let rehearsal = try await stack.gondola(["restore", backups, "--dry-run"], environment)
            #expect(rehearsal.status == 0 && rehearsal.output.contains("not yet"), "\(rehearsal.complaint)")
            let restored = try await stack.gondola(["restore", backups, "--json"], environment)
            #expect(restored.status == 0, "\(restored.complaint)")
            #expect(restored.output.contains(#""held":2"#) && restored.output.contains(#""restored":4"#))
            environment["GONDOLA_STATE_DIR"] = stack.directory.appending(path: "other").path

            gondola = try await stack.start(environment)
            phone = try stack.phone(gondola)
            // The phone comes with the cursor of the time that is lost, and with what it had then.
            var again = FeedClient(
                phone, copy: try FileChangeStore(path: stack.directory.appending(path: "phone.log").path))
            #expect(again.cursor == device.cursor && again.copy.contents.jobs[lost] != nil)
            try await again.catchUp()
            var fresh = FeedClient(phone)
            try await fresh.catchUp()
            #expect(fresh.copy.jobs == again.copy.contents.jobs && fresh.copy.videos == again.copy.contents.videos)
            #expect(fresh.copy.videos == before.videos && fresh.copy.jobs[lost] == nil)
            let kinds = held.map { fresh.copy.jobs[$0]?.attention?.kind }
            #expect(kinds == [.known(.restored), .known(.restored)])
            let proof = try await again.check()
            #expect(proof.differences.isEmpty && proof.count == again.copy.contents.count)
            try await stack.checkFiles(of: before, phone)

            // A worker that pays for what is new has left those alone.
            let new = try await phone.submit(JobSubmission(request: Stack.textRequest("new")), idempotencyKey: "new")
            try await stack.follow(phone) { $0.jobs[new.job.id]?.isOver == true }
            #expect(try await stack.simulator.ledger().charges.count == charges + 1)

            // A person decides, and only then one of them is paid once more.
            let words = ["jobs", "decide", held[0].description, "resubmit", "--yes"]
            #expect(try await stack.gondola(words, environment).status == 0)
            let giveUp = ["jobs", "decide", held[1].description, "give-up", "--yes"]
            #expect(try await stack.gondola(giveUp, environment).status == 0)
            let end = try await stack.follow(phone) { copy in held.allSatisfy { copy.jobs[$0]?.isOver == true } }
            #expect(end.jobs[held[0]]?.status == .known(.ready) && end.jobs[held[1]]?.failure?.code == "given_up")
            #expect(try await stack.simulator.ledger().charges.count == charges + 2)
            #expect(try await stack.gondola(["ledger", "audit"], environment).status == 0)
            #expect(try await stack.gondola(["storage", "verify"], environment).status == 0)
            #expect(await gondola.terminate() == 0)
        }
    }

    private func newKey(_ stack: Stack) async throws -> URL {
        let file = stack.directory.appending(path: "made.key")
        try Data(try await stack.gondola(["secrets", "new-key"]).output.utf8).write(to: file)
        return file
    }

    /// The database, the files, the journal: everything but the backups and the key.
    private func destroy(_ stack: Stack) async throws {
        try await stack.database.sql(
            """
            drop schema public cascade; create schema public; grant all on schema public to gondola_ordinary;
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid();
            """)
        for name in ["objects", "state"] {
            try FileManager.default.removeItem(at: stack.directory.appending(path: name))
        }
    }

    private func refusedWithoutKey(_ stack: Stack, _ backups: String, _ environment: [String: String]) async throws {
        let none = stack.directory.appending(path: "nowhere").path
        let told = try await stack.gondola(
            ["restore", backups], environment.merging(["GONDOLA_SECRET_KEY_FILE": none]) { $1 })
        #expect(told.status == 1 && told.complaint.contains("there is no key file"), "\(told.complaint)")
    }
}
