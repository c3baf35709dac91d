import Foundation
import TestSupport
import Testing

@testable import HTTPTransport

struct AnswerTests {
    let client = CurlHTTPClient()

    @Test func `a whole answer arrives with status, headers and body`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 5\r\n\r\nhello")
        }
        let response = try await client.send(HTTPRequest("GET", server.url))
        #expect(response.status == 404)
        #expect(response.headers.all("X-a") == ["1", "2"])
        #expect(response.announcedLength == 5)
        #expect(try await response.body.collect(upTo: 5) == Array("hello".utf8))
    }

    @Test func `the request travels as written, with its length and without an Expect header`() async throws {
        let seen = Locked<(head: String, body: [UInt8])>(("", []))
        let server = try SocketServer { connection, _ in
            seen.set(connection.receiveRequest())
            connection.answer("{}")
        }
        let body = [UInt8](repeating: 7, count: 3_000_000)
        var request = HTTPRequest("POST", server.url, headers: ["Content-Type": "application/json"], body: .bytes(body))
        request.headers.add("X-Empty", "")
        request.freshConnection = true
        _ = try await client.send(request).body.collect(upTo: 10)
        let lines = seen.value.head.components(separatedBy: "\r\n")
        #expect(lines[0] == "POST /path HTTP/1.1")
        #expect(lines.contains("Content-Length: 3000000"))
        #expect(lines.contains("Content-Type: application/json"))
        #expect(lines.contains("X-Empty:"))
        #expect(!seen.value.head.contains("Expect"))
        #expect(!seen.value.head.contains("Transfer-Encoding"))
        #expect(seen.value.body == body)
    }

    @Test(arguments: ["DELETE", "HEAD", "POST", "GET"])
    func `a method without a body ends with the answer's head`(method: String) async throws {
        let server = try SocketServer { connection, _ in
            let line = connection.receiveRequest().head.prefix { $0 != " " }
            connection.send("HTTP/1.1 204 No Content\r\nX-Method: \(line)\r\n\r\n")
            connection.awaitEnd()
        }
        let response = try await client.send(HTTPRequest(method, server.url))
        #expect(response.status == 204)
        #expect(response.headers["x-method"] == method)
        #expect(try await response.body.collect(upTo: 0).isEmpty)
        client.stop()
    }

    @Test func `a chunked answer is joined`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.send("3\r\nabc\r\n")
            connection.send("2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n")
        }
        let response = try await client.send(HTTPRequest("GET", server.url))
        #expect(response.status == 200)
        #expect(response.announcedLength == nil)
        #expect(try await response.body.collect(upTo: 10) == Array("abcde".utf8))
    }

    @Test func `a gzip answer is decoded, whether it was offered or not`() async throws {
        let packed = Array(
            Data(base64Encoded: "H4sIAAAAAAACA6tWKi5JLCktVrJSUAoI8nd2DQ729HNXqq0eFR8VHxUf9OIAEall4sADAAA=")!)
        let server = try SocketServer { connection, _ in
            let offered = connection.receiveRequest().head.contains("gzip")
            connection.send("HTTP/1.1 200 OK\r\nX-Offered: \(offered)\r\nContent-Encoding: gzip\r\n")
            connection.send("Content-Length: \(packed.count)\r\n\r\n")
            connection.send(packed)
        }
        let decoded = try await client.send(HTTPRequest("GET", server.url))
        #expect(decoded.headers["X-Offered"] == "true")
        #expect(decoded.announcedLength == nil)
        let text = String(repeating: #"{"status": "PROCESSING"}"#, count: 40)
        #expect(try await decoded.body.collect(upTo: 10_000) == Array(text.utf8))

        var request = HTTPRequest("GET", server.url)
        request.acceptsCompression = false
        let unasked = try await client.send(request)
        #expect(unasked.headers["X-Offered"] == "false")
        #expect(try await unasked.body.collect(upTo: 10_000) == Array(text.utf8))
    }

    @Test func `a brotli answer is decoded`() async throws {
        // Made by Google's encoder, 1.2.1 of the Python package `brotli`.
        let packed = Array(Data(base64Encoded: "G78D+I3TpbYxHGqlyF5fgegkJeA0lhWcsJOI/LeLPQ==")!)
        let server = try SocketServer { connection, _ in
            let offered = connection.receiveRequest().head.contains("br")
            connection.send("HTTP/1.1 200 OK\r\nX-Offered: \(offered)\r\nContent-Encoding: br\r\n")
            connection.send("Content-Length: \(packed.count)\r\n\r\n")
            connection.send(packed)
        }
        let response = try await client.send(HTTPRequest("GET", server.url))
        #expect(response.headers["X-Offered"] == "true")
        let text = String(repeating: #"{"status": "PROCESSING"}"#, count: 40)
        #expect(try await response.body.collect(upTo: 10_000) == Array(text.utf8))
    }

    /// `Content-Encoding: gzip` and a stream that is cut, broken or none at all. libcurl tells of the latter two; of a cut
    /// one it hands out what there was, so a reader has to know the end of a document by itself.
    @Test(arguments: [
        ("H4sIAAAAAAACA6tWKi5JLCktVrJSUAoI8nd2DQ729HNX", true), ("H4sIAAAAAAACA/////////8=", false), ("e30=", false),
    ])
    func `a broken gzip answer never gives more than there was`(packed: String, isCut: Bool) async throws {
        let packed = Array(Data(base64Encoded: packed)!)
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n")
            connection.send(packed)
        }
        let text = String(repeating: #"{"status": "PROCESSING"}"#, count: 40)
        let response = try await client.send(HTTPRequest("GET", server.url))
        do throws(HTTPClientError) {
            let body = try await response.body.collect(upTo: 10_000)
            #expect(isCut && body.count < text.utf8.count && text.utf8.starts(with: body))
        } catch {
            #expect(error.reason == .malformed && error.sent == .maybe)
        }
    }

    @Test func `a small answer that unpacks to gigabytes is given up at the bound`() async throws {
        // One deflate block of a run that repeats: a gzip stream of zeros, without end.
        let zeros = Array(Data(base64Encoded: "H4sIAAAAAAAAA+zBAQEAAACAkP6v7ggK")!)
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
            connection.send(zeros)
            while connection.send([UInt8](repeating: 0, count: 65536)) {}
        }
        let error = await #expect(throws: HTTPClientError.self) {
            _ = try await client.send(HTTPRequest("GET", server.url)).body.collect(upTo: 1 << 20)
        }
        #expect(error?.reason == .tooLarge(limit: 1 << 20))
    }

    @Test func `redirects are answers like any other`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.answer("", headers: "")
        }
        let redirecting = try SocketServer { [url = server.url] connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 302 Found\r\nLocation: \(url)\r\nContent-Length: 0\r\n\r\n")
        }
        let response = try await client.send(HTTPRequest("GET", redirecting.url))
        #expect(response.status == 302)
        #expect(response.headers["location"] == server.url)
        #expect(server.connections == 0)
    }

    @Test func `a connection is used again unless the request wants one of its own`() async throws {
        let server = try SocketServer { connection, number in
            while connection.receiveRequest().head.hasPrefix("GET") { connection.answer("\(number)") }
        }
        func ask(fresh: Bool) async throws -> String {
            var request = HTTPRequest("GET", server.url)
            request.freshConnection = fresh
            return String(decoding: try await client.send(request).body.collect(upTo: 9), as: UTF8.self)
        }
        #expect(try await ask(fresh: false) == "0")
        #expect(try await ask(fresh: false) == "0")
        #expect(try await ask(fresh: true) == "1")
        #expect(try await ask(fresh: true) == "2")
        #expect(try await ask(fresh: false) == "0")
    }

    @Test func `200 requests at once all get their own answer`() async throws {
        let server = try SocketServer { connection, _ in
            while case let body = connection.receiveRequest().body, !body.isEmpty {
                connection.answer(String(decoding: body, as: UTF8.self))
            }
        }
        var configuration = CurlHTTPClient.Configuration()
        configuration.maximumConcurrent = 50
        let client = CurlHTTPClient(configuration)
        let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for number in 0..<200 {
                group.addTask {
                    let request = HTTPRequest("POST", server.url, body: .bytes(Array("\(number)".utf8)))
                    let body = try await client.send(request).body.collect(upTo: 9)
                    return (number, String(decoding: body, as: UTF8.self))
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(answers == Dictionary(uniqueKeysWithValues: (0..<200).map { ($0, "\($0)") }))
        #expect(server.connections <= 50)
        client.stop()
    }
}
