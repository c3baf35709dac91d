import Foundation
import Testing

@testable import VeniceSimulator

struct PersistenceTests {
    private static func directory() -> URL {
        FileManager.default.temporaryDirectory.appendingPathComponent("venice-simulator-test-\(UUID().uuidString)")
    }

    @Test func `a simulator that starts again knows its jobs, charges, deletions and balances`() async throws {
        let directory = Self.directory()
        defer { try? FileManager.default.removeItem(at: directory) }
        var jobs: [Bench.Queued] = []
        var before = Ledger()
        try await Bench.with(.set(\.stateDirectory, directory)) { bench in
            jobs = [try await bench.queue(Sample.quick), try await bench.queue(Sample.quick)]
            await bench.finishRendering()
            _ = try await bench.retrieve(jobs[0])
            _ = try await bench.retrieve(jobs[0], deletes: true)
            before = try await bench.simulator.ledger()
        }
        try await Bench.with(.set(\.stateDirectory, directory)) { bench in
            await bench.finishRendering()
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.charges.map(\.queueID) == jobs.map(\.id))
            #expect(ledger.jobs.map(\.deliveredSHA256) == before.jobs.map(\.deliveredSHA256))
            #expect(try await bench.retrieve(jobs[0]).status == 404)
            let reply = try await bench.retrieve(jobs[1])
            #expect(reply.headers["content-type"] == "video/mp4")
            #expect(reply.headers["x-venice-balance-usd"] == "9999.88")
            let next = try await bench.queue(Sample.quick)
            #expect(!jobs.map(\.id).contains(next.id))
        }
    }

    @Test func `a torn last line is dropped and a foreign line is refused`() throws {
        let directory = Self.directory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let job = try Self.job()
        do {
            let (journal, jobs) = try Journal.open(in: directory)
            #expect(jobs.isEmpty)
            try journal.append(job)
            try journal.sync()
        }
        let file = directory.appendingPathComponent("journal.jsonl")
        let whole = try Data(contentsOf: file)
        try (whole + whole.prefix(50)).write(to: file)
        do {
            let (journal, jobs) = try Journal.open(in: directory)
            #expect(jobs == [job])
            var changed = job
            changed.deliveries = 3
            try journal.append(changed)
        }
        #expect(try Journal.open(in: directory).jobs.map(\.deliveries) == [3])
        try (whole + Data("nonsense\n".utf8)).write(to: file)
        #expect(throws: Journal.Failed.self) { try Journal.open(in: directory) }
    }

    @Test func `two simulators do not share a journal`() throws {
        let directory = Self.directory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let first = try Journal.open(in: directory)
        #expect(throws: Journal.Failed.self) { try Journal.open(in: directory) }
        withExtendedLifetime(first) {}
    }

    private static func job() throws -> SimulatedJob {
        SimulatedJob(
            id: "a", user: "u", model: "m", kind: .text, price: Cents(39),
            createdAt: Date(timeIntervalSince1970: 1_800_000_000), renderSeconds: 3, p80: 4,
            shape: VideoShape(width: 640, height: 360, seconds: 3, sound: false), variant: 0, requestSHA256: "00")
    }
}
