import ArgumentParser
import Foundation

/// Claim and finish: plain jobs in batches, and one by one.
extension Contest {
    private static let batch = 100

    /// Plain jobs with their feed rows, in batches of a hundred.
    func claims() async throws {
        let jobs = sized(20_000)
        try await cluster.makeJobs("bench_jobs", jobs)
        var contestants: [Contestant] = [
            Contestant("pgbench, ideal batches") {
                try await pgbench(jobs, clients: 2, Ideal.batched(Self.batch, steps: false))
            },
            Contestant("pgbench, ideal batches with the timeline") {
                try await pgbench(jobs, clients: 2, Ideal.batched(Self.batch, steps: true))
            },
            Contestant("engine") { try await engine(jobs, lanes: 8, batch: Self.batch, connections: 6) },
            Contestant("engine, a batch a call") {
                try await engine(jobs, lanes: 8, batch: Self.batch, connections: 6, .together)
            },
        ]
        if let python {
            contestants += [
                Contestant("PgQueuer") { try await peer(python, "pgqueuer_peer.py", jobs: jobs) },
                Contestant("Procrastinate") { try await peer(python, "procrastinate_peer.py", jobs: sized(3_000)) },
            ]
        }
        let figures = try await medians("jobs/s", contestants)
        ratio(figures, "engine", to: "pgbench, ideal batches", .atLeast(0.7))
        ratio(figures, "engine, a batch a call", to: "pgbench, ideal batches", .atLeast(0.7))
        ratio(figures, "engine", to: "pgbench, ideal batches with the timeline")
        ratio(figures, "engine", to: "PgQueuer", .atLeast(1.5))
        ratio(figures, "engine", to: "Procrastinate", .atLeast(10))
        for peer in ["PgQueuer", "Procrastinate"] { ratio(figures, peer, to: "pgbench, ideal batches") }
        try await cluster.drop("bench_jobs")
    }

    /// One job a claim and one a commit, each durable before the next is asked for.
    func steps() async throws {
        let jobs = sized(6_000)
        try await cluster.makeJobs("bench_jobs", jobs)
        let figures = try await medians(
            "jobs/s",
            [
                Contestant("pgbench one by one, 8 clients") {
                    try await pgbench(jobs, clients: 8, Ideal.single, batch: 1)
                },
                // Half of them are for steps and claims: as many as pgbench has. The others tell of what was written.
                Contestant("engine, 8 at a time") { try await engine(jobs, lanes: 8, batch: 1, connections: 16) },
                Contestant("pgbench one by one, 1 client") {
                    try await pgbench(jobs / 4, clients: 1, Ideal.single, batch: 1)
                },
                Contestant("engine, 1 at a time") { try await engine(jobs, lanes: 1, batch: 1, connections: 2) },
            ])
        ratio(figures, "engine, 8 at a time", to: "pgbench one by one, 8 clients", .atLeast(0.8))
        ratio(figures, "engine, 1 at a time", to: "pgbench one by one, 1 client", .atLeast(0.8))
        try await cluster.drop("bench_jobs")
    }

    /// Jobs a second that pgbench claims and finishes.
    private func pgbench(_ jobs: Int, clients: Int, _ script: String, batch: Int = Contest.batch) async throws -> Double
    {
        try await cluster.make("bench_round", from: "bench_jobs")
        let pgbench = Pgbench(cluster: cluster, database: "bench_round", clients: clients)
        let time = try await pgbench.run(script, transactions: jobs / batch)
        return Double(try await ended(in: "bench_round")) / time
    }

    /// Jobs a second that the engine claims and finishes.
    private func engine(
        _ jobs: Int, lanes: Int, batch: Int, connections: Int, _ manner: EngineUnderTest.Manner = .apart
    ) async throws -> Double {
        try await cluster.make("bench_round", from: "bench_jobs")
        let store = cluster.store("bench_round", connections: connections)
        try await store.ping()
        var count = 0
        let time = try await timed {
            count = try await EngineUnderTest(store: store).finishAll(lanes: lanes, batch: batch, manner)
        }
        await store.close()
        guard try await ended(in: "bench_round") == jobs, count == jobs else {
            throw ValidationError("\(count) of \(jobs) jobs were finished")
        }
        return Double(jobs) / time
    }

    private func ended(in database: String) async throws -> Int {
        let text = try await cluster.sql("select count(*) from jobs where state = 'failed'", in: database)
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    /// Jobs a second of another system, whose script fills its own queue and tells how long it took to empty.
    private func peer(_ python: String, _ script: String, jobs: Int) async throws -> Double {
        try await cluster.make("bench_peer")
        let output = try await Program.run([
            python, "\(peers)/\(script)", cluster.address("bench_peer"), "--jobs", "\(jobs)",
        ])
        guard let seconds = Double(output.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw ValidationError("\(script) said: \(output)")
        }
        return Double(jobs) / seconds
    }
}
