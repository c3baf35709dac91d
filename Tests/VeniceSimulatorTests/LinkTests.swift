import Foundation
import Testing

@testable import VeniceSimulator

/// What private links do beyond handing out their file.
struct LinkTests {
    /// A finished job whose link may be fetched.
    private func finished(_ bench: Bench) async throws -> Bench.Queued {
        let job = try await bench.queue(Sample.linked)
        await bench.finishRendering()
        _ = try await bench.retrieve(job)
        return job
    }

    @Test func `a broken download is resumed where it broke`() async throws {
        try await Bench.with { bench in
            let path = try bench.path(try await finished(bench))
            try bench.simulator.inject([Fault(.init(endpoint: .download), .truncate(after: 1_000))])
            let broken = try await bench.client.call("GET", path)
            #expect(broken.body.count == 1_000 && broken.ending == .closedEarly)
            let tag = try #require(broken.headers["etag"])
            let rest = try await bench.client.call("GET", path, headers: ["Range": "bytes=1000-", "If-Range": tag])
            #expect(rest.status == 206)
            let total = Int(broken.headers["content-length"] ?? "")
            #expect(rest.headers["content-range"] == "bytes 1000-\((total ?? 0) - 1)/\(total ?? 0)")
            let whole = try await bench.client.call("GET", path)
            #expect(broken.body + rest.body == whole.body)
            #expect(try await bench.simulator.ledger().jobs[0].deliveries == 2)
        }
    }

    @Test func `a range with a validator of something else is answered with everything`() async throws {
        try await Bench.with { bench in
            let path = try bench.path(try await finished(bench))
            let whole = try await bench.client.call("GET", path)
            let other = ["Range": "bytes=10-", "If-Range": "\"other\""]
            #expect(try await bench.client.call("GET", path, headers: other).status == 200)
            let dated = ["Range": "bytes=10-", "If-Range": try #require(whole.headers["last-modified"])]
            #expect(try await bench.client.call("GET", path, headers: dated).status == 206)
        }
    }

    @Test func `a range past the end is refused with the length`() async throws {
        try await Bench.with { bench in
            let path = try bench.path(try await finished(bench))
            let length = try await bench.client.call("HEAD", path).headers["content-length"] ?? ""
            let refused = try await bench.client.call("GET", path, headers: ["Range": "bytes=\(length)-"])
            #expect(refused.status == 416)
            #expect(refused.headers["content-range"] == "bytes */\(length)")
        }
    }

    @Test func `HEAD tells the length, sends nothing and uses nothing up`() async throws {
        try await Bench.with { bench in
            let path = try bench.path(try await finished(bench))
            let head = try await bench.client.call("HEAD", path)
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.headers["accept-ranges"] == "bytes" && head.headers["content-type"] == "video/mp4")
            #expect(try await bench.simulator.ledger().jobs[0].deliveries == 0)
        }
    }

    @Test func `without ranges the whole file comes whatever is asked for`() async throws {
        try await Bench.with(.set(\.linksTakeRanges, false)) { bench in
            let path = try bench.path(try await finished(bench))
            let reply = try await bench.client.call("GET", path, headers: ["Range": "bytes=1000-"])
            #expect(reply.status == 200 && reply.ending == .whole)
            #expect(reply.headers["etag"] == nil && reply.headers["accept-ranges"] == nil)
        }
    }

    @Test func `a link tolerates one change of network and no second one`() async throws {
        try await Bench.with { bench in
            let path = try bench.path(try await finished(bench))
            var statuses: [Int] = []
            for source in ["127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.4"] {
                var client = bench.client
                client.source = source
                statuses.append(try await client.call("GET", path).status)
            }
            #expect(statuses == [200, 200, 200, 410])
            #expect(try await bench.kinds() == [.linkFromManyNetworks])
        }
    }

    @Test(arguments: [
        ("bytes=0-0", 0..<1), ("bytes=5-", 5..<100), ("bytes=5-1000", 5..<100), ("bytes=-10", 90..<100),
        ("bytes=-1000", 0..<100), ("bytes=0-9223372036854775807", 0..<100), ("BYTES=1-2", 1..<3),
    ])
    func `a range means these bytes of a hundred`(_ field: String, _ range: Range<Int>) throws {
        #expect(try #require(ByteRange(field)).range(in: 100) == range)
    }

    @Test(arguments: [
        "bytes=", "bytes=a-b", "bytes=5-4", "bytes=1-2,4-5", "items=1-2", "bytes=--1", "bytes=+1-2", "1-2",
    ])
    func `what is no single range is not understood`(_ field: String) { #expect(ByteRange(field) == nil) }

    @Test(arguments: ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=9223372036854775807-"])
    func `a range of nothing cannot be satisfied`(_ field: String) throws {
        #expect(try #require(ByteRange(field)).range(in: 100) == nil)
    }
}
