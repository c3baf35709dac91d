import ArgumentParser
import Foundation
import JobStore

/// How soon the jobs of a killed worker move again.
extension Contest {
    private static let holders = 4
    /// A rescue takes longer than a lease, and no longer than this.
    private static let limit = 20.0

    /// Processes that hold jobs as a worker does are killed at different times between their renewals; another claims.
    func rescue() async throws {
        let each = max(32, sized(1_000))
        try await cluster.makeJobs("bench_jobs", each * Self.holders)
        var figures: [String: [Double]] = [:]
        for round in 0..<rounds {
            try await cluster.make("bench_round", from: "bench_jobs")
            let times = try await rescues(each, round)
            figures["p50", default: []].append(times.percentile(0.5))
            figures["p99", default: []].append(times.percentile(0.99))
            figures["latest", default: []].append(times.max() ?? .nan)
        }
        for name in ["p50", "p99", "latest"] {
            Self.show("killed until claimed by another, \(name)", figures[name] ?? [], "s")
        }
        let medians = figures.mapValues(\.median).merging(["limit": Self.limit]) { $1 }
        ratio(medians, "latest", to: "limit", .atMost(1))
        try await cluster.drop("bench_jobs")
    }

    /// Seconds from the kill of each job's holder to its claim.
    private func rescues(_ each: Int, _ round: Int) async throws -> [Double] {
        var holders: [String: Holder] = [:]
        defer { for holder in holders.values { holder.kill() } }
        for number in 0..<Self.holders {
            let holder = try Holder(cluster.address("bench_round"), name: "holder \(number)", jobs: each)
            holders[holder.name] = holder
        }
        for holder in holders.values { try await holder.untilReady() }
        let owners = try await owners(each * Self.holders)
        // It looks for work all the while, as the workers that are left do.
        async let claims = claimAll(owners.count)
        var kills: [String: ContinuousClock.Instant] = [:]
        for (number, name) in holders.keys.sorted().enumerated() {
            // Somewhere between two renewals, elsewhere for each.
            try await Task.sleep(for: .seconds(Rhythm.renewal * Double(1 + (number + round) % 3) / 3))
            // The jobs of one that has ended by itself were free before.
            guard holders[name]?.isRunning == true else { throw ValidationError("\(name) ended before it was killed") }
            kills[name] = .now
            holders[name]?.kill()
        }
        let times = try await claims.compactMap { job, moment in
            owners[job].flatMap { kills[$0] }.map { $0.duration(to: moment).seconds }
        }
        guard times.allSatisfy({ $0 >= 0 }) else { throw ValidationError("a job was claimed while its holder lived") }
        return times
    }

    private func owners(_ jobs: Int) async throws -> [String: String] {
        let rows = try await cluster.sql(
            "select id || ' ' || leased_by from jobs where leased_by is not null", in: "bench_round")
        let pairs = rows.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1).map(String.init) }
        let owners = Dictionary(pairs.map { ($0[0], $0[1]) }) { $1 }
        guard owners.count == jobs else { throw ValidationError("\(owners.count) of \(jobs) jobs were held") }
        return owners
    }

    /// Claims as a worker does until it has so many jobs.
    private func claimAll(_ jobs: Int) async throws -> [(String, ContinuousClock.Instant)] {
        let store = cluster.store("bench_round", connections: 4)
        var claims: [(String, ContinuousClock.Instant)] = []
        let end = ContinuousClock.now + .seconds(90)
        while claims.count < jobs, ContinuousClock.now < end {
            let claimed = try await store.claim(limit: Rhythm.batch, lease: 600, worker: "rescuer")
            let now = ContinuousClock.now
            claims += claimed.map { ("\($0.id)", now) }
            if claimed.count == Rhythm.batch { continue }
            let due = try await store.untilDue() ?? Rhythm.claimInterval
            try await Task.sleep(for: .seconds(min(max(due, 0.001), Rhythm.claimInterval)))
        }
        await store.close()
        guard claims.count == jobs else { throw ValidationError("\(claims.count) of \(jobs) jobs moved again in 90 s") }
        return claims
    }
}

/// What a worker goes by unless it is told otherwise.
private enum Rhythm {
    static let lease: TimeInterval = 15
    static let renewal: TimeInterval = 5
    static let claimInterval: TimeInterval = 1
    static let batch = 32
}

/// A process that holds jobs, and says so by a file.
private struct Holder {
    let name: String
    private let process = Process()
    private let sign = FileManager.default.temporaryDirectory.appending(path: "gondola-bench-\(UUID().uuidString)")

    init(_ database: String, name: String, jobs: Int) throws {
        self.name = name
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["hold", database, name, "\(jobs)", sign.path]
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    var isRunning: Bool { process.isRunning }

    func untilReady() async throws {
        while !FileManager.default.fileExists(atPath: sign.path) {
            guard process.isRunning else { throw ValidationError("\(name) ended with \(process.terminationStatus)") }
            try await Task.sleep(for: .milliseconds(20))
        }
        try FileManager.default.removeItem(at: sign)
    }

    func kill() { if process.isRunning { _ = Foundation.kill(process.processIdentifier, SIGKILL) } }
}

/// Claims jobs and keeps them until it is killed: a worker whose jobs take long. For the section `rescue`.
struct Hold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "hold", shouldDisplay: false)

    @Argument var database: String
    @Argument var name: String
    @Argument var jobs: Int
    @Argument var sign: String

    func run() async throws {
        let store = Cluster.store(at: database, connections: 4)
        var held: [JobRecord] = []
        while held.count < jobs {
            held += try await store.claim(
                limit: min(Rhythm.batch, jobs - held.count), lease: Rhythm.lease, worker: name)
        }
        try Data().write(to: URL(fileURLWithPath: sign))
        while true {
            try await Task.sleep(for: .seconds(Rhythm.renewal))
            guard try await store.renew(held, lease: Rhythm.lease).isEmpty else {
                throw ValidationError("a lease was lost")
            }
        }
    }
}
