import Foundation
import JobLifecycle
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import JobStore
@testable import SyncService

/// What a restored database is safe from.
@Suite(.timeLimit(.minutes(10))) struct RestoreTests {
    /// A job brought to a state by these events.
    private func job(_ number: UInt64, _ database: TestDatabase, _ events: JobEvent...) async throws {
        let user = UserID.sample()
        _ = try await database.store.submit(
            JobSubmission(request: .sample), id: .sample(number), user: user, account: "main", key: nil)
        for event in events {
            _ = try await database.store.move(.sample(number), user: user, by: event, policy: JobPolicy(), at: Date())
        }
    }

    /// One in each state that a backup can find a job in.
    private func jobs(_ database: TestDatabase) async throws {
        _ = try await database.store.addUser(named: "a", id: .sample())
        let (priced, intended) = (JobEvent.priced(.sample), JobEvent.submissionIntended(by: LeaseToken(0)))
        try await job(1, database)
        try await job(2, database, priced)
        try await job(3, database, priced, intended)
        try await job(4, database, priced, intended, .submissionLost(evidence: "gone"))
        try await job(5, database, .accountBlocked(evidence: "402"))
        let consent = ConsentRequest(flow: "f", policy: Job.ConsentPolicy(policyText: "t"))
        try await job(6, database, priced, intended, .consentAsked(consent))
        try await job(7, database, priced, intended, .submissionAccepted(.sample))
        try await job(8, database, priced, intended, .refused(.sample))
        // Lost before, counted as spent, and asked again.
        try await job(9, database, priced, intended, .submissionLost(evidence: "gone"), .decided(.resubmit))
        try await database.sql(
            "update attempts set reconciliation = '{\"verdict\":\"not_charged\"}' where outcome = 'lost'")
        try await database.sql(
            "update jobs set attention_verdict = 'not_charged' where attention_kind = 'unknown_outcome'")
    }

    @Test func `nothing that may have been paid since the backup is paid again by itself`() async throws {
        try await BackedUp.with { place in
            try await jobs(place.database)
            let user = UserID.sample()
            try await place.backUp()
            try await place.restore { target, report in
                #expect(report.jobs == RestoredJobs(held: 5, unknown: 2, unpaid: 0, paid: 1))
                let states = try await target.sql(
                    "select concat_ws('/', state, attention_kind) from jobs order by id")
                #expect(
                    states.split(separator: "\n") == [
                        "attention/restored", "attention/restored", "attention/unknown_outcome",
                        "attention/unknown_outcome", "attention/restored", "attention/restored", "rendering", "failed",
                        "attention/restored",
                    ])
                // A worker finds the paid one and no other.
                try await target.sql("update jobs set next_action_at = now() where next_action_at is not null")
                let claimed = try await target.store.claim(limit: 100, lease: 60, worker: "w")
                #expect(claimed.map(\.id) == [.sample(7)] && claimed[0].token.rawValue > 1_000_000)
                // What was proven of the lost answer says nothing of what came after.
                #expect(try await target.sql("select count(*) from jobs where attention_verdict is not null") == "0")
                let lost = "select count(*) from attempts where is_of_lost_time and reconciliation is null"
                #expect(try await target.sql(lost + " and outcome = 'lost' and ended_at is not null") == "2")
                #expect(try await target.store.audit().findings.isEmpty)

                let shown = try await target.store.job(.sample(2), user: user).job.attention
                #expect(shown?.kind == .known(.restored) && shown?.priceAtRisk == .sample)
                #expect(shown?.evidence?.contains("quoted and not paid") == true)
                for (number, state) in [(UInt64(1), "accepted"), (2, "quoted"), (9, "quoted"), (6, "quoted")] {
                    _ = try await target.store.move(
                        .sample(number), user: user, by: .decided(.resubmit), policy: JobPolicy(), at: Date())
                    #expect(
                        try await target.sql("select state from jobs where id = '\(JobID.sample(number))'") == state)
                }
                _ = try await target.store.move(
                    .sample(5), user: user, by: .decided(.giveUp), policy: JobPolicy(), at: Date())
                await #expect(throws: InvalidEvent.self) {
                    try await target.store.move(
                        .sample(3), user: user, by: .cancelRequested, policy: JobPolicy(), at: Date())
                }
                #expect(try await target.store.audit().findings.isEmpty)
            }
        }
    }

    @Test func `the answer of a restored submission is taken from the journal that survived`() async throws {
        try await BackedUp.with { place in
            try await jobs(place.database)
            try await place.backUp()
            try await place.restore { target, _ in
                var evidence = AttemptEvidence(.accepted)
                evidence.token = LeaseToken(0)
                let receipt = Receipt(model: "m", queueID: "late", link: nil)
                let detail = try await target.store.move(
                    .sample(3), user: .sample(), by: .submissionAccepted(receipt), policy: JobPolicy(), at: Date(),
                    evidence: evidence)
                #expect(detail.job.status == .known(.rendering))
                #expect(try await target.store.audit().findings.isEmpty)
            }
        }
    }

    @Test func `an answer to a restored submission that would have it paid by itself is not taken`() async throws {
        try await BackedUp.with { place in
            try await jobs(place.database)
            try await place.backUp()
            try await place.restore { target, _ in
                var given = AttemptEvidence(.notSent)
                given.token = LeaseToken(0)
                let evidence = given
                let throttled = JobEvent.submissionNotSent(Setback(.throttled, "429"))
                for event in [throttled, .submissionCorrectable(.sample), .refused(.sample)] {
                    await #expect(throws: InvalidEvent.self) {
                        try await target.store.move(
                            .sample(3), user: .sample(), by: event, policy: JobPolicy(), at: Date(),
                            evidence: evidence)
                    }
                }
                let state = try await target.sql("select state from jobs where id = '\(JobID.sample(3))'")
                #expect(state == "attention")
            }
        }
    }

    @Test func `no attempt after a restore has a token of the lost time, or of another restore`() async throws {
        try await BackedUp.with { place in
            try await jobs(place.database)
            try await place.database.sql("update jobs set lease_token = 3000000000000 where id = '\(JobID.sample(4))'")
            let before = try await tokens(place.database)
            try await place.backUp()
            var seen: [[Int64]] = [before]
            for _ in 1...2 {
                try await place.restore { target, _ in seen.append(try await tokens(target)) }
            }
            // All but the one that has failed.
            #expect(before.count == 8)
            for number in before.indices {
                #expect(seen[1][number] >= before[number] + 1_000_000, "\(seen)")
                #expect(seen[2][number] > seen[1][number] || before[number] == 3_000_000_000_000, "\(seen)")
            }
        }
    }

    private func tokens(_ database: TestDatabase) async throws -> [Int64] {
        try await database.sql("select lease_token from jobs where state <> 'failed' order by id")
            .split(separator: "\n").compactMap { Int64($0) }
    }

    @Test func `programs of Postgres obey what this process obeys`() {
        let own = [
            "PGDATABASE": "a", "PGSSLMODE": "verify-full", "PGSERVICE": "s", "PGAPPNAME": "gondola", "PGUSER": "u",
            "PG_COLOR": "always", "GONDOLA_LINK_KEY": "secret", "PATH": "/bin",
        ]
        let told = PostgresTool.environment("postgres://w@db.internal", from: own)
        #expect(
            told == [
                "PGDATABASE": "a", "PGSSLMODE": "verify-full", "PGSERVICE": "s", "PGUSER": "w", "PGHOST": "db.internal",
                "PATH": "/bin", "LC_ALL": "C",
            ])
    }

    @Test func `psql on another database than the process leaves that one as it is`() async throws {
        try await TestDatabase.with { database in
            try await TestDatabase.with { other in
                var script = RestoreScript(backupAt: .sample, migrations: [], epoch: UUID())
                script.place = try await database.store.place()
                #expect(script.head.contains(script.elsewhere))
                _ = try await database.sql(script.elsewhere)
                let check = script.elsewhere
                await #expect { try await other.sql(check) } throws: { "\($0)".contains("another database") }
            }
        }
    }

    /// pg_restore of 17 and later writes it for every server, and servers up to 16 know nothing of it.
    @Test func `a setting that older servers do not know is left out, and a row that looks like it is not`() throws {
        let (setting, rows) = ("SET transaction_timeout = 0;", "COPY public.jobs (id) FROM stdin;")
        let script = ["SET lock_timeout = 0;", setting, "SET row_security = on;", rows, setting, "\\."]
        let kept = try runNow(
            ["sh", "-c", "printf '%s\\n' \"$@\" | \(RestoreRun.older)", "sh"] + script)
        #expect(kept == script.enumerated().filter { $0.offset != 1 }.map(\.element).joined(separator: "\n"))
    }

    @Test func `who knows that nothing was submitted since lets everything go on`() async throws {
        try await BackedUp.with { place in
            try await jobs(place.database)
            try await place.backUp()
            try await place.restore(place.asking { $0.isHolding = false }) { target, report in
                #expect(report.jobs?.held == 0 && report.jobs?.unpaid == 4)
                let findings = try await target.store.audit().findings
                #expect(findings.isEmpty)
            }
        }
    }

    @Test func `a database that holds anything is refused, and replaced only when told`() async throws {
        try await BackedUp.with { place in
            _ = try await place.database.addVideos([[1, 2, 3]], in: place.objects)
            try await place.backUp()
            await #expect(throws: SetupError.self) { try await place.restore(isMigrated: true) }
            try await place.restore(place.asking { $0.isReplacing = true }, isMigrated: true) { target, report in
                let count = try await target.sql("select count(*) from videos")
                #expect(count == "1" && report.epoch != nil)
            }
        }
    }

    @Test func `a dry run changes nothing, and open connections are named`() async throws {
        try await BackedUp.with { place in
            _ = try await place.database.addVideos([[1, 2, 3]], in: place.objects)
            try await place.backUp()
            try place.loseFiles()
            try await place.restore(place.asking { $0.isDryRun = true }) { target, report in
                #expect(report.restored == 1 && report.epoch == nil && report.jobs == nil)
                #expect(try await target.store.isEmpty())
                let objects = try await place.objects.list(prefix: "", after: nil, limit: 10)
                #expect(objects.isEmpty)
                // This look has left a connection of gondola's behind.
                let request = RestoreRequest(directory: place.backups)
                await #expect {
                    try await place.configuration(target.conninfo).restore(request) { _ in }
                } throws: { "\($0)".contains("stop every process first") }
            }
        }
    }

    @Test func `a backup does not come back without its key, unless told to lose what that has sealed`() async throws {
        try await BackedUp.with { place in
            let box = try StateDirectory(place.folder + "/state").secrets(keyFile: nil)
            let fits = try await place.configuration().withStore(secrets: box) { try await $0.sharesSealingKey() }
            #expect(fits)
            try await place.backUp()
            let key = try Data(contentsOf: URL(fileURLWithPath: place.keyFile))
            try FileManager.default.removeItem(atPath: place.keyFile)
            await #expect { try await place.restore() } throws: { "\($0)".contains("there is no key file") }
            try Data((SecretKeys.newKey() + "\n").utf8).write(to: URL(fileURLWithPath: place.keyFile))
            await #expect { try await place.restore() } throws: { "\($0)".contains("bring the right one back") }
            try await place.restore(place.asking { $0.isForgettingKey = true }) { target, _ in
                let isUnmarked = try await target.sql("select sealing_key_check is null from database_epoch")
                #expect(isUnmarked == "t")
            }
            try key.write(to: URL(fileURLWithPath: place.keyFile))
            try await place.restore()

            // Not in a backup unless asked for, and brought back from it where there is none.
            #expect(!FileManager.default.fileExists(atPath: try place.generation(BackupFolder.key).path))
            try await place.backUp { $0.includesKeys = true }
            try FileManager.default.removeItem(atPath: place.keyFile)
            try await place.restore { _, report in #expect(report.restoredKey) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: place.keyFile)) == key)
            let mode = try FileManager.default.attributesOfItem(atPath: place.keyFile)[.posixPermissions] as? NSNumber
            #expect(mode?.intValue == 0o600)
        }
    }

    @Test func `a dump that ends early leaves the database as it was`() async throws {
        try await BackedUp.with { place in
            _ = try await place.database.addVideos([[1, 2, 3]], in: place.objects)
            try await place.backUp()
            let (dump, sums) = (try place.generation(BackupFolder.dump), try place.generation(BackupFolder.sums))
            let (old, data) = (try Durable.hash(of: dump.path), try Data(contentsOf: dump))
            try data.prefix(data.count * 2 / 3).write(to: dump)
            // As if nobody had summed it up: what counts here is the transaction.
            let text = try String(contentsOf: sums, encoding: .utf8)
            try Data(text.replacing(old, with: try Durable.hash(of: dump.path)).utf8).write(to: sums)
            try await TestDatabase.with(isMigrated: false) { target in
                // Why is told, too.
                await #expect {
                    try await place.configuration(target.conninfo)
                        .restore(RestoreRequest(directory: place.backups)) { _ in }
                } throws: {
                    "\($0)".contains("pg_restore: error: could not read")
                }
                let isEmpty = try await target.store.isEmpty()
                #expect(isEmpty)
            }
        }
    }

    @Test func `a backup of a newer build is refused, and one of an older is brought forward`() async throws {
        var script = RestoreScript(
            backupAt: .sample, migrations: Migrator.all.map(\.name) + ["9999_x.sql"], epoch: UUID())
        #expect(script.unknownMigrations == ["9999_x.sql"])
        script.migrations = Migrator.all.dropLast().map(\.name)
        #expect(script.tail.contains(Migrator.all.last?.checksum ?? "-"))
        #expect(script.unknownMigrations.isEmpty)
    }
}
