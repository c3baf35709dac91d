import ArgumentParser
import Foundation
import JobStore
import VideoModels

/// Taking jobs in, and how soon they start.
extension Contest {
    /// Many submissions at once, against one statement that writes as many.
    func submissions() async throws {
        let jobs = sized(20_000) / Cluster.users * Cluster.users
        try await cluster.makeUsers("bench_users")
        let figures = try await medians(
            "jobs/s",
            [
                Contestant("insert … select") { try await insertSelect(jobs) },
                Contestant("engine, 1,000 jobs a call") { try await submitTogether(jobs, inOneCall: 1_000) },
                Contestant("engine, a call a job, 256 at a time") { try await submit(jobs, atATime: 256) },
            ])
        ratio(figures, "engine, 1,000 jobs a call", to: "insert … select", .atLeast(0.5))
        ratio(figures, "engine, a call a job, 256 at a time", to: "insert … select")
        try await cluster.drop("bench_users")
    }

    private func insertSelect(_ jobs: Int) async throws -> Double {
        try await cluster.make("bench_round", from: "bench_users")
        let pgbench = Pgbench(cluster: cluster, database: "bench_round", clients: 1)
        let time = try await pgbench.run(Ideal.submission(jobs), transactions: 1, protocol: "simple")
        try await expect(jobs)
        return Double(jobs) / time
    }

    private func submit(_ jobs: Int, atATime: Int) async throws -> Double {
        try await cluster.make("bench_round", from: "bench_users")
        let store = cluster.store("bench_round", connections: 6)
        try await store.ping()
        let submission = try Self.submission()
        let time = try await timed {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<jobs {
                    if number >= atATime { try await group.next() }
                    let user = Self.user(number % Cluster.users)
                    group.addTask {
                        _ = try await store.submit(submission, id: JobID(at: Date()), user: user, account: "default")
                    }
                }
                try await group.waitForAll()
            }
        }
        await store.close()
        try await expect(jobs)
        return Double(jobs) / time
    }

    private func submitTogether(_ jobs: Int, inOneCall count: Int) async throws -> Double {
        try await cluster.make("bench_round", from: "bench_users")
        let store = cluster.store("bench_round", connections: 6)
        try await store.ping()
        let submission = try Self.submission()
        let time = try await timed {
            for start in stride(from: 0, to: jobs, by: count) {
                let call = (start..<min(jobs, start + count)).map {
                    NewJob(submission, id: JobID(at: Date()), user: Self.user($0 % Cluster.users), account: "default")
                }
                for outcome in await store.submit(call) { _ = try outcome.get() }
            }
        }
        await store.close()
        try await expect(jobs)
        return Double(jobs) / time
    }

    private func expect(_ jobs: Int) async throws {
        let text = try await cluster.sql(
            "select count(*) from jobs join job_steps on (job_id, jobs.user_id) = (id, job_steps.user_id)",
            in: "bench_round")
        guard text == "\(jobs)\n" else { throw ValidationError("\(text) of \(jobs) jobs were taken in") }
    }

    static func submission() throws -> JobSubmission {
        JobSubmission(request: try Wire.decode(VideoRequest.self, from: Data(Seed.request.utf8)))
    }

    static func user(_ number: Int) -> UserID {
        let digits = String(number, radix: 16)
        return UserID("00000000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits)!
    }
}
