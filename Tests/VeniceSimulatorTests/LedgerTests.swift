import Foundation
import Testing

@testable import VeniceSimulator

/// What the books hold against a client.
struct LedgerTests {
    @Test func `a queue body that was refused is not to come back unchanged`() async throws {
        try await Bench.with { bench in
            var wrong = Sample.quick.object ?? [:]
            wrong["seed"] = 5
            _ = try await bench.post("queue", .object(wrong))
            #expect(try await bench.kinds() == [.queueRefused])
            _ = try await bench.post("queue", .object(wrong))
            #expect(try await bench.kinds() == [.queueRefused, .queueRefused, .repeatedAfterRefusal])
            _ = try await bench.queue(Sample.quick)
            _ = try await bench.queue(Sample.quick)
            #expect(try await bench.kinds().count == 3)
        }
    }

    @Test func `waiting for money, for a limit or for a server is no fault`() async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([
                Fault(.init(endpoint: .queue), .refuse(with: .insufficientBalance)),
                Fault(.init(endpoint: .queue), .tooManyRequests(form: .retryAfter, seconds: 1)),
                Fault(.init(endpoint: .queue), .refuse(with: .capacity)),
            ])
            for status in [402, 429, 503, 200] { #expect(try await bench.post("queue", Sample.quick).status == status) }
            #expect(try await bench.kinds() == [])
        }
    }

    @Test func `a quote is asked with what prices depend on`() async throws {
        try await Bench.with { bench in
            _ = try await bench.post("quote", Sample.quickQuote)
            #expect(try await bench.kinds() == [])
            let reply = try await bench.post("quote", Sample.quick)
            #expect(reply.status == 200)
            let violation = try #require(try await bench.simulator.ledger().violations.first)
            #expect(violation.kind == .quoteWithOtherFields && violation.detail.contains("prompt"))
        }
    }

    @Test func `polls at one instant are too many, polls a second apart are not`() async throws {
        try await Bench.with(.set(\.shortestPoll, 1)) { bench in
            let job = try await bench.queue(Sample.quick)
            for _ in 0..<3 {
                _ = try await bench.retrieve(job)
                bench.clock.advance(seconds: 1)
            }
            #expect(try await bench.kinds() == [])
            _ = try await bench.retrieve(job)
            _ = try await bench.retrieve(job)
            #expect(try await bench.kinds() == [.polledTooOften])
        }
    }

    @Test func `an unknown id may be asked about once more and no further`() async throws {
        try await Bench.with { bench in
            let body: JSONValue = ["model": "wan-2-7-text-to-video", "queue_id": "nobody"]
            for _ in 0..<2 { _ = try await bench.post("retrieve", body) }
            #expect(try await bench.kinds() == [])
            _ = try await bench.post("retrieve", body)
            #expect(try await bench.kinds() == [.polledInvalidID])
        }
    }

    @Test func `the peaks of an account are those of its windows, refused calls included`() async throws {
        try await Bench.with(.set(\.queueLimitPerMinute, 2)) { bench in
            for second in 0..<4 {
                _ = try await bench.post("queue", Sample.linked)
                bench.clock.advance(seconds: second == 2 ? 60 : 1)
            }
            for _ in 0..<3 { _ = try await bench.post("retrieve", ["model": "x", "queue_id": "y"]) }
            bench.clock.advance(seconds: 30)
            _ = try await bench.post("retrieve", ["model": "x", "queue_id": "z"])
            let account = try #require(try await bench.simulator.ledger().accounts.first)
            #expect(account.queuePeak == 3)
            #expect(account.retrievePeak == 4)
            #expect(account.failurePeak == 3 && account.failures == 4)
            #expect(account.usd == Cents(1_000_000 - 3 * 6))
        }
    }

    @Test func `faults that struck are counted by name`() async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([
                Fault(.init(endpoint: .queue), .reset), Fault(.init(endpoint: .queue), .loseAnswer),
                Fault(.init(endpoint: .connection, nth: 4), .reset),
            ])
            for _ in 0..<4 { _ = try await bench.post("queue", Sample.linked) }
            let faults = try await bench.simulator.ledger().faults
            #expect(
                faults.map { "\($0.endpoint.rawValue) \($0.action) \($0.count)" } == [
                    "connection reset 1", "queue lose_answer 1", "queue reset 1",
                ])
        }
    }

    @Test func `the books travel as JSON and come back the same`() async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue), .failJob(with: .inference))])
            _ = try await bench.queue(Sample.quick)
            bench.clock.advance(seconds: 1_000)
            let ledger = try await bench.simulator.ledger()
            let json = try #require(JSONValue.parse(try ledger.json()))
            let parts = ["accounts", "calls", "charges", "faults", "jobs", "refunds", "violations", "wallets"]
            #expect(json.object?.keys.sorted() == parts)
            #expect(JSONValue.parse(try Ledger(json: try ledger.json()).json()) == json)
        }
    }
}
