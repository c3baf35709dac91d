import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct CommitTests {
    /// Takes a claimed job to `submitting`.
    private func submitting(_ database: TestDatabase) async throws -> JobRecord {
        let accepted = try await database.claimedJob()
        let quoted = try await database.store.advance(accepted, by: .priced(.sample))
        return try await database.store.advance(quoted, by: .submissionIntended(by: quoted.token))
    }

    private func rendering(_ database: TestDatabase, link: String? = nil) async throws -> JobRecord {
        let receipt = Receipt(model: "m-as-returned", queueID: "q-1", link: link.map { Redacted($0) })
        let record = try await database.store.advance(
            try await submitting(database), by: .submissionAccepted(receipt), evidence: AttemptEvidence(.accepted))
        try await database.makeAllDue()
        let claimed = try await database.claimOne()
        #expect(claimed.progress == record.progress)
        return claimed
    }

    @Test func `a job's whole way leaves every row that it should`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            let intended = try await submitting(database)
            #expect(intended.progress.state == .submitting(.sample, by: intended.token))
            #expect(try await database.ledger() == ["reserve|0.550000"])
            #expect(
                try await database.sql("select lease_token, price, outcome is null from attempts") == "1|0.550000|t")

            let receipt = Receipt(model: "m-as-returned", queueID: "q-1", link: nil)
            let evidence = AttemptEvidence(
                .accepted, httpStatus: 200, requestID: "ray-1", balance: "12.5",
                requestHash: Data(repeating: 0xAB, count: 32))
            let accepted = try await store.advance(intended, by: .submissionAccepted(receipt), evidence: evidence)
            #expect(accepted.leasedBy == "w")
            #expect(try #require(accepted.nextActionAt) > Date())
            #expect(try await database.ledger() == ["reserve|0.550000", "settle|0.550000"])
            #expect(
                try await database.sql(
                    "select outcome, http_status, request_id, balance, encode(request_sha256, 'hex'), "
                        + "ended_at >= started_at from attempts")
                    == "accepted|200|ray-1|12.5|\(String(repeating: "ab", count: 32))|t")

            try await database.makeAllDue()
            let polled = try await store.advance(try await database.claimOne(), by: .stillRendering(usual: 90))
            #expect(try polled.job.estimate?.usualSeconds == 90)
            try await database.makeAllDue()
            let announced = try await store.advance(try await database.claimOne(), by: .videoAnnounced(link: nil))
            let ready = try await store.advance(announced, by: .videoStored(.sample))
            #expect(try ready.job.videoID == StoredVideo.sample.id)
            let video = try await store.videoFile(StoredVideo.sample.id, user: ready.user)
            #expect(video.key == StoredVideo.sample.key)
            #expect(video.video.model == "m-as-returned")
            #expect(video.video.durationSeconds == 5)
            #expect(video.video.hasSound == true)
            let clean = try await store.advance(ready, by: .cleanedUp)
            #expect(clean.nextActionAt == nil)
            #expect(clean.leasedBy == nil)

            #expect(
                try await database.steps() == [
                    "accepted", "quoted", "submitting", "rendering", "downloading", "ready",
                ])
            // The user's own 1 and 2, submitted 3, quoted 4, intended 5 and 6 for the spending, accepted 7, estimate 8,
            // announced 9, ready 10 for the video and 11.
            #expect(clean.changeSequence == 11)
            #expect(try await database.sql("select change_sequence from videos") == "10")
            #expect(try await database.sql("select change_sequence from users") == "11")
            #expect(
                try await store.job(ready.id, user: ready.user).timeline.map(\.status.word) == [
                    "waiting", "submitting", "rendering", "downloading", "ready",
                ])
            #expect(try await store.users(limit: 5).map(\.spent) == [.sample])
        }
    }

    @Test func `each state survives the database`() async throws {
        try await TestDatabase.with { database in
            var record = try await database.claimedJob()
            let link = Redacted("https://a.example/secret")
            // Times as Postgres keeps them, to the microsecond.
            let rendering = Rendering(
                price: .sample, model: "m", queueID: "q", link: link,
                submittedAt: Date(timeIntervalSince1970: 1_795_253_400.125), usual: 90.5, polls: 3)
            let states: [JobState] = [
                .accepted, .quoted(.sample), .submitting(.sample, by: record.token), .rendering(rendering),
                .downloading(rendering), .ready(Delivery(rendering: rendering, videoID: .sample(), isCleanedUp: false)),
                .attention(.unknownOutcome(.sample, evidence: "e")), .attention(.accountBlocked(evidence: "b")),
                .attention(.restored(nil, evidence: "r")), .attention(.restored(.sample, evidence: "r")),
                .failed(Failure(code: "x", message: "m", refunded: false)), .cancelled,
            ]
            for state in states {
                var next = record
                next.progress = JobProgress(state: state, setbacks: 4, serverErrors: 2)
                let written = try await database.store.commit(next, [])
                #expect(written.progress == next.progress)
                #expect(try await database.store.report(of: record.id).record.revision == written.revision)
                record = written
            }
        }
    }

    @Test func `a lost answer keeps the reserve, and asking again opens a second attempt`() async throws {
        try await TestDatabase.with { database in
            let intended = try await submitting(database)
            try await database.makeAllDue()
            let other = try await database.claimOne()
            #expect(other.progress.state.nextAction(holding: other.token) == .reportLost)
            let lost = try await database.store.advance(other, by: .submissionLost(evidence: "worker gone"))
            #expect(lost.nextActionAt == nil)
            #expect(try lost.job.attention?.kind == .known(.unknownOutcome))
            #expect(try await database.ledger() == ["reserve|0.550000"])
            _ = try await database.store.move(
                lost.id, user: lost.user, by: .decided(.resubmit), policy: JobPolicy(), at: Date())
            let again = try await database.claimOne()
            _ = try await database.store.advance(again, by: .submissionIntended(by: again.token))
            #expect(try await database.ledger() == ["reserve|0.550000", "settle|0.550000", "reserve|0.550000"])
            #expect(try await database.store.report(of: intended.id).attempts.map(\.outcome) == ["lost", nil])
        }
    }

    @Test func `what ends an attempt closes it, also where nothing is known about its end`() async throws {
        try await TestDatabase.with { database in
            let intended = try await submitting(database)
            let lost = try await database.store.advance(intended, by: .submissionLost(evidence: "gone"))
            #expect(lost.progress.state.name == "attention")
            #expect(
                try await database.sql("select outcome, ended_at is not null, message is null from attempts")
                    == "lost|t|t")
        }
    }

    @Test func `a step that would leave its attempt open is not written`() async throws {
        try await TestDatabase.with { database in
            let intended = try await submitting(database)
            // As if the holder did not know of the attempt, so that the step looks like a plain one.
            var forgetful = intended
            forgetful.openAttempt = nil
            let effects = try forgetful.progress.apply(
                .submissionLost(evidence: "gone"), policy: JobPolicy(), at: .sample, jitter: 0)
            let step = JobStep(forgetful, effects)
            #expect(try StepRow(step, secrets: nil).isPlain)
            let outcome = await database.store.commit([step])[0]
            #expect(throws: StoreError.leaseLost) { try outcome.get() }
            #expect(try await database.sql("select state, revision from jobs") == "submitting|2")
            #expect(try await database.sql("select count(*) from attempts where ended_at is null") == "1")
        }
    }

    @Test func `a policy that asks again does so under a new lease, with an attempt of its own`() async throws {
        try await TestDatabase.with { database in
            var policy = JobPolicy()
            policy.unknownOutcome = .resubmit
            let intended = try await submitting(database)
            let back = try await database.store.advance(
                intended, by: .submissionLost(evidence: "timeout"), policy: policy, evidence: AttemptEvidence(.lost))
            #expect(back.progress.state == .quoted(.sample))
            let again = try await database.claimOne()
            _ = try await database.store.advance(again, by: .submissionIntended(by: again.token))
            #expect(try await database.sql("select count(*) from attempts") == "2")
        }
    }

    @Test func `what was not sent is released and may be tried again`() async throws {
        try await TestDatabase.with { database in
            let intended = try await submitting(database)
            let back = try await database.store.advance(
                intended, by: .submissionNotSent(.sample),
                evidence: AttemptEvidence(.notSent, message: "connection refused"))
            #expect(back.progress.setbacks == 1)
            #expect(try await database.ledger() == ["reserve|0.550000", "release|0.550000"])
            #expect(try await database.sql("select outcome, message from attempts") == "not_sent|connection refused")
            #expect(try await database.store.users(limit: 5).map(\.spent) == [.zero])
        }
    }

    @Test func `a refund lowers what was spent`() async throws {
        try await TestDatabase.with { database in
            let failed = try await database.store.advance(
                try await rendering(database), by: .renderingFailed(.sample))
            #expect(try failed.job.failure?.refunded == true)
            #expect(try failed.job.price == .sample)
            #expect(failed.rendering?.queueID == "q-1")
            #expect(try await database.store.users(limit: 5).map(\.spent) == [.zero])
        }
    }

    @Test func `a step that publishes nothing draws no sequence`() async throws {
        try await TestDatabase.with { database in
            let record = try await rendering(database)
            let polled = try await database.store.commit(
                record, [.snooze(5)], setback: String(repeating: "é", count: 900))
            #expect(polled.changeSequence == record.changeSequence)
            #expect(polled.updatedAt == record.updatedAt)
            #expect(polled.lastSetback?.count == 500)
            let later = try await database.store.commit(record, [])
            #expect(later.lastSetback == polled.lastSetback)
        }
    }

    @Test func `a commit made again because its answer was lost writes nothing twice`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            let intended = try await submitting(database)
            var next = intended
            let effects = try next.progress.apply(
                .submissionAccepted(.sample), policy: JobPolicy(), at: .sample, jitter: 0)
            let first = try await store.commit(next, effects, evidence: AttemptEvidence(.accepted))
            let second = try await store.commit(next, effects, evidence: AttemptEvidence(.accepted))
            #expect(second == first)
            #expect(try await database.ledger() == ["reserve|0.550000", "settle|0.550000"])
            #expect(try await database.steps() == ["accepted", "quoted", "submitting", "rendering"])
            // Another step from the same old version is no repetition.
            var other = intended
            let release = try other.progress.apply(
                .submissionNotSent(.sample), policy: JobPolicy(), at: .sample, jitter: 0)
            await #expect(throws: StoreError.leaseLost) { try await store.commit(other, release) }
            #expect(try await store.report(of: first.id).record == first)
        }
    }

    @Test func `a commit that the schema refuses leaves nothing behind`() async throws {
        try await TestDatabase.with { database in
            let record = try await rendering(database)
            var broken = StoredVideo.sample
            broken.sha256 = "not a hash"
            await #expect(throws: PostgresError.self) {
                _ = try await database.store.commit(record, [.addVideo(broken), .publish, .refund(.sample)])
            }
            #expect(try await database.store.report(of: record.id).record == record)
            #expect(try await database.sql("select count(*) from ledger where kind = 'refund'") == "0")
            #expect(try await database.sql("select change_sequence from users") == "\(record.changeSequence)")
        }
    }

    @Test func `a private link is sealed, and opens only with its key in its own row`() async throws {
        try await TestDatabase.with { database in
            let secret = "https://cdn.example/video?signature=hunter2"
            let record = try await rendering(database, link: secret)
            #expect(record.rendering?.link?.reveal() == secret)
            let dump = try await database.sql("select jobs::text, encode(sealed_link, 'escape') from jobs")
            #expect(!dump.contains("hunter2") && !dump.contains("cdn.example"))
            #expect(!"\(record)".contains("hunter2"))

            try await database.submit(2)
            try await database.sql(
                "update jobs set state = 'rendering', price = 1, queue_id = 'q-2', venice_model = 'm', submitted_at = now(), "
                    + "sealed_link = (select sealed_link from jobs where queue_id = 'q-1') where queue_id is null")
            // Whoever does not fetch the video reads the row without its link, and nobody's feed fails for it.
            #expect(try await database.store.report(of: .sample(2)).record.rendering?.link == nil)
            // A copied link does not open in another row, and no link opens with another key: such a job is not claimed.
            try await database.makeAllDue()
            let claimed = try await database.store.claim(limit: 10, lease: 0.001, worker: "w")
            #expect(claimed.map(\.id) == [record.id])
            try await database.makeAllDue()
            let other = PostgresStore(
                conninfo: database.conninfo, secrets: SecretBox(key: Data(repeating: 8, count: 32))!, connections: 1,
                log: database.store.log)
            #expect(try await other.claim(limit: 10, lease: 60, worker: "w").isEmpty)
            await other.close()
            #expect(SecretBox(key: Data(repeating: 8, count: 31)) == nil)
        }
    }

    @Test func `the link goes when the upstream's copy is gone`() async throws {
        try await TestDatabase.with { database in
            let downloading = try await database.store.advance(
                try await rendering(database, link: "https://a.example/x"), by: .videoAnnounced(link: nil))
            let ready = try await database.store.advance(downloading, by: .videoStored(.sample))
            _ = try await database.store.advance(ready, by: .cleanedUp)
            #expect(try await database.sql("select sealed_link is null, queue_id from jobs") == "t|q-1")
        }
    }

    @Test func `the operator's list filters by user and state`() async throws {
        try await TestDatabase.with { database in
            let record = try await database.claimedJob()
            let other = try await database.addUser(2)
            try await database.submit(2, user: other)
            _ = try await database.store.advance(record, by: .priced(.sample))
            let all = try await database.store.jobs(JobFilter(), limit: 10)
            #expect(all.map(\.userName) == ["user 2", "user 1"])
            #expect(try await database.store.jobs(JobFilter(user: other), limit: 10).map(\.record.id) == [.sample(2)])
            #expect(
                try await database.store.jobs(JobFilter(state: "quoted"), limit: 10).map(\.record.id) == [.sample(1)])
            #expect(try await database.store.jobs(JobFilter(), limit: 1).count == 1)
        }
    }
}
