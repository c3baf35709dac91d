import Foundation
import Testing

@testable import VeniceSimulator

/// Trouble by lot.
struct ChaosTests {
    private static let troubled: [Endpoint] = [
        .models, .quote, .queue, .retrieve, .complete, .download, .downloadDelete, .rateLimits,
    ]

    private func names(_ endpoint: Endpoint) -> Set<String> {
        var dice = Dice(seed: 3, endpoint.rawValue)
        return Set((0..<3_000).compactMap { _ in ChaosMenu.draw(endpoint, &dice)?.name })
    }

    @Test func `every kind of trouble is drawn somewhere`() {
        let drawn = Self.troubled.reduce(into: Set<String>()) { $0.formUnion(names($1)) }
        let all: Set = [
            "reset", "reset_after", "swallow", "lose_answer", "never_answer", "answer_late", "reply", "edge_page",
            "too_many_requests", "refuse", "block", "bad_gateway", "truncate", "stall", "reset_body", "drip",
            "mislabel",
            "dialect", "omit_length", "empty_body", "fail_job",
        ]
        #expect(drawn == all)
        let served = Set(Self.troubled.flatMap(ChaosMenu.dishes))
        #expect(served == Set(ChaosMenu.Dish.allCases))
    }

    @Test func `a 429 is drawn in each of its forms, and a failed job in each of its kinds`() {
        var (forms, kinds) = (Set<RateLimitForm>(), Set<Fault.FailureKind>())
        var dice = Dice(seed: 8)
        for _ in 0..<3_000 {
            switch ChaosMenu.draw(.queue, &dice) {
            case .tooManyRequests(let form, _)?: forms.insert(form)
            case .failJob(let kind)?: kinds.insert(kind)
            default: break
            }
        }
        #expect(forms == Set(RateLimitForm.allCases) && kinds == Set(Fault.FailureKind.allCases))
    }

    @Test func `whatever is drawn is a fault that could be scripted`() throws {
        var dice = Dice(seed: 1)
        for endpoint in Self.troubled {
            for _ in 0..<300 {
                guard let action = ChaosMenu.draw(endpoint, &dice) else { continue }
                var plan = FaultPlan()
                try plan.inject([Fault(.init(endpoint: endpoint), action)])
                let json = try JSONEncoder().encode(Fault(.init(endpoint: endpoint), action))
                #expect(try StrictJSON.decode(Fault.self, from: json).action == action)
            }
        }
    }

    @Test func `nothing befalls the retired route's neighbours that no service does`() {
        var dice = Dice(seed: 2)
        #expect(ChaosMenu.draw(.unknown, &dice) == nil && ChaosMenu.draw(.connection, &dice) == nil)
        #expect(!names(.quote).contains("lose_answer") && !names(.complete).contains("fail_job"))
    }

    /// Everything that a client sees of some calls in a row.
    private func play(_ seed: UInt64) async throws -> (seen: [String], faults: [Ledger.FaultCount]) {
        var seen: [String] = []
        var faults: [Ledger.FaultCount] = []
        try await Bench.with(
            .set(\.chaosSeed, seed), .set(\.chaosRate, 0.5), .set(\.silenceSeconds, 0.01)
        ) { bench in
            for _ in 0..<25 {
                let queued = try await bench.post("queue", Sample.linked)
                seen.append("\(queued.status) \(queued.ending) \(queued.headers["content-type"] ?? "-")")
                let polled = try await bench.post(
                    "retrieve", ["model": Sample.linked["model"] ?? .null, "queue_id": "x"])
                seen.append("\(polled.status) \(polled.body.count) \(polled.headers["retry-after"] ?? "-")")
                bench.clock.advance(seconds: 30)
            }
            faults = try await bench.simulator.ledger().faults
        }
        return (seen, faults)
    }

    @Test func `the same seed and the same calls meet the same faults`() async throws {
        let (first, again, other) = (try await play(5), try await play(5), try await play(6))
        #expect(first.seen == again.seen)
        #expect(first.faults == again.faults)
        #expect(first.seen != other.seen)
        #expect(first.faults.reduce(0) { $0 + $1.count } > 10)
    }
}
