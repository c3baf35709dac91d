import Foundation
import TestSupport
import Testing

@testable import HTTPTransport

/// What a broken server, network or request does to a call, and whether the request may have arrived.
struct FailureTests {
    let client = CurlHTTPClient()

    private func failure(_ request: HTTPRequest, fresh: Bool = true) async -> HTTPClientError? {
        var request = request
        request.freshConnection = fresh
        do throws(HTTPClientError) {
            _ = try await client.send(request).body.collect(upTo: 1 << 20)
            return nil
        } catch {
            return error
        }
    }

    private func post(_ url: String, bytes: Int = 10) -> HTTPRequest {
        HTTPRequest("POST", url, body: .bytes([UInt8](repeating: 65, count: bytes)))
    }

    @Test func `a refused connection has sent nothing`() async throws {
        let server = try SocketServer { _, _ in }
        server.stop()
        // The port of a listener that is shut down refuses.
        let error = await failure(post(server.url))
        #expect(error?.reason == .unreachable)
        #expect(error?.sent == .nothing)
    }

    @Test func `an unknown name has sent nothing`() async {
        let error = await failure(post("http://nowhere.invalid/"))
        #expect(error?.reason == .unresolved)
        #expect(error?.sent == .nothing)
    }

    @Test func `a failed handshake has sent nothing`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receive()
            connection.send("this is not TLS")
        }
        let error = await failure(post("https://127.0.0.1:\(server.port)/"))
        #expect(error?.reason == .tls)
        #expect(error?.sent == .nothing)
    }

    @Test func `a handshake that never ends times out as connecting and has sent nothing`() async throws {
        let server = try SocketServer { connection, _ in connection.awaitEnd() }
        var request = post("https://127.0.0.1:\(server.port)/")
        request.timeouts.connect = .milliseconds(150)
        let error = await failure(request)
        #expect(error?.reason == .timedOut(.connect))
        #expect(error?.sent == .nothing)
    }

    @Test(arguments: [false, true])
    func `a server that closes at once may have got the request`(fresh: Bool) async throws {
        let server = try SocketServer { connection, _ in connection.close() }
        let error = await failure(post(server.url), fresh: fresh)
        #expect(error?.reason == .interrupted)
        #expect(error?.sent == .maybe)
        #expect(server.connections == 1)
    }

    @Test func `a reset in the middle of the request may have got it`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receive(atMost: 100)
            connection.reset()
        }
        let error = await failure(post(server.url, bytes: 5_000_000))
        #expect(error?.reason == .interrupted)
        #expect(error?.sent == .maybe)
    }

    @Test func `a swallowed request may have arrived, and is sent once`() async throws {
        let server = try SocketServer { connection, _ in _ = connection.receiveRequest() }
        let error = await failure(post(server.url))
        #expect(error?.reason == .interrupted)
        #expect(error?.sent == .maybe)
        #expect(server.connections == 1)
    }

    @Test func `libcurl repeats a POST on a kept connection that died, but not one with a connection of its own`()
        async throws
    {
        let requests = Locked(0)
        let server = try SocketServer { connection, number in
            // The first connection answers one request and swallows the next; later ones answer everything.
            var answered = 0
            while connection.receiveRequest().head.hasPrefix("POST") {
                requests.change { $0 += 1 }
                if number == 0 && answered == 1 { return }
                connection.answer("ok")
                answered += 1
            }
        }
        #expect(await failure(post(server.url), fresh: false) == nil)
        // The pitfall itself: two arrivals for one call.
        #expect(await failure(post(server.url), fresh: false) == nil)
        #expect(requests.value == 3)
        #expect(await failure(post(server.url), fresh: true) == nil)
        #expect(requests.value == 4)
        #expect(server.connections == 3)
    }

    @Test func `a request of its own is not repeated when its connection dies, whatever connections are kept`()
        async throws
    {
        let requests = Locked(0)
        let server = try SocketServer { connection, number in
            while case (let head, let body) = connection.receiveRequest(), !head.isEmpty {
                requests.change { $0 += 1 }
                if body.first == UInt8(ascii: "A") { return }
                connection.answer("ok")
            }
        }
        #expect(await failure(HTTPRequest("GET", server.url), fresh: false) == nil)
        let error = await failure(post(server.url), fresh: true)
        #expect(error?.reason == .interrupted)
        #expect(error?.sent == .maybe)
        #expect(requests.value == 2)
    }

    @Test func `silence times out as the first byte`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.awaitEnd()
        }
        var request = post(server.url)
        request.timeouts.firstByte = .milliseconds(100)
        let error = await failure(request)
        #expect(error?.reason == .timedOut(.firstByte))
        #expect(error?.sent == .maybe)
    }

    @Test func `an upload that nobody reads times out as idle`() async throws {
        let done = Signal()
        let server = try SocketServer { _, _ in done.block() }
        var request = post(server.url, bytes: 50 << 20)
        request.timeouts.idle = .milliseconds(200)
        let error = await failure(request)
        done.fire()
        #expect(error?.reason == .timedOut(.idle))
        #expect(error?.sent == .maybe)
    }

    @Test func `an answer that comes before the request is through is an answer`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receive(atMost: 1000)
            connection.send("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig")
            connection.awaitEnd()
        }
        var request = post(server.url, bytes: 20 << 20)
        request.freshConnection = true
        let response = try await client.send(request)
        #expect(response.status == 413)
        #expect(try await response.body.collect(upTo: 3) == Array("big".utf8))
    }

    @Test func `a late answer is an answer`() async throws {
        let release = Signal()
        let arrived = Signal()
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            arrived.fire()
            release.block()
            connection.answer("late")
        }
        async let answer = client.send(post(server.url))
        await arrived.wait()
        release.fire()
        #expect(try await answer.body.collect(upTo: 4) == Array("late".utf8))
    }

    @Test func `a body that stalls times out as idle, and the whole has a limit too`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            connection.awaitEnd()
        }
        var request = HTTPRequest("GET", server.url)
        request.timeouts.idle = .milliseconds(100)
        #expect(await failure(request)?.reason == .timedOut(.idle))
        request.timeouts = HTTPTimeouts(idle: nil, total: .milliseconds(100))
        #expect(await failure(request)?.reason == .timedOut(.total))
    }

    @Test func `waiting in line counts towards the whole, and has sent nothing`() async throws {
        let arrived = Signal()
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            arrived.fire()
            connection.awaitEnd()
        }
        var configuration = CurlHTTPClient.Configuration()
        configuration.maximumConcurrent = 1
        let client = CurlHTTPClient(configuration)
        let first = Task { try await client.send(HTTPRequest("GET", server.url)) }
        await arrived.wait()
        var request = HTTPRequest("GET", server.url)
        request.timeouts.total = .milliseconds(50)
        let error = await #expect(throws: HTTPClientError.self) { _ = try await client.send(request) }
        #expect(error?.reason == .timedOut(.total))
        #expect(error?.sent == .nothing)
        first.cancel()
        _ = await first.result
        client.stop()
    }

    @Test func `a request that is cancelled in line never leaves it`() async throws {
        let arrived = Signal()
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            arrived.fire()
            connection.awaitEnd()
        }
        var configuration = CurlHTTPClient.Configuration()
        configuration.maximumConcurrent = 1
        let client = CurlHTTPClient(configuration)
        let first = Task { try await client.send(HTTPRequest("GET", server.url)) }
        await arrived.wait()
        let second = Task { try await client.send(HTTPRequest("GET", server.url)) }
        second.cancel()
        let error = await #expect(throws: HTTPClientError.self) { _ = try await second.value }
        #expect(error?.reason == .cancelled)
        #expect(error?.sent == .nothing)
        #expect(server.connections == 1)
        client.stop()
        _ = await first.result
    }

    @Test func `a body shorter than announced is truncated`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        }
        let response = try await client.send(HTTPRequest("GET", server.url))
        var received: [UInt8] = []
        let error = await #expect(throws: HTTPClientError.self) {
            for try await chunk in response.body { received += chunk }
        }
        #expect(received == Array("abc".utf8))
        #expect(error?.reason == .truncated)
    }

    @Test(arguments: ["5\r\nab", "zz\r\n"])
    func `a broken chunk is an error`(rest: String) async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + rest)
        }
        #expect(await failure(HTTPRequest("GET", server.url)) != nil)
    }

    @Test(arguments: ["nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 70_000))\r\n\r\n"])
    func `what is no HTTP, or too much header, is malformed`(answer: String) async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send(answer)
        }
        let error = await failure(HTTPRequest("GET", server.url))
        #expect(error?.reason == .malformed)
        #expect(error?.sent == .maybe)
    }

    @Test func `a body beyond the bound is refused and the connection closed`() async throws {
        let closed = Signal()
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while connection.send("4000\r\n" + String(repeating: "x", count: 0x4000) + "\r\n") {}
            closed.fire()
        }
        #expect(await failure(HTTPRequest("GET", server.url))?.reason == .tooLarge(limit: 1 << 20))
        await closed.wait()
    }

    @Test(arguments: [
        "ftp://127.0.0.1/", "nonsense", "", "http://user:key@127.0.0.1/", "file:///etc/passwd", "http://a\0b/",
    ])
    func `an address that must not be used has sent nothing`(url: String) async {
        let error = await failure(HTTPRequest("GET", url))
        #expect(error?.reason == .invalidRequest)
        #expect(error?.sent == .nothing)
    }

    @Test func `a scheme can be ruled out`() async throws {
        let server = try SocketServer { connection, _ in connection.answer("") }
        var request = HTTPRequest("GET", server.url)
        request.allowedSchemes = ["https"]
        #expect(await failure(request)?.reason == .invalidRequest)
        #expect(server.connections == 0)
    }

    @Test(arguments: [("X", "a\r\nY: b"), ("X\r\nY", "a"), ("", "a"), ("X:", "a"), ("X", "a\0")])
    func `no header smuggles in another`(name: String, value: String) async throws {
        let server = try SocketServer { connection, _ in connection.answer("") }
        var request = HTTPRequest("GET", server.url)
        request.headers.add(name, value)
        #expect(await failure(request)?.reason == .invalidRequest)
        #expect(server.connections == 0)
    }
}
