import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct GroupCommitTests {
    /// Jobs of a few users, claimed, in the order of their ids.
    private func claimed(_ count: Int, users: Int = 3, _ database: TestDatabase) async throws -> [JobRecord] {
        for user in 1...users { _ = try await database.addUser(UInt64(user)) }
        let jobs = (1...count).map { number in
            NewJob(
                JobSubmission(request: .sample), id: .sample(UInt64(number)),
                user: .sample(UInt64(number % users + 1)), account: "main")
        }
        for outcome in await database.store.submit(jobs) { _ = try outcome.get() }
        let records = try await database.store.claim(limit: count, lease: 600, worker: "w")
        #expect(records.count == count)
        return records.sorted { $0.id < $1.id }
    }

    /// Everything about the jobs but times and the numbers that depend on who came first.
    private func rows(_ database: TestDatabase) async throws -> String {
        try await database.sql(
            """
            select id, state, price, submitting_token, venice_model, queue_id, sealed_link is null, submitted_at,
                usual_seconds, polls, video_id, is_cleaned_up, failure_code, attention_kind, setbacks, server_errors,
                last_setback, lease_token, revision, leased_by, next_action_at is null from jobs order by id;
            select job_id, state from job_steps order by job_id, number;
            select job_id, kind, amount from ledger order by job_id, number;
            select job_id, lease_token, price, outcome, http_status from attempts order by job_id, lease_token;
            select job_id, id, model, bytes from videos order by id;
            select user_id, count(*), count(distinct change_sequence), max(change_sequence) <= (
                select change_sequence from users where users.id = user_id)
            from (select user_id, change_sequence from jobs union all select user_id, change_sequence from videos) as f
            group by user_id order by user_id
            """)
    }

    /// A way of a job that its state allows, the same for the same seed.
    private func walk(_ start: JobRecord, _ random: inout SeededGenerator) -> [JobStep] {
        var (record, steps): (JobRecord, [JobStep]) = (start, [])
        var video = StoredVideo.sample
        (video.id, video.bytes) = (.sample(UInt64.random(in: 1...UInt64.max >> 24, using: &random)), 77)
        let receipt = Receipt(model: "m", queueID: "q-\(start.id)", link: Redacted("https://a.example/\(start.id)"))
        let events: [JobEvent] = [
            .priced(.sample), .submissionIntended(by: start.token), .submissionAccepted(receipt),
            .submissionNotSent(.sample), .stillRendering(usual: 90), .stillRendering(usual: nil),
            .videoAnnounced(link: nil), .videoStored(video), .cleanedUp, .setback(.sample), .postponed(30),
            .renderingFailed(.sample), .submissionLost(evidence: "e"),
        ]
        for _ in 0..<60 {
            let event = events.randomElement(using: &random) ?? .cleanedUp
            var next = record
            // A second attempt is made under another lease.
            if case .submissionIntended = event,
                steps.contains(where: { $0.record.progress.state.name == "submitting" })
            {
                continue
            }
            guard let effects = try? next.progress.apply(event, policy: JobPolicy(), at: .sample, jitter: 0.5) else {
                continue
            }
            let evidence = Bool.random(using: &random) ? AttemptEvidence(.accepted, httpStatus: 200) : nil
            steps.append(JobStep(next, effects, evidence: evidence, setback: effects.isEmpty ? "none" : nil))
            record = next
        }
        return steps
    }

    /// Writes a way, each step from where the last one left the row.
    private func write(_ steps: [JobStep], from start: JobRecord, _ store: PostgresStore) async throws {
        var record = start
        for step in steps {
            record.progress = step.record.progress
            record = try await store.commit(
                record, step.effects, evidence: step.evidence, setback: step.setback)
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `steps of many jobs at once leave the rows that they leave one by one`(seed: UInt64) async throws {
        try await TestDatabase.with { together in
            try await TestDatabase.with { apart in
                let jobs = try await claimed(40, together)
                _ = try await claimed(40, apart)
                var random = SeededGenerator(seed)
                let ways = jobs.map { ($0, walk($0, &random)) }
                #expect(ways.map(\.1.count).reduce(0, +) > 120)
                _ = try await ways.concurrently { try await write($0.1, from: $0.0, together.store) }
                for (job, way) in ways { try await write(way, from: job, apart.store) }
                #expect(try await rows(together) == rows(apart))
                for (job, _) in ways {
                    let one = try await together.store.report(of: job.id).record
                    let other = try await apart.store.report(of: job.id).record
                    #expect(one.progress == other.progress)
                }
            }
        }
    }

    @Test func `what a commit returns is what a reader of the row sees`() async throws {
        try await TestDatabase.with { database in
            let jobs = try await claimed(12, database)
            var random = SeededGenerator(5)
            for job in jobs {
                var record = job
                for step in walk(job, &random) {
                    record.progress = step.record.progress
                    record = try await database.store.commit(
                        record, step.effects, evidence: step.evidence, setback: step.setback)
                    let read = try await database.store.read(record)
                    #expect(record == read)
                }
            }
        }
    }

    @Test func `stale tokens in a batch change nothing, and their neighbours are written`() async throws {
        try await TestDatabase.with { database in
            let jobs = try await claimed(8, database)
            let lost = Set([jobs[1].id, jobs[4].id])
            try await database.sql(
                "update jobs set lease_token = 9 where id in ('\(jobs[1].id)', '\(jobs[4].id)')")
            let outcomes = await database.store.commit(jobs.map { $0.priced() })
            for (job, outcome) in zip(jobs, outcomes) {
                if lost.contains(job.id) {
                    #expect(throws: StoreError.leaseLost) { try outcome.get() }
                } else {
                    #expect(try outcome.get().progress.state == .quoted(.sample))
                }
            }
            let left = try await database.sql(
                "select string_agg(id::text || ' ' || revision, ',' order by id) from jobs where state = 'accepted'")
            #expect(left == "\(jobs[1].id) 0,\(jobs[4].id) 0")
            #expect(try await database.sql("select count(*) from job_steps where state = 'quoted'") == "6")
            #expect(try await database.sql("select sum(change_sequence) - 2 * count(*) from users") == "14")
        }
    }

    @Test func `a step that the schema refuses takes no other down`() async throws {
        try await TestDatabase.with { database in
            let jobs = try await claimed(9, database)
            var steps = jobs.map { $0.priced() }
            var broken = StoredVideo.sample
            broken.sha256 = "not a hash"
            for place in [2, 6] { steps[place].effects.append(.addVideo(broken)) }
            let outcomes = await database.store.commit(steps)
            for (place, outcome) in outcomes.enumerated() {
                guard [2, 6].contains(place) else {
                    #expect(try outcome.get().progress.state == .quoted(.sample))
                    continue
                }
                let error = #expect(throws: PostgresError.self) { try outcome.get() }
                guard case .constraint("videos_sha256_check", _) = error else {
                    #expect(error == .constraint(name: "videos_sha256_check", message: ""))
                    continue
                }
            }
            #expect(try await database.sql("select count(*) from jobs where state = 'quoted'") == "7")
            #expect(try await database.sql("select count(*) from videos") == "0")
            #expect(try await database.sql("select sum(change_sequence) - 2 * count(*) from users") == "16")
        }
    }

    @Test func `what cannot be written at all fails alone, before it reaches the database`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(
                conninfo: database.conninfo, secrets: nil, connections: 2, log: database.store.log)
            let jobs = try await claimed(2, database)
            var sealed = jobs[0]
            sealed.progress.state = .rendering(
                Rendering(
                    price: .sample, model: "m", queueID: "q", link: Redacted("https://a.example"), submittedAt: .sample)
            )
            let outcomes = await store.commit([JobStep(sealed, [.publish]), jobs[1].priced()])
            #expect(throws: PostgresError.unexpectedRow("no key to seal a link with")) { try outcomes[0].get() }
            #expect(try outcomes[1].get().progress.state == .quoted(.sample))
            await store.close()
        }
    }

    @Test func `a whole batch made again after its answer was lost writes nothing twice`() async throws {
        try await TestDatabase.with { database in
            let jobs = try await claimed(20, database)
            let quoted = await database.store.commit(jobs.map { $0.priced() })
            let steps = try quoted.map { try $0.get().intended() }
            let first = try await database.store.commit(steps).map { try $0.get() }
            let before = try await rows(database)
            let second = try await database.store.commit(steps).map { try $0.get() }
            #expect(second == first)
            #expect(try await rows(database) == before)
            #expect(try await database.ledger().count == 20)
        }
    }

    @Test func `the same step twice at once is written once`() async throws {
        try await TestDatabase.with { database in
            let jobs = try await claimed(6, database)
            let steps = jobs.map { $0.priced() }
            let outcomes = await database.store.commit(steps + steps)
            #expect(try outcomes.prefix(6).map { try $0.get() } == outcomes.suffix(6).map { try $0.get() })
            #expect(try await database.sql("select count(*) from job_steps where state = 'quoted'") == "6")
        }
    }

    @Test func `a caller that is cancelled neither loses nor doubles its step`() async throws {
        try await TestDatabase.with { database in
            let jobs = try await claimed(30, database)
            let tasks = jobs.map { job in
                Task { try await database.store.commit(job.priced().record, job.priced().effects) }
            }
            for task in tasks { task.cancel() }
            for task in tasks { #expect(try await task.value.progress.state == .quoted(.sample)) }
            #expect(try await database.sql("select count(*) from job_steps where state = 'quoted'") == "30")
        }
    }

    @Test func `a database that is gone fails the steps, and repeating them when it is back writes them`() async throws
    {
        try await TestDatabase.with { database in
            let jobs = try await claimed(4, database)
            let gone = PostgresStore(
                conninfo: "host=/nonexistent", secrets: TestDatabase.secrets, connections: 2, log: database.store.log)
            for outcome in await gone.commit(jobs.map { $0.priced() }) {
                let error = #expect(throws: PostgresError.self) { try outcome.get() }
                guard case .unavailable = error else { return #expect(error == .unavailable("…")) }
            }
            await gone.close()
            for outcome in await database.store.commit(jobs.map { $0.priced() }) { _ = try outcome.get() }
        }
    }

    /// Two processes, renewals, people who cancel, and new jobs, all on the same few users.
    @Test(arguments: [11, 12] as [UInt64])
    func `batches, cancels, renewals and submissions at once come to no deadlock`(seed: UInt64) async throws {
        try await TestDatabase.with(connections: 8) { database in
            let jobs = try await claimed(120, users: 4, database)
            let second = PostgresStore(
                conninfo: database.conninfo, secrets: TestDatabase.secrets, connections: 8, log: database.store.log)
            let stores = [database.store, second]
            var random = SeededGenerator(seed)
            let ways = jobs.shuffled(using: &random).map {
                ($0, walk($0, &random), Int.random(in: 0...9, using: &random))
            }
            _ = try await ways.enumerated().concurrently { place, way in
                let store = stores[place % 2]
                do {
                    try await write(way.1, from: way.0, store)
                    if way.2 < 3 { _ = try await store.renew(jobs, lease: 600) }
                    if way.2 == 4 { try await store.giveBack(Array(jobs.suffix(5))) }
                    if way.2 == 5 {
                        let user = UserID.sample(UInt64(place % 4 + 1))
                        let fresh = (0..<10).map { number in
                            NewJob(
                                JobSubmission(request: .sample), id: .sample(UInt64(1000 + place * 10 + number)),
                                user: user, account: "main")
                        }
                        for outcome in await store.submit(fresh) { _ = try outcome.get() }
                    }
                    if way.2 > 6 {
                        _ = try await store.move(
                            way.0.id, user: way.0.user, by: .cancelRequested, policy: JobPolicy(), at: Date())
                    }
                } catch is InvalidEvent {
                    // Not every state can be cancelled.
                }
            }
            _ = try await jobs.concurrently { job in
                do {
                    _ = try await stores[0].move(
                        job.id, user: job.user, by: .cancelRequested, policy: JobPolicy(), at: Date())
                } catch is InvalidEvent {}
            }
            await second.close()
            // Sequences are a user's own, each drawn once, and all of them below the counter.
            let doubled = try await database.sql(
                """
                select count(*) from (
                    select user_id, change_sequence from
                        (select user_id, change_sequence from jobs union all select user_id, change_sequence from videos) f
                    group by user_id, change_sequence having count(*) > 1) as twice
                """)
            #expect(doubled == "0")
            let open = try await database.sql(
                "select count(*) filter (where state <> 'submitting') from attempts join jobs on jobs.id = job_id "
                    + "where ended_at is null")
            #expect(open == "0")
        }
    }

    @Test func `a deadlock would be told: two transactions in the wrong order`() async throws {
        try await TestDatabase.with { database in
            let jobs = try await claimed(2, database)
            try await database.withPool(connections: 1) { pool in
                let (locked, told) = AsyncStream<Void>.makeStream()
                let release = DispatchSemaphore(value: 0)
                let other = Task {
                    try await pool.transaction { connection in
                        try connection.run("select from jobs where id = '\(jobs[1].id)' for update")
                        told.finish()
                        release.wait()
                        // The batch holds the first by now and waits for the second.
                        try connection.run(
                            "set local lock_timeout = 0; select from jobs where id = '\(jobs[0].id)' for update")
                    }
                }
                for await _ in locked {}
                async let outcomes = database.store.commit(jobs.map { $0.priced() })
                try await database.waitUntilSomebodyWaits()
                release.signal()
                let failed = await outcomes.contains { (try? $0.get()) == nil }
                let errors = await other.result
                #expect(failed || (try? errors.get()) == nil)
            }
        }
    }
}

extension JobRecord {
    fileprivate func priced() -> JobStep {
        var next = self
        let effects = try? next.progress.apply(.priced(.sample), policy: JobPolicy(), at: .sample, jitter: 0)
        return JobStep(next, effects ?? [])
    }

    fileprivate func intended() -> JobStep {
        var next = self
        let effects = try? next.progress.apply(
            .submissionIntended(by: token), policy: JobPolicy(), at: .sample, jitter: 0)
        return JobStep(next, effects ?? [])
    }
}

extension PostgresStore {
    /// The row as a worker reads it.
    fileprivate func read(_ record: JobRecord) async throws -> JobRecord? {
        let secrets = secrets
        return try await pool.run { connection in
            try connection.execute(JobStatements.find, [.id(record.id)]).first { try JobRecord($0, secrets: secrets) }
        }
    }
}

extension TestDatabase {
    /// Until a session of this database waits for a lock of another.
    func waitUntilSomebodyWaits() async throws {
        while try await sql(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()")
            == "0"
        {}
    }
}
