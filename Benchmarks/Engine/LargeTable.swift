import ArgumentParser
import Foundation
import JobStore

/// Whether a claim stays as fast as on a small and fresh table.
extension Contest {
    private static let limit = 10

    /// Beside five million jobs that have ended.
    func finished() async throws {
        let (claims, rows) = (sized(500), sized(5_000_000))
        let due = (claims * rounds + 1) * Self.limit
        try await cluster.makeJobs("bench_small", due)
        try await cluster.makeJobs("bench_large", due)
        let time = try await timed { try await addFinished(rows, to: "bench_large") }
        tell("  \(rows) finished jobs were written in \(time.short) s")
        try await compare([("small table", "bench_small"), ("with finished jobs", "bench_large")], claims: claims)
        try await cluster.drop("bench_small")
        try await cluster.drop("bench_large")
    }

    /// While another session keeps the dead versions of hundreds of thousands of claims alive.
    ///
    /// What slows a claim then is how many dead entries lie before the due jobs in the index, so the snapshot is taken first
    /// and the claims of ten busy minutes (500 jobs a second, each claimed and finished) are made after it as fast as pgbench
    /// can. The due jobs lie behind all of them, which is the worst place.
    func snapshot() async throws {
        let (claims, past) = (sized(200), sized(300_000))
        let due = (claims * rounds + 1) * Self.limit
        try await cluster.makeJobs("bench_small", due)
        try await cluster.makeJobs("bench_old", past + due)
        let holder = SnapshotHolder(cluster: cluster, database: "bench_old")
        let holding = try await holder.hold()
        let pgbench = Pgbench(cluster: cluster, database: "bench_old", clients: 2)
        // In large bites: pgbench starts from the beginning of the index each time, past all that it has left there.
        let bite = min(2_000, past)
        let time = try await pgbench.run(Ideal.batched(bite, steps: false), transactions: past / bite)
        tell("  \(past) jobs were claimed and finished behind the snapshot in \(time.short) s")
        try await compare([("fresh table", "bench_small"), ("behind an old snapshot", "bench_old")], claims: claims)
        await holder.letGo(holding)
        try await cluster.drop("bench_small")
        try await cluster.drop("bench_old")
    }

    /// Without the indexes that no foreign key needs, which are made again at the end: several times as fast.
    private func addFinished(_ rows: Int, to database: String) async throws {
        let indexes = try await cluster.sql(
            """
            select indexdef from pg_indexes where tablename = 'jobs' and indexname <> 'jobs_pkey' order by indexname
            """, in: database)
        let names = try await cluster.sql(
            "select indexname from pg_indexes where tablename = 'jobs' and indexname <> 'jobs_pkey'", in: database)
        for name in names.split(separator: "\n") { try await cluster.sql("drop index \(name)", in: database) }
        try await twoAtATime(
            stride(from: 0, to: rows, by: 250_000).map { start in
                "set session_replication_role = replica;" + Seed.finishedJobs(start..<min(rows, start + 250_000))
            }, in: database)
        try await twoAtATime(
            indexes.split(separator: "\n").map { "set maintenance_work_mem = '512MB'; \($0)" }, in: database)
        try await cluster.sql("vacuum (analyze) jobs; checkpoint", in: database)
    }

    private func twoAtATime(_ texts: [String], in database: String) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, text) in texts.enumerated() {
                if number >= 2 { try await group.next() }
                group.addTask { try await cluster.sql(text, in: database) }
            }
            try await group.waitForAll()
        }
    }

    /// Each round takes its claims from the same tables, a little further on.
    private func compare(_ tables: [(name: String, database: String)], claims: Int) async throws {
        var figures: [String: [Double]] = [:]
        for _ in 0..<rounds {
            for table in tables {
                let times = try await claimTimes(claims, in: table.database)
                for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
                    figures["\(table.name), \(name)", default: []].append(times.percentile(share) * 1e3)
                }
            }
        }
        let names = tables.flatMap { ["\($0.name), p50", "\($0.name), p99"] }
        for name in names { Self.show("claim of \(Self.limit), \(name)", figures[name] ?? [], "ms") }
        let medians = figures.mapValues(\.median)
        for share in ["p50", "p99"] { ratio(medians, "\(tables[1].name), \(share)", to: "\(tables[0].name), \(share)") }
    }

    private func claimTimes(_ claims: Int, in database: String) async throws -> [Double] {
        let store = cluster.store(database, connections: 1)
        try await store.ping()
        var times: [Double] = []
        for _ in 0..<claims {
            var count = 0
            times.append(
                try await timed {
                    count = try await store.claim(limit: Self.limit, lease: 3600, worker: "bench").count
                })
            guard count == Self.limit else {
                throw ValidationError("\(count) jobs instead of \(Self.limit) were claimed")
            }
        }
        await store.close()
        return times
    }
}

/// A session that reads an old state of a database and goes on doing so.
private struct SnapshotHolder {
    var cluster: Cluster
    var database: String

    /// Returns once the snapshot is taken.
    func hold() async throws -> Task<Void, any Error> {
        let holding = Task {
            try await cluster.sql(
                """
                set application_name = 'bench snapshot'; begin isolation level repeatable read;
                select count(*) from users; select pg_sleep(3600)
                """, in: database)
        }
        for _ in 0..<1000 where try await count() == 0 { try await Task.sleep(for: .milliseconds(10)) }
        guard try await count() == 1 else { throw ValidationError("the session with the snapshot did not start") }
        return Task { _ = try await holding.value }
    }

    private func count() async throws -> Int {
        let text = try await cluster.sql(
            """
            select count(*) from pg_stat_activity
            where application_name = 'bench snapshot' and backend_xmin is not null and query like '%pg_sleep%'
            """)
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    func letGo(_ holding: Task<Void, any Error>) async {
        _ = try? await cluster.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'bench snapshot'")
        _ = try? await holding.value  // psql says that it was cut off, which is what was wanted
    }
}
