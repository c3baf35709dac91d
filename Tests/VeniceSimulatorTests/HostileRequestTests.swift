import Foundation
import Testing

@testable import VeniceSimulator

/// Requests that no honest client sends. Whatever comes, the simulator answers the next one.
struct HostileRequestTests {
    private static func post(_ headers: String, _ body: String = "") -> Data {
        Data(
            "POST /api/v1/video/queue HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\(headers)\r\n\(body)"
                .utf8)
    }

    private static let broken: [Data] = [
        Data("\r\n\r\n\0\0\0".utf8), Data("GET\r\n\r\n".utf8), Data("GET / HTTP/9.9\r\n\r\n".utf8),
        Data([0x16, 3, 1, 2, 0, 1, 0, 1]) + Data("\r\n\r\n".utf8),
        post("Transfer-Encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\n"),
        post("Content-Length: -5\r\n"), post("Content-Length: 99999999999999999999999\r\n"),
        post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
        Data(
            "GET /api/v1/models HTTP/1.1\r\nHost: x\r\nX-Long: \(String(repeating: "a", count: 200_000))\r\n\r\n".utf8),
        Data("GET /\(String(repeating: "a", count: 200_000)) HTTP/1.1\r\nHost: x\r\n\r\n".utf8),
    ]

    @Test(arguments: broken.indices)
    func `a request that is none is refused or cut off, and the next is answered`(_ index: Int) async throws {
        try await Bench.with(.set(\.patienceSeconds, 0.5)) { bench in
            let reply = try await bench.client.raw(Self.broken[index])
            #expect(reply.status == 0 || (400..<500).contains(reply.status), "\(reply.status)")
            #expect(try await bench.get("/api/v1/models?type=video").status == 200)
        }
    }

    @Test func `a request that does not go on is given up`() async throws {
        try await Bench.with(.set(\.patienceSeconds, 0.05)) { bench in
            let reply = try await bench.client.raw(Self.post("Content-Length: 100\r\n", "{\"model\":"))
            #expect(reply.status == 408 && reply.ending == .whole)
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.calls(.queue, status: 0) == 1 && ledger.charges.isEmpty)
        }
    }

    @Test(arguments: [
        String(repeating: "[", count: 200_000), String(repeating: #"{"a":"#, count: 50_000), "{\"model\":1e999}",
        "\u{0}", "{\"model\":\"a\",}",
        "{\"a\":[1, ]}", "{\"model\":\"a\\\\\" , }", "nul", "\"\\ud800\"",
    ])
    func `JSON that is broken or bottomless is a 400`(_ text: String) async throws {
        try await Bench.with { bench in
            let headers = ["Content-Type": "application/json", "Authorization": "Bearer \(Sample.key)"]
            let reply = try await bench.client.call(
                "POST", "/api/v1/video/queue", headers: headers, body: Data(text.utf8))
            #expect(reply.status == 400)
            #expect(try await bench.post("queue", Sample.quick).status == 200)
        }
    }

    @Test func `a body in a coding that is not understood is a 415`() async throws {
        try await Bench.with { bench in
            let headers = [
                "Content-Type": "application/json", "Authorization": "Bearer \(Sample.key)",
                "Content-Encoding": "gzip",
            ]
            let reply = try await bench.client.call(
                "POST", "/api/v1/video/queue", headers: headers, body: Data([0x1F, 0x8B, 8, 0]))
            #expect(reply.status == 415)
        }
    }

    /// Whatever bytes a queue body is changed into, there is an answer and never a charge for what is no body.
    @Test func `no mutation of a queue body brings the simulator down`() async throws {
        let catalogue = try Catalogue.bundled()
        var dice = Dice(seed: 21)
        let original = [UInt8](Sample.quick.bytes)
        for _ in 0..<3_000 {
            var bytes = original
            for _ in 0...Int(dice.next() % 4) {
                let place = Int(dice.next() % UInt64(bytes.count))
                switch dice.next() % 3 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: dice.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8(truncatingIfNeeded: dice.next()), at: place)
                }
            }
            guard let json = JSONValue.parse(Data(bytes)) else { continue }
            if case .failure(let refused) = QueueValidation.judge(json, catalogue) {
                #expect((400..<500).contains(refused.answer.status))
            }
            _ = QuoteValidation.judge(json, catalogue, authenticated: true)
        }
    }

    @Test func `no clip, however its boxes lie, brings the measure down`() {
        var dice = Dice(seed: 22)
        for original in [Sample.mp4(seconds: 3), Sample.wav(seconds: 3)] {
            for count in 0...original.count { _ = ClipLength.seconds(original.prefix(count)) }
            for _ in 0..<5_000 {
                var bytes = original
                for _ in 0..<3 {
                    bytes[Int(dice.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: dice.next())
                }
                _ = ClipLength.seconds(bytes)
            }
        }
        #expect(ClipLength.seconds(Sample.mp4(seconds: 3)) == 3 && ClipLength.seconds(Sample.wav(seconds: 2)) == 2)
    }
}

struct BodyBudgetTests {
    @Test func `bodies share a budget that is given back`() {
        let connections = Connections()
        #expect(connections.hold(Connections.bodyBudget - 5))
        #expect(!connections.hold(6))
        #expect(connections.hold(5))
        connections.release(10)
        #expect(connections.hold(10))
    }
}
