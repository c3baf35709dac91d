import Foundation
import Testing

@testable import VeniceSimulator

struct LifecycleTests {
    @Test func `a job renders, is delivered as bytes, is deleted and is gone, with one charge of what was quoted`()
        async throws
    {
        try await Bench.with { bench in
            let quote = try await bench.post("quote", Sample.quickQuote, key: nil)
            let job = try await bench.queue(Sample.quick)
            bench.clock.advance(seconds: 30)
            let running = try await bench.retrieve(job)
            #expect(running.json["status"] == "PROCESSING")
            #expect(running.json["execution_duration"] == 30_000)
            #expect(running.json["average_execution_time"] == 92_000)

            await bench.finishRendering()
            let done = try await bench.retrieve(job)
            #expect(done.headers["content-type"] == "video/mp4")
            #expect(done.ending == .whole)
            #expect(try await bench.retrieve(job, deletes: true).body == done.body)
            let gone = try await bench.retrieve(job)
            #expect(gone.status == 404)
            #expect(gone.json["error"]?.string?.hasPrefix("Media could not be found.") == true)

            let ledger = try await bench.simulator.ledger()
            #expect(ledger.charges.map(\.usd.dollars) == [quote.json["quote"]?.number])
            #expect(ledger.jobs.map(\.state) == ["deleted"])
            #expect(ledger.jobs[0].deliveries == 2)
            #expect(ledger.jobs[0].deliveredSHA256 == bench.simulator.sha256(ofJob: job.id))
            #expect(ledger.violations.isEmpty)
            #expect(ledger.calls(.retrieve) == 4)
        }
    }

    @Test func `the ledger knows when a job was done and when that was first seen`() async throws {
        try await Bench.with { bench in
            let start = bench.clock.now
            let job = try await bench.queue(Sample.quick)
            await bench.simulator.waitForMedia()
            bench.clock.advance(seconds: 110)
            _ = try await bench.retrieve(job)
            let entry = try #require(try await bench.simulator.ledger().jobs.first)
            #expect(entry.firstDetectedAt == start + 110)
            // 100 s are for a video of five seconds; three take less.
            #expect(entry.finishedAt == start + 92)
        }
    }

