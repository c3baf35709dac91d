import Foundation
import Testing

@testable import VeniceSimulator

struct FaultTests {
    @Test func `a lost answer is charged, and the same body again is a violation`() async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue), .loseAnswer)])
            let lost = try await bench.post("queue", Sample.quick)
            #expect(lost.status == 0 && lost.ending == .closedEarly)
            #expect(try await bench.simulator.ledger().charges.count == 1)
            _ = try await bench.queue(Sample.quick)
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.violations.map(\.kind) == [.requeuedAfterLostAnswer])
            #expect(ledger.charges.count == 2)
            #expect(ledger.calls(.queue, status: 0) == 1)
        }
    }

    @Test(arguments: [
        Fault(.init(endpoint: .queue), .reset), Fault(.init(endpoint: .connection), .reset),
        Fault(.init(endpoint: .queue), .resetAfter(bytes: 10)), Fault(.init(endpoint: .queue), .swallow),
        Fault(.init(endpoint: .queue), .edgePage(status: 503)), Fault(.init(endpoint: .queue), .reply(status: 500)),
        Fault(.init(endpoint: .queue), .tooManyRequests(form: .bare, seconds: 1)),
    ])
    func `a call that never reached the service costs nothing and may be repeated`(_ fault: Fault) async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([fault])
            let spoilt = try await bench.post("queue", Sample.quick)
            #expect(spoilt.status != 200)
            if fault.action.isEarly { #expect(spoilt.ending == .reset) }
            #expect(try await bench.simulator.ledger().charges.isEmpty)
            _ = try await bench.queue(Sample.quick)
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.charges.count == 1)
            #expect(ledger.violations.isEmpty)
        }
    }

    @Test(arguments: [
        Fault.Action.neverAnswer, .truncate(after: 5), .stall(after: 5), .emptyBody,
        .reply(status: 500, body: "{}", processed: true),
    ])
    func `an answer that does not tell the id counts as lost`(_ action: Fault.Action) async throws {
        try await Bench.with(.set(\.silenceSeconds, 0.05)) { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue), action)])
            let spoilt = try await bench.post("queue", Sample.quick)
            #expect(spoilt.json["queue_id"] == nil)
            #expect(try await bench.simulator.ledger().charges.count == 1)
            _ = try await bench.queue(Sample.quick)
            #expect(try await bench.kinds() == [.requeuedAfterLostAnswer])
        }
    }

    @Test func `a late answer comes whole`() async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue), .answerLate(milliseconds: 50))])
            let job = try await bench.queue(Sample.quick)
            #expect(try await bench.simulator.ledger().jobs.map(\.queueID) == [job.id])
        }
    }

    @Test func `broken deliveries are no deliveries, odd ones are`() async throws {
        try await Bench.with(.set(\.silenceSeconds, 0.05)) { bench in
            let job = try await bench.queue(Sample.quick)
            await bench.finishRendering()
            let whole = try await bench.retrieve(job).body
            try bench.simulator.inject([
                Fault(.init(endpoint: .retrieve), .truncate(after: 1_000)),
                Fault(.init(endpoint: .retrieve), .stall(after: 2_000)),
                Fault(.init(endpoint: .retrieve), .emptyBody),
                Fault(.init(endpoint: .retrieve), .badGateway),
            ])
            let truncated = try await bench.retrieve(job)
            #expect(truncated.body == whole.prefix(1_000))
            #expect(truncated.ending == .closedEarly)
            #expect(truncated.headers["content-length"] == "\(whole.count)")
            #expect(try await bench.retrieve(job).body == whole.prefix(2_000))
            let empty = try await bench.retrieve(job)
            #expect(empty.status == 200 && empty.body.isEmpty && empty.ending == .whole)
            #expect(try await bench.retrieve(job).status == 502)
            #expect(try await bench.simulator.ledger().jobs[0].deliveries == 1)

            try bench.simulator.inject([
                Fault(.init(endpoint: .retrieve), .drip(bytes: 100_000, everyMilliseconds: 1)),
                Fault(.init(endpoint: .retrieve), .omitLength),
                Fault(.init(endpoint: .retrieve), .mislabel(contentType: "text/html")),
            ])
            #expect(try await bench.retrieve(job).body == whole)
            let chunked = try await bench.retrieve(job)
            #expect(chunked.headers["content-length"] == nil)
            #expect(chunked.body == whole)
            let mislabelled = try await bench.retrieve(job)
            #expect(mislabelled.headers["content-type"] == "text/html")
            #expect(mislabelled.body == whole)
            #expect(try await bench.simulator.ledger().jobs[0].deliveries == 4)
        }
    }

    @Test(arguments: [
        (Fault.FailureKind.contentPolicyRefunded, 422, true), (.contentPolicyCharged, 422, false),
        (.inference, 500, true),
    ])
    func `a failed job says the same on every poll and refunds once`(
        _ kind: Fault.FailureKind, status: Int, refunds: Bool
    ) async throws {
        try await Bench.with { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue), .failJob(with: kind))])
            let job = try await bench.queue(Sample.quick)
            #expect(try await bench.retrieve(job).json["status"] == "PROCESSING")
            await bench.finishRendering()
            let first = try await bench.retrieve(job)
            #expect(first.status == status)
            let second = try await bench.retrieve(job)
            #expect(second.body == first.body)
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.refunds.map(\.usd) == (refunds ? ledger.charges.map(\.usd) : []))
            #expect(ledger.violations.map(\.kind) == [.polledTerminalJob])
            #expect(second.headers["x-venice-balance-usd"] == (refunds ? "10000.00" : "9999.94"))
        }
    }

    @Test func `a job can be made to fail while it renders, and not once it is done`() async throws {
        try await Bench.with { bench in
            let (one, two) = (try await bench.queue(Sample.quick), try await bench.queue(Sample.quick))
            try bench.simulator.inject([Fault(.init(endpoint: .retrieve), .failJob(with: .inference))])
            #expect(try await bench.retrieve(one).json["status"] == "PROCESSING")
            await bench.finishRendering()
            #expect(try await bench.retrieve(one).status == 500)
            try bench.simulator.inject([Fault(.init(endpoint: .retrieve), .failJob(with: .inference))])
            #expect(try await bench.retrieve(two).status == 200)
        }
    }

    @Test func `consent is asked for and then taken, and sent unasked it is a violation`() async throws {
        try await Bench.with { bench in
            var agreed = try #require(Sample.quick.object)
            agreed["consents"] = [
                "seedance": [
                    "confirmed_terms_and_privacy": true, "confirmed_legal_right": true,
                    "confirmed_screening_acknowledged": true,
                ]
            ]
            _ = try await bench.queue(.object(agreed))
            #expect(try await bench.kinds() == [.consentUnasked])
            try bench.simulator.inject([Fault(.init(endpoint: .queue, count: 0), .askConsent)])
            let asked = try await bench.post("queue", Sample.quick)
            #expect(asked.status == 409)
            #expect(asked.json["error"]?["code"] == "needs_consent")
            #expect(asked.json["consent"]?["policy_text"]?.string?.isEmpty == false)
            _ = try await bench.queue(.object(agreed))
            #expect(try await bench.kinds() == [.consentUnasked])
        }
    }

    @Test func `faults and books are also to be had over HTTP`() async throws {
        try await Bench.with { bench in
            let script = #"[{"match":{"endpoint":"quote"},"action":{"edge_page":{"status":504}}}]"#
            let taken = try await bench.client.call("POST", "/_simulator/faults", body: Data(script.utf8))
            #expect(taken.json["accepted"] == 1)
            let page = try await bench.post("quote", Sample.quickQuote)
            #expect(page.status == 504)
            #expect(page.headers["content-type"]?.hasPrefix("text/html") == true)
            let wrong = try await bench.client.call("POST", "/_simulator/faults", body: Data("[{}]".utf8))
            #expect(wrong.status == 400)
            _ = try await bench.client.call("POST", "/_simulator/faults", body: Data(script.utf8))
            #expect(try await bench.client.call("DELETE", "/_simulator/faults").status == 204)
            let job = try await bench.queue(Sample.quick)
            let books = try await bench.client.call("GET", "/_simulator/ledger")
            let ledger = try Ledger(json: books.body)
            #expect(ledger.charges.map(\.queueID) == [job.id])
            #expect(ledger.calls(.quote, status: 504) == 1)
            await bench.simulator.waitForMedia()
            let hash = try await bench.client.call("GET", "/_simulator/jobs/\(job.id)/sha256")
            #expect(hash.json["sha256"]?.string == bench.simulator.sha256(ofJob: job.id))
        }
    }

    @Test func `switches mislabel videos and leave out their length`() async throws {
        try await Bench.with(.set(\.mislabelsVideos, true), .set(\.omitsContentLength, true)) { bench in
            let job = try await bench.queue(Sample.quick)
            await bench.finishRendering()
            let reply = try await bench.retrieve(job)
            #expect(reply.headers["content-type"] == "application/octet-stream")
            #expect(reply.headers["transfer-encoding"] == "chunked")
            #expect(MediaSniffer.isVideo(reply.body))
        }
    }
}
