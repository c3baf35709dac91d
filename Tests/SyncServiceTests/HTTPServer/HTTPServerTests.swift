import Foundation
import NIOCore
import Testing

@testable import SyncService

/// What a well-behaved client sees.
@Suite struct HTTPServerTests {
    @Test func `one connection carries one request after another`() async throws {
        try await withServer(echo) { server in
            let client = try RawClient(server)
            for path in ["/one", "/two", "/three"] {
                try await client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
                let response = try await client.response()
                #expect(response.status == 200 && !response.isClosing)
                #expect(response.text == "GET \(path) ")
            }
        }
    }

    @Test func `requests sent at once are answered in order`() async throws {
        try await withServer(echo) { server in
            let client = try RawClient(server)
            let requests = (0..<500).map { number in
                number.isMultiple(of: 2)
                    ? "GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n"
                    : "POST /\(number) HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
            }
            try await client.send(requests.joined())
            for number in 0..<500 {
                let expected = number.isMultiple(of: 2) ? "GET /\(number) " : "POST /\(number) hi"
                #expect(try await client.response().text == expected)
            }
        }
    }

    @Test func `bytes that trickle in make the same request`() async throws {
        try await withServer(echo) { server in
            let client = try RawClient(server)
            for byte
                in "POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n"
                .utf8
            {
                try await client.send([byte])
            }
            #expect(try await client.response().text == "POST /slow abcde")
        }
    }

    @Test func `close is answered with close`() async throws {
        try await withServer(echo) { server in
            for request in [
                "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n",
            ] {
                let client = try RawClient(server)
                try await client.send(request)
                #expect(try await client.response().isClosing)
                #expect(try await client.receive().isEmpty)
            }
        }
    }

    @Test func `a HEAD is answered without its body, and the connection goes on`() async throws {
        try await withServer(echo) { server in
            let client = try RawClient(server)
            try await client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
            let head = try await client.response(toHead: true)
            #expect(head.headers["content-length"] == "8")
            #expect(try await client.response().text == "GET /b ")
        }
    }

    @Test func `a request id is kept if it is harmless, and made otherwise`() async throws {
        let handle: APIHandler = { .text($0.id) }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: abc-1.2_3\r\n\r\n")
            let kept = try await client.response()
            #expect(kept.text == "abc-1.2_3" && kept.headers["x-request-id"] == "abc-1.2_3")
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: <script>\r\n\r\n")
            let made = try await client.response()
            #expect(made.text == made.headers["x-request-id"] && made.text.count > 16)
        }
    }

    @Test func `the query and the client's address are told`() async throws {
        let handle: APIHandler = { request in
            .text("\(request.remoteAddress) \(request.query.map { "\($0.name)=\($0.value)" })")
        }
        let request =
            "GET http://x:80/p?a=%C3%A4+b&c&a=2 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1, 9.9.9.9\r\n\r\n"
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send(request)
            #expect(try await client.response().text == #"127.0.0.1 ["a=ä b", "c=", "a=2"]"#)
        }
        try await withServer(trustedProxies: ["127.0.0.1"], handle) { server in
            let client = try RawClient(server)
            try await client.send(request)
            #expect(try await client.response().text.hasPrefix("9.9.9.9 "))
        }
    }

    @Test func `a client that expects it is told to continue when the handler wants the body`() async throws {
        try await withServer(echo) { server in
            let client = try RawClient(server)
            try await client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            #expect(try await client.response().status == 100)
            try await client.send("ok")
            #expect(try await client.response().text == "POST / ok")
        }
    }

    @Test func `a handler that does not want the body never asks the client to continue`() async throws {
        let handle: APIHandler = { _ in .text("no", status: 403) }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            let response = try await client.response()
            #expect(response.status == 403 && response.isClosing)
            #expect(try await client.receive().isEmpty)
        }
    }

    @Test func `a short body that nobody read is read past`() async throws {
        let handle: APIHandler = { .text($0.path) }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
            #expect(try await client.response().text == "/a")
            try await client.send(String(repeating: "x", count: 60_000) + "GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await client.response().text == "/b")
        }
    }

    @Test func `a header value cannot begin another header`() async throws {
        let handle: APIHandler = { _ in APIResponse(status: 204, headers: ["x-name": "a\r\nset-cookie: b"]) }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            let response = try await client.response()
            #expect(response.headers["set-cookie"] == nil)
            #expect(response.headers["x-name"] == "a  set-cookie: b")
            #expect(response.headers["content-length"] == nil)
        }
    }

    @Test func `an address in use is an error that names it`() async throws {
        try await withServer(echo) { server in
            await #expect {
                _ = try await HTTPServer.start(on: server.address, handle: echo)
            } throws: { error in
                "\(error)".contains("cannot listen on 127.0.0.1:\(server.address.port)")
            }
        }
    }
}