    @Test func `a private link serves the file once retrieve says COMPLETED, and not after its removal`() async throws {
        try await Bench.with { bench in
            let job = try await bench.queue(Sample.linked)
            let link = try #require(job.link)
            #expect(link.hasPrefix(bench.simulator.baseURL + "/v1/share/read/"))
            let path = String(link.dropFirst(bench.simulator.baseURL.count))
            await bench.finishRendering()
            let completed = try await bench.retrieve(job)
            #expect(completed.headers["content-type"]?.hasPrefix("application/json") == true)
            #expect(completed.json["status"] == "COMPLETED")
            let file = try await bench.client.call("GET", path)
            #expect(file.status == 200 && file.ending == .whole && file.headers["content-type"] == "video/mp4")
            #expect(try await bench.client.call("DELETE", path).status == 204)
            #expect(try await bench.client.call("GET", path).status == 410)
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.violations.isEmpty)
            #expect(ledger.jobs[0].deliveries == 1)
        }
    }

    @Test func `a private link is refused before its time, used up after some downloads and limited in pace`()
        async throws
    {
        try await Bench.with(.set(\.downloadsPerLink, 2)) { bench in
            let job = try await bench.queue(Sample.linked)
            let path = String(try #require(job.link).dropFirst(bench.simulator.baseURL.count))
            #expect(try await bench.client.call("GET", path).status == 404)
            await bench.finishRendering()
            _ = try await bench.retrieve(job)
            var statuses: [Int] = []
            for _ in 0..<11 { statuses.append(try await bench.client.call("GET", path).status) }
            #expect(statuses == [200, 200] + [Int](repeating: 410, count: 8) + [429])
            #expect(try await bench.kinds() == [.linkBeforeCompleted])
            #expect(try await bench.client.call("GET", "/v1/share/read/nothing").status == 404)
        }
    }

    @Test func `a key at a private link is refused and entered as a violation`() async throws {
        try await Bench.with { bench in
            let job = try await bench.queue(Sample.linked)
            let path = String(try #require(job.link).dropFirst(bench.simulator.baseURL.count))
            await bench.finishRendering()
            _ = try await bench.retrieve(job)
            let reply = try await bench.client.call("GET", path, headers: ["Authorization": "Bearer \(Sample.key)"])
            #expect(reply.status == 400)
            #expect(try await bench.kinds() == [.credentialAtLink])
        }
    }

    @Test func `everything is gone after a day`() async throws {
        try await Bench.with { bench in
            let job = try await bench.queue(Sample.quick)
            await bench.simulator.waitForMedia()
            bench.clock.advance(seconds: 86_399)
            #expect(try await bench.retrieve(job).headers["content-type"] == "video/mp4")
            bench.clock.advance(seconds: 1)
            #expect(try await bench.retrieve(job).status == 404)
        }
    }

    @Test func `the time scale shortens rendering and lifetime`() async throws {
        try await Bench.with(.set(\.timeScale, 0.01)) { bench in
            let job = try await bench.queue(Sample.quick)
            await bench.simulator.waitForMedia()
            bench.clock.advance(seconds: 0.9)
            #expect(try await bench.retrieve(job).json["average_execution_time"] == 920)
            bench.clock.advance(seconds: 0.02)
            #expect(try await bench.retrieve(job).headers["content-type"] == "video/mp4")
            bench.clock.advance(seconds: 864)
            #expect(try await bench.retrieve(job).status == 404)
        }
    }

    @Test func `an id of another user, of another model or of nobody is invalid`() async throws {
        try await Bench.with { bench in
            let job = try await bench.queue(Sample.quick)
            var (wrongModel, unknown) = (job, job)
            wrongModel.model = "veo3-fast-text-to-video"
            unknown.id = "123e4567-e89b-12d3-a456-426614174000"
            for reply in [
                try await bench.retrieve(job, key: "VENICE_INFERENCE_KEY_other"), try await bench.retrieve(wrongModel),
                try await bench.retrieve(unknown),
            ] {
                #expect(reply.status == 400)
                #expect(reply.json["error"] == "Request ID is invalid.")
            }
        }
    }

    @Test func `retrieve takes its three keys and no other`() async throws {
        try await Bench.with { bench in
            let job = try await bench.queue(Sample.quick)
            for body: JSONValue in [
                ["model": .string(job.model), "queue_id": .string(job.id), "x": 1], ["model": .string(job.model)],
                ["model": .string(job.model), "queueid": .string(job.id)], ["queue_id": .string(job.id)],
                ["model": .string(job.model), "queue_id": .string(job.id), "delete_media_on_completion": "true"],
            ] { #expect(try await bench.post("retrieve", body).status == 400) }
            #expect(try await bench.kinds() == [Ledger.Violation.Kind](repeating: .malformedRequest, count: 5))
        }
    }

    @Test func `complete answers 400 for every id until it is switched on`() async throws {
        for works in [false, true] {
            try await Bench.with(.set(\.completeWorks, works)) { bench in
                let job = try await bench.queue(Sample.quick)
                await bench.finishRendering()
                _ = try await bench.retrieve(job)
                let body: JSONValue = ["model": .string(job.model), "queue_id": .string(job.id)]
                let reply = try await bench.post("complete", body)
                #expect(reply.json == (works ? ["success": true] : ["error": "Request ID is invalid."]))
                #expect(try await bench.retrieve(job).status == (works ? 404 : 200))
            }
        }
    }

    @Test func `deleting before a whole delivery is entered as a violation and loses the media`() async throws {
        try await Bench.with { bench in
            let job = try await bench.queue(Sample.quick)
            await bench.finishRendering()
            _ = try await bench.retrieve(job, deletes: true)
            #expect(try await bench.kinds() == [.deletedBeforeDelivery])
            #expect(try await bench.retrieve(job).status == 404)
        }
    }

    @Test func `two jobs of one shape have files of their own`() async throws {
        try await Bench.with { bench in
            let (one, two) = (try await bench.queue(Sample.quick), try await bench.queue(Sample.quick))
            await bench.finishRendering()
            let first = try await bench.retrieve(one).body
            let second = try await bench.retrieve(two).body
            #expect(first != second)
            #expect(first.count == second.count)
        }
    }

    @Test func `the same seed gives the same ids, prices and times`() async throws {
        var runs: [[String]] = []
        for seed: UInt64 in [9, 9, 10] {
            try await Bench.with(.set(\.seed, seed)) { bench in
                runs.append([try await bench.queue(Sample.quick).id, try await bench.queue(Sample.quick).id])
            }
        }
        #expect(runs[0] == runs[1])
        #expect(Set(runs[0] + runs[2]).count == 4)
    }
}
