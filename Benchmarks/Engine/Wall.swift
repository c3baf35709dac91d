import ArgumentParser
import Foundation
import JobStore
import VideoModels

/// What row-level security costs: a phone's look at a job, for a role that policies bind, with them and without.
extension Contest {
    func wall() async throws {
        try await cluster.makeJobs("bench_wall", sized(20_000))
        try await cluster.sql(Self.ordinaryRole, in: "bench_wall")
        try await cluster.make("bench_open", from: "bench_wall")
        try await cluster.sql(Self.noPolicies, in: "bench_open")
        let jobs = try await someJobs(sized(4_000))
        let figures = try await medians(
            "looks/s",
            [
                Contestant("with policies") { try await look(at: jobs, in: "bench_wall") },
                Contestant("without") { try await look(at: jobs, in: "bench_open") },
            ])
        ratio(figures, "with policies", to: "without", .atLeast(0.8))
        for database in ["bench_wall", "bench_open"] { try await cluster.drop(database) }
    }

    private static let ordinaryRole = """
        do $$ begin create role gondola_bench nologin; exception when duplicate_object then null; end $$;
        grant all on all tables in schema public to gondola_bench;
        """

    private static let noPolicies = """
        do $$ declare owned regclass; begin
            for owned in select polrelid::regclass from pg_policy loop
                execute format('alter table %s disable row level security', owned);
            end loop;
        end $$;
        """

    private func someJobs(_ count: Int) async throws -> [(user: UserID, job: JobID)] {
        let rows = try await cluster.sql("select user_id, id from jobs order by id limit \(count)", in: "bench_wall")
        return rows.split(separator: "\n").compactMap { row in
            let ids = row.split(separator: "|").map(String.init)
            guard ids.count == 2, let user = UserID(ids[0]), let job = JobID(ids[1]) else { return nil }
            return (user, job)
        }
    }

    private func look(at jobs: [(user: UserID, job: JobID)], in database: String) async throws -> Double {
        let store = cluster.store(database, connections: 2, role: "gondola_bench")
        try await store.ping()
        let time = try await timed {
            for (user, job) in jobs { _ = try await store.job(job, user: user) }
        }
        await store.close()
        return Double(jobs.count) / time
    }
}
