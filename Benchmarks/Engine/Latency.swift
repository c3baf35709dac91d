import ArgumentParser
import Foundation
import JobStore
import Synchronization
import VideoModels

/// How soon a job starts.
extension Contest {
    /// From a submission that is durable to its claim, in the same process and in another, against a bare NOTIFY in C.
    /// A claim is a commit too: how long pgbench takes for one alone says what is left to be saved.
    func latency() async throws {
        let count = sized(2_000)
        try await cluster.makeUsers("bench_users")
        var times: [String: Times] = [:]
        for _ in 0..<rounds {
            if let roundTrip { times["NOTIFY in C", default: Times()].add(try await bareNotify(roundTrip, count)) }
            times["claim alone, pgbench", default: Times()].add(["mean": try await bareClaim(count)])
            for place in Place.allCases {
                let starts = try await starts(count, place)
                times["submitted to claimed \(place.rawValue)", default: Times()].add(
                    Times.percentiles(starts.map(\.0)))
                times["called to claimed \(place.rawValue)", default: Times()].add(Times.percentiles(starts.map(\.1)))
            }
        }
        let medians = times.sorted { $0.key < $1.key }.reduce(into: [:]) { $0.merge($1.value.show($1.key)) { $1 } }
        for place in Place.allCases {
            let name = "submitted to claimed \(place.rawValue)"
            ratio(medians, "\(name), p50", to: "NOTIFY in C, p50", .atMost(1.5))
            ratio(medians, "\(name), p99", to: "NOTIFY in C, p99", .atMost(2.5))
            ratio(medians, "\(name), p50", to: "claim alone, pgbench, mean")
        }
        try await cluster.drop("bench_users")
    }

    /// Microseconds of each round, by what they are.
    private struct Times {
        private var rounds: [[String: Double]] = []

        mutating func add(_ round: [String: Double]) { rounds.append(round) }

        static func percentiles(_ times: [Double]) -> [String: Double] {
            ["p50": times.percentile(0.5), "p99": times.percentile(0.99)]
        }

        func show(_ name: String) -> [String: Double] {
            var medians: [String: Double] = [:]
            for share in Set(rounds.flatMap(\.keys)).sorted() {
                let values = rounds.compactMap { $0[share] }
                medians["\(name), \(share)"] = values.median
                Contest.show("\(name), \(share)", values, "µs")
            }
            return medians
        }
    }

    /// Microseconds that a claim of one job takes pgbench.
    private func bareClaim(_ count: Int) async throws -> Double {
        try await cluster.makeJobs("bench_claims", count)
        let pgbench = Pgbench(cluster: cluster, database: "bench_claims", clients: 1)
        let time = try await pgbench.run(Ideal.claim, transactions: count)
        try await cluster.drop("bench_claims")
        return time / Double(count) * 1e6
    }

    /// Where the worker is that claims.
    private enum Place: String, CaseIterable {
        /// As in `gondola run`.
        case here = "in the same process"
        /// As with `gondola serve` and `gondola work`: another store, which hears of it by NOTIFY.
        case elsewhere = "by another process"
    }

    private func bareNotify(_ program: String, _ count: Int) async throws -> [String: Double] {
        let output = try await Program.run([program, cluster.address("bench_users"), "\(count)"])
        let figures = output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard figures.count == 2 else { throw ValidationError("\(program) said: \(output)") }
        return ["p50": figures[0], "p99": figures[1]]
    }

    /// Microseconds to the claim of each job, since its submission was durable and since it was called.
    private func starts(_ count: Int, _ place: Place) async throws -> [(Double, Double)] {
        try await cluster.make("bench_round", from: "bench_users")
        let phone = cluster.store("bench_round", connections: 6)
        let worker = place == .here ? phone : cluster.store("bench_round", connections: 6)
        let (wakeups, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let (claims, claimed) = AsyncStream.makeStream(of: (JobID, ContinuousClock.Instant).self)
        let listener = worker.listen { _ in wake.yield() }
        let working = Task {
            for await _ in wakeups {
                for record in try await worker.claim(limit: 32, lease: 600, worker: "bench") {
                    claimed.yield((record.id, .now))
                }
            }
        }
        var times: [(Double, Double)] = []
        let submission = try Self.submission()
        var arrivals = claims.makeAsyncIterator()
        for number in 0..<count {
            let (id, called) = (JobID(at: Date()), ContinuousClock.now)
            _ = try await phone.submit(submission, id: id, user: Self.user(number % Cluster.users), account: "default")
            let durable = ContinuousClock.now
            // A hint that is lost costs the figure a quarter of a second instead of holding it up for good.
            let reminder = Task { if (try? await Task.sleep(for: .milliseconds(250))) != nil { wake.yield() } }
            guard let (job, at) = await arrivals.next(), job == id else {
                throw ValidationError("another job was claimed")
            }
            reminder.cancel()
            times.append((durable.duration(to: at).seconds * 1e6, called.duration(to: at).seconds * 1e6))
        }
        wake.finish()
        try await working.value
        listener.stop()
        await phone.close()
        if place == .elsewhere { await worker.close() }
        return times
    }
}
