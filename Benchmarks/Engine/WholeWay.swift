import ArgumentParser
import Foundation

/// The whole way of a job whose upstream answers at once: every transition, attempt, ledger and feed row.
extension Contest {
    /// The engine, against pgbench repeating what the engine sent, statement for statement, value for value.
    ///
    /// One client repeats the work on one database; two clients repeat it on a database each, which is more than one
    /// engine could reach on one of them, since they never meet in a row.
    func way() async throws {
        let jobs = sized(3_000)
        try await cluster.makeJobs("bench_jobs", jobs)
        let (transcript, outcome) = try await record(jobs)
        tell("  \(transcript.transactions) transactions of \(transcript.statements) statements for \(jobs) jobs")
        let figures = try await medians(
            "jobs/s",
            [
                Contestant("pgbench, 1 client") { try await replay(transcript, jobs, outcome, clients: 1) },
                Contestant("pgbench, 2 clients on 2 databases") {
                    try await replay(transcript, jobs, outcome, clients: 2)
                },
                Contestant("engine") { try await engine(jobs, outcome) },
            ])
        ratio(figures, "engine", to: "pgbench, 1 client", .atLeast(0.6))
        ratio(figures, "engine", to: "pgbench, 2 clients on 2 databases", .atLeast(0.6))
        try await cluster.drop("bench_jobs")
    }

    /// Lets the engine go the way once, while the server writes down what it is asked, and says what has come of it.
    private func record(_ jobs: Int) async throws -> (Transcript, outcome: String) {
        try await cluster.make("bench_record", from: "bench_jobs")
        let recorder = try await Recorder(cluster: cluster, database: "bench_record")
        try await go(jobs, in: "bench_record")
        let transcript = try await recorder.transcript()
        let outcome = try await outcome(in: "bench_record")
        try await cluster.drop("bench_record")
        return (transcript, outcome)
    }

    private func engine(_ jobs: Int, _ outcome: String) async throws -> Double {
        try await cluster.make("bench_round", from: "bench_jobs")
        let time = try await go(jobs, in: "bench_round")
        try await expect(outcome, in: "bench_round")
        return Double(jobs) / time
    }

    @discardableResult
    private func go(_ jobs: Int, in database: String) async throws -> Double {
        let store = cluster.store(database, connections: 6)
        try await store.ping()
        var count = 0
        let time = try await timed {
            count = try await EngineUnderTest(store: store).goAllTheWay(batch: 100, inHand: 1_000)
        }
        await store.close()
        guard count == jobs else { throw ValidationError("\(count) of \(jobs) jobs went") }
        return time
    }

    private func replay(_ transcript: Transcript, _ jobs: Int, _ outcome: String, clients: Int) async throws -> Double {
        let databases = (1...clients).map { "bench_replay_\($0)" }
        for database in databases { try await cluster.make(database, from: "bench_jobs") }
        let longest = try await withThrowingTaskGroup(of: Double.self) { group in
            for database in databases {
                let pgbench = Pgbench(cluster: cluster, database: database, clients: 1)
                group.addTask { try await pgbench.run(transcript.script, transactions: 1, protocol: "simple") }
            }
            return try await group.reduce(0, max)
        }
        for database in databases {
            try await expect(outcome, in: database)
            try await cluster.drop(database)
        }
        return Double(jobs * clients) / longest
    }

    /// What all must have come to: the same rows in every table, or it was not the same work.
    private func outcome(in database: String) async throws -> String {
        try await cluster.sql(
            """
            select (select string_agg(state || ' ' || count, ', ' order by state)
                    from (select state, count(*) from jobs group by state) as states),
                (select sum(revision) from jobs), (select sum(change_sequence) from users),
                (select count(*) from job_steps), (select count(*) from attempts where outcome = 'accepted'),
                (select string_agg(kind || ' ' || sum, ', ' order by kind)
                    from (select kind, sum(amount) from ledger group by kind) as sums),
                (select count(*) from videos)
            """, in: database)
    }

    private func expect(_ outcome: String, in database: String) async throws {
        let found = try await self.outcome(in: database)
        guard found == outcome else { throw ValidationError("the same work left \(found) instead of \(outcome)") }
    }
}
