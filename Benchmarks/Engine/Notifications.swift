import Foundation
import JobStore

/// Why a NOTIFY stays out of the transactions that it tells of.
extension Contest {
    /// A small step of eight clients who do not meet in any row: without a NOTIFY, with one inside each transaction, and with
    /// one for a hundred of them, outside. Somebody listens.
    func notifications() async throws {
        let transactions = sized(24_000)
        try await cluster.makeJobs("bench_jobs", Cluster.users)
        let figures = try await medians(
            "transactions/s",
            [
                Contestant("no NOTIFY") { try await notify("", "", transactions) },
                Contestant("NOTIFY inside each transaction") { try await notify(Self.call, "", transactions) },
                Contestant("one NOTIFY for a hundred, outside") { try await notify("", Self.coalesced, transactions) },
            ])
        ratio(figures, "NOTIFY inside each transaction", to: "no NOTIFY")
        ratio(figures, "one NOTIFY for a hundred, outside", to: "no NOTIFY")
        try await cluster.drop("bench_jobs")
    }

    private static let call = "select pg_notify('gondola', 'user ' || :client_id);"
    private static let coalesced = """
        \\set turn random(1, 100)
        \\if :turn = 1
        \(call)
        \\endif
        """

    private func notify(_ inside: String, _ outside: String, _ transactions: Int) async throws -> Double {
        try await cluster.make("bench_round", from: "bench_jobs")
        let store = cluster.store("bench_round", connections: 1)
        let (heard, hear) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let listener = store.listen { _ in hear.yield() }
        for await _ in heard { break }  // it is connected
        let script = """
            begin;
            update users set change_sequence = change_sequence + 1 where id = \(Seed.user(":client_id::integer"));
            insert into job_steps (user_id, job_id, state) select user_id, id, 'quoted' from jobs
            where user_id = \(Seed.user(":client_id::integer"));
            \(inside)
            commit;
            \(outside)
            """
        let pgbench = Pgbench(cluster: cluster, database: "bench_round", clients: 8)
        let time = try await pgbench.run(script, transactions: transactions)
        listener.stop()
        await store.close()
        return Double(transactions) / time
    }
}
