import Foundation
import Testing

@testable import VeniceSimulator

/// Refusals, floods, blocks and the ends of jobs, by script.
struct MoreFaultTests {
    private static let refusals: [(Fault.Refusal, Int, String)] = [
        (.contentPolicy, 422, "suggested_prompt"), (.providerContentPolicy, 422, "provider_content_policy"),
        (.region, 403, "unavailable in your region"), (.accessDisabled, 403, "disabled"),
        (.proOnly, 401, "only available to Pro users"), (.insufficientBalance, 402, "Insufficient USD or Diem balance"),
        (.keyCap, 402, "API key USD spend limit exceeded"), (.unreadableMedia, 400, "details"),
        (.unknownID, 400, "Request ID is invalid."), (.retired, 410, "retired"),
        (.fileTooLarge, 413, "PAYLOAD_TOO_LARGE"), (.inference, 500, "request_id"), (.capacity, 503, "at capacity"),
    ]

    @Test(arguments: refusals.indices)
    func `a refusal by script looks like the service's own and costs nothing`(_ index: Int) async throws {
        let (refusal, status, text) = Self.refusals[index]
        try await Bench.with { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue), .refuse(with: refusal))])
            let reply = try await bench.post("queue", Sample.quick)
            #expect(reply.status == status)
            #expect(String(decoding: reply.body, as: UTF8.self).contains(text))
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.charges.isEmpty)
            #expect(ledger.faults == [Ledger.FaultCount(endpoint: .queue, action: "refuse", count: 1)])
            // The error budget counts it as it counts its own: 4xx, and no 5xx.
            #expect(ledger.accounts.reduce(0) { $0 + $1.failures } == (status < 500 ? 1 : 0))
        }
        #expect(Set(Self.refusals.map(\.0)) == Set(Fault.Refusal.allCases))
    }

    @Test func `a block by script is the block of too many failures`() async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .retrieve), .block(seconds: 30))])
            let blocked = try await bench.post("retrieve", [:])
            #expect(blocked.status == 429)
            #expect(blocked.json["error"]?.string?.hasPrefix("Too many failed attempts (> 20)") == true)
            #expect(try await bench.post("queue", Sample.quick).status == 429)
            bench.clock.advance(seconds: 30)
            #expect(try await bench.post("queue", Sample.quick).status == 200)
            #expect(try await bench.kinds() == [.calledWhileBlocked])
        }
    }

    @Test func `a flood is one JSON object of the length that was asked for`() async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .quote), .flood(bytes: 3_000_000))])
            let reply = try await bench.post("quote", Sample.quickQuote)
            #expect(reply.status == 200 && reply.ending == .whole && reply.body.count == 3_000_000)
            #expect(reply.json["padding"]?.string?.count == 3_000_000 - #"{"padding":""}"#.count)
        }
    }

    @Test(arguments: [0, 10, 20_000])
    func `a body can end in a reset after some bytes`(_ count: Int) async throws {
        try await Bench.with { bench in
            let job = try await bench.queue(Sample.quick)
            await bench.finishRendering()
            try bench.simulator.inject([Fault(.init(endpoint: .retrieve), .resetBody(after: count))])
            let broken = try await bench.retrieve(job)
            #expect(broken.ending == .reset)
            #expect(broken.body.count <= count)
            #expect(try await bench.simulator.ledger().jobs[0].deliveries == 0)
            #expect(try await bench.retrieve(job).ending == .whole)
        }
    }

    @Test(arguments: [
        (Fault.FailureKind.contentPolicyRecommending, 422, true), (.contentPolicyFlat, 422, true),
        (.mediaOutOfBounds, 422, true), (.inferenceCharged, 500, false), (.statusFailed, 200, true),
    ])
    func `the other ends of a job are replayed as well`(_ kind: Fault.FailureKind, status: Int, refunds: Bool)
        async throws
    {
        try await Bench.with { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue), .failJob(with: kind))])
            let job = try await bench.queue(Sample.quick)
            bench.clock.advance(seconds: 1_000)
            let first = try await bench.retrieve(job)
            #expect(first.status == status)
            #expect(try await bench.retrieve(job).body == first.body)
            #expect(try await bench.simulator.ledger().refunds.isEmpty != refunds)
            if kind == .contentPolicyRecommending {
                #expect(first.json["error"]?["recommended_model"] == "wan-2-7-text-to-video")
            }
            if kind == .contentPolicyFlat { #expect(first.json["credits_refunded"] == nil) }
            if kind == .inferenceCharged { #expect(first.json["credits_refunded"] == false) }
        }
    }

    @Test func `Runway keeps the charge when the content is rejected`() async throws {
        try await Bench.with { bench in
            let script = Fault(.init(endpoint: .queue), .failJob(with: .contentPolicyRefunded))
            try bench.simulator.inject([script])
            let job = try await bench.queue([
                "model": "runway-gen4-5-text", "prompt": "x", "duration": "2s", "aspect_ratio": "16:9",
            ])
            bench.clock.advance(seconds: 1_000)
            #expect(try await bench.retrieve(job).json["error"]?["credits_refunded"] == false)
            #expect(try await bench.simulator.ledger().refunds.isEmpty)
        }
    }

    @Test func `an answer can come without a content type`() async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue), .mislabel(contentType: ""))])
            let reply = try await bench.post("queue", Sample.quick)
            #expect(reply.status == 200 && reply.headers["content-type"] == nil)
        }
    }

    @Test(arguments: [
        #"[{"match":{"endpont":"queue"},"action":{"reset":{}}}]"#,
        #"[{"match":{},"action":{"truncate":{"after":5,"bytes":5}}}]"#,
        #"[{"match":{},"action":{"flood":{"bytes":5}}}]"#, #"[{"match":{},"action":{"block":{"seconds":-1}}}]"#,
        #"[{"match":{},"action":{"dialect":{"with":"latin"}}}]"#, #"[{"match":{},"action":{"explode":{}}}]"#, "{", "",
    ])
    func `a script that is misspelled is refused and nothing of it held`(_ script: String) async throws {
        try await Bench.with { bench in
            let reply = try await bench.client.call("POST", "/_simulator/faults", body: Data(script.utf8))
            #expect(reply.status == 400)
            #expect(reply.json["error"]?.string?.isEmpty == false)
            #expect(try await bench.post("queue", Sample.quick).status == 200)
        }
    }
}
