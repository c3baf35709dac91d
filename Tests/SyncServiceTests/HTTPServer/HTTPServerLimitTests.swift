import Foundation
import NIOCore
import Testing

@testable import SyncService

/// What a careless or hostile client sees: the right status, then the end.
@Suite struct HTTPServerLimitTests {
    static let start = "POST / HTTP/1.1\r\nHost: x\r\n"

    @Test(arguments: [
        start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        start + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        start + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        start + "Content-Length: 3, 4\r\n\r\nabc", start + "Content-Length: +3\r\n\r\nabc",
        start + "Content-Length: 0x3\r\n\r\nabc", start + "Content-Length: \r\n\r\n",
        start + "Content-Length: 99999999999999999999\r\n\r\n",
        start + "Transfer-Encoding: chunked, identity\r\n\r\n", start + "Transfer-Encoding: xchunked\r\n\r\n",
        start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        start + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", start + " Folded: x\r\n\r\n",
        start + "X: a\r\n b\r\n\r\n",
        start + "X: a\rb\r\n\r\n", start + "X: a\nY: b\r\n\r\n", start + "X: a\0b\r\n\r\n", start + "NoColon\r\n\r\n",
        start + ": empty\r\n\r\n", start + "Host: y\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET /\r\nHost: x\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /#a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /\u{e9} HTTP/1.1\r\nHost: x\r\n\r\n", "GET a HTTP/1.1\r\nHost: x\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /?%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "\u{16}\u{3}\u{1} TLS hello\r\n\r\n",
        start + "Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n", start + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        start + "Transfer-Encoding: chunked\r\n\r\n\r\n",
        start + "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        start + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        start + "Transfer-Encoding: chunked\r\n\r\n3 x\r\nabc\r\n",
        start + "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n",
        start + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        start + "Transfer-Encoding: chunked\r\n\r\n0\r\na\u{1}: b\r\n\r\n",
    ])
    func `what two readers could understand differently is refused and ends the connection`(request: String)
        async throws
    {
        try await withServer(echo) { server in
            let client = try RawClient(server)
            try await client.send(request + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
            let response = try await client.response()
            #expect(response.status == 400 && response.isClosing)
            #expect(response.headers["content-type"] == "application/problem+json")
            #expect(response.text.contains(#""code":"malformed_request""#) && response.text.contains("request_id"))
            #expect(try await client.receiveAll() == "")
        }
    }

    private func status(_ request: String, _ limits: HTTPServerLimits) async throws -> Int {
        try await withServer(limits: limits, echo) { server in
            let client = try RawClient(server)
            try await client.send(request)
            let response = try await client.response()
            #expect(response.isClosing)
            #expect(try await client.receiveAll() == "")
            return response.status
        }
    }

    @Test func `each limit has its status`() async throws {
        var limits = HTTPServerLimits.patient
        (limits.targetBytes, limits.headerBytes, limits.headerFields, limits.bodyBytes) = (100, 1_000, 5, 10)
        limits.discardedBodyBytes = 0
        let long = String(repeating: "a", count: 3_000)
        let get = "GET / HTTP/1.1\r\nHost: x\r\n"
        #expect(try await status("GET /\(long) HTTP/1.1\r\nHost: x\r\n\r\n", limits) == 414)
        #expect(try await status("GET /\(long)", limits) == 414)
        #expect(try await status("GET /\(long.prefix(100)) HTTP/1.1\r\nHost: x\r\n\r\n", limits) == 414)
        #expect(try await status(get + "X: \(long)\r\n\r\n", limits) == 431)
        #expect(try await status(get + "X: \(long)", limits) == 431)
        #expect(try await status(get + String(repeating: "a: b\r\n", count: 5) + "\r\n", limits) == 431)
        #expect(try await status(get + "Expect: 200-maybe\r\n\r\n", limits) == 417)
        #expect(try await status("GET / HTTP/2.0\r\nHost: x\r\n\r\n", limits) == 505)
    }

    @Test func `a body past its limit is refused, announced or not, and a route may set its own`() async throws {
        var limits = HTTPServerLimits.patient
        limits.bodyBytes = 10
        let handle: APIHandler = { request in
            var count = 0
            let body = request.path == "/large" ? request.body.limited(to: 100_000) : request.body
            do { for try await part in body { count += part.readableBytes } } catch {
                return .text("ignored", status: 200)
            }
            return .text("\(count)")
        }
        try await withServer(limits: limits, handle) { server in
            for framing in [
                "Content-Length: 11\r\n\r\nabcdefghijk", "Transfer-Encoding: chunked\r\n\r\nb\r\nabcdefghijk\r\n",
            ] {
                let client = try RawClient(server)
                try await client.send("POST /small HTTP/1.1\r\nHost: x\r\n" + framing)
                let response = try await client.response()
                #expect(response.status == 413 && response.isClosing)
                #expect(try await client.receiveAll() == "")
            }
            let client = try RawClient(server)
            let body = String(repeating: "b", count: 100_000)
            try await client.send("POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + body)
            #expect(try await client.response().text == "100000")
        }
    }

    /// Sending ahead is no way to be served at the same time: it fills the client's own buffers.
    @Test func `requests that are sent ahead wait in the socket, one at work and a read's worth at most here`()
        async throws
    {
        let (begun, release) = (Counter(), DrainSignal())
        let handle: APIHandler = { _ in
            _ = begun.take(atMost: .max)
            await release.wait()
            return .text("ok")
        }
        try await withServer(limits: .patient, handle) { server in
            let client = try RawClient(server)
            // Smaller than the system's buffers, and more than a read's worth: all of it leaves the client.
            let ahead = 2_000
            try await client.send(String(repeating: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", count: ahead))
            while begun.value == 0 { await Task.yield() }
            #expect(begun.value == 1)
            release.set()
            for _ in 0..<ahead { #expect(try await client.response().status == 200) }
            #expect(begun.value == ahead)
        }
    }

    @Test func `a header that never ends is given up`() async throws {
        var limits = HTTPServerLimits.patient
        limits.header = .milliseconds(50)
        try await withServer(limits: limits, echo) { server in
            let client = try RawClient(server)
            try await client.send("GET / HTTP/1.1\r\nHos")
            #expect(try await client.response().status == 408)
            #expect(try await client.receive().isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a connection that rests too long is closed without a word`() async throws {
        var limits = HTTPServerLimits.patient
        limits.idle = .milliseconds(50)
        try await withServer(limits: limits, echo) { server in
            #expect(try await RawClient(server).receive().isEmpty)
            // On a busy machine the time may be over before the request is out: then the same again.
            while true {
                let client = try RawClient(server)
                guard (try? await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")) != nil,
                    let response = try? await client.response()
                else { continue }
                #expect(response.status == 200)
                #expect(try await client.receive().isEmpty)
                break
            }
        }
    }

    @Test func `a body that stops or drips is given up`() async throws {
        var limits = HTTPServerLimits.patient
        (limits.bodyProgress, limits.bodyProgressBytes) = (.milliseconds(100), 1 << 20)
        try await withServer(limits: limits, echo) { server in
            let stopped = try RawClient(server)
            try await stopped.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
            #expect(try await stopped.response().status == 408)

            // Each byte comes in time, and all of them are not enough.
            let dripping = try RawClient(server)
            try await dripping.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
            let drip = Task { while !Task.isCancelled { try await dripping.send("a") } }
            #expect(try await dripping.response().status == 408)
            drip.cancel()
        }
    }

    @Test func `a client that takes nothing of its answer is cut off`() async throws {
        var limits = HTTPServerLimits.patient
        limits.writeProgress = .milliseconds(50)
        let ended = DrainSignal()
        let handle: APIHandler = { _ in
            APIResponse(
                status: 200,
                body: .stream { write in
                    defer { ended.set() }
                    let piece = ByteBuffer(repeating: 0, count: 1 << 20)
                    for _ in 0..<1_000 { try await write(piece) }
                })
        }
        try await withServer(limits: limits, handle) { server in
            let client = try RawClient(server, receiveBuffer: 4_096)
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await ended.wait()
            _ = client
        }
    }

    @Test func `connections past the limits are told so`() async throws {
        var limits = HTTPServerLimits.patient
        limits.connections = 2
        try await withServer(limits: limits, echo) { server in try await expectThirdIsRefused(server) }
        (limits.connections, limits.connectionsPerAddress) = (100, 2)
        try await withServer(limits: limits, echo) { server in try await expectThirdIsRefused(server) }
        try await withServer(limits: limits, trustedProxies: ["127.0.0.1"], echo) { server in
            let clients = try (0..<5).map { _ in try RawClient(server) }
            for client in clients {
                try await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try await client.response().status == 200)
            }
        }
    }

    @Test func `behind a trusted proxy each client has so many requests under way`() async throws {
        var limits = HTTPServerLimits.patient
        limits.connectionsPerAddress = 2
        let (waiting, go) = (Counter(), DrainSignal())
        let handle: APIHandler = { request in
            guard request.path == "/wait" else { return .text(request.remoteAddress) }
            _ = waiting.take(atMost: .max)
            await go.wait()
            return .text("done")
        }
        try await withServer(limits: limits, trustedProxies: ["127.0.0.1"], handle) { server in
            func ask(_ path: String, for client: String) async throws -> RawClient {
                let proxy = try RawClient(server)
                try await proxy.send("GET \(path) HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: \(client)\r\n\r\n")
                return proxy
            }
            let open = [try await ask("/wait", for: "192.0.2.1"), try await ask("/wait", for: "192.0.2.1")]
            while waiting.value < 2 { await Task.yield() }
            let third = try await ask("/", for: "192.0.2.1").response()
            #expect(third.status == 503 && third.isClosing)
            #expect(try await ask("/", for: "192.0.2.2").response().text == "192.0.2.2")
            go.set()
            for client in open { #expect(try await client.response().text == "done") }
            // The places are free a moment after the answers have come.
            while try await ask("/", for: "192.0.2.1").response().status != 200 {}
            // One after the other on one connection, and more than may be under way at once.
            let proxy = try await ask("/", for: "192.0.2.3")
            for _ in 0..<5 {
                #expect(try await proxy.response().status == 200)
                try await proxy.send("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.3\r\n\r\n")
            }
        }
    }

    private func expectThirdIsRefused(_ server: HTTPServer) async throws {
        let welcome = try (0..<2).map { _ in try RawClient(server) }
        for client in welcome {
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await client.response().status == 200)
        }
        let refused = try RawClient(server)
        let response = try await refused.response()
        #expect(response.status == 503 && response.isClosing)
        #expect(try await refused.receive().isEmpty)
        try await welcome[0].send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await welcome[0].response().status == 200)
    }
}
