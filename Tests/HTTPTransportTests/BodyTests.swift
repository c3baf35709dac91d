import Foundation
import TestSupport
import Testing

@testable import HTTPTransport

/// Bodies larger than memory should hold, both ways.
struct BodyTests {
    let client = CurlHTTPClient()

    @Test func `a slow reader holds the server back`() async throws {
        let size = 50 << 20
        let sent = Locked(0)
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            for number in 0..<(size >> 16) {
                guard connection.send([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 1 << 16)) else {
                    return
                }
                sent.change { $0 += 1 << 16 }
            }
        }
        var configuration = CurlHTTPClient.Configuration()
        configuration.bufferBytes = 256 << 10
        let client = CurlHTTPClient(configuration)
        let response = try await client.send(HTTPRequest("GET", server.url))
        var received = 0
        var ahead = 0
        var isInOrder = true
        for try await chunk in response.body {
            let first = UInt8(truncatingIfNeeded: received >> 16)
            let last = UInt8(truncatingIfNeeded: (received + chunk.count - 1) >> 16)
            isInOrder = isInOrder && chunk.first == first && chunk.last == last
            received += chunk.count
            ahead = max(ahead, sent.value - received)
            await Task.yield()
        }
        #expect(received == size)
        #expect(isInOrder)
        let exchange = try #require((response.body.source as? CurlBody)?.exchange)
        #expect(exchange.mostBuffered <= 256 << 10)
        // Kernel buffers and one block in libcurl; the whole file would be three times as much.
        #expect(ahead < 16 << 20)
        client.stop()
    }

    @Test(arguments: [0, 1, 2, 3, 4, 49_151, 49_152, 49_153, 200_000])
    func `a file as base64 is what Foundation makes of it, with its length announced`(size: Int) async throws {
        let bytes = (0..<size).map { _ in UInt8.random(in: 0...255) }
        let file = try TemporaryFile(bytes)
        let seen = Locked<(head: String, body: [UInt8])>(("", []))
        let server = try SocketServer { connection, _ in
            seen.set(connection.receiveRequest())
            connection.answer("")
        }
        let parts: [HTTPRequest.Part] = [
            .bytes(Array(#"{"image_url":"data:image/png;base64,"#.utf8)), .file(path: file.path, encoding: .base64),
            .bytes([]), .bytes(Array(#""}"#.utf8)),
        ]
        _ = try await client.send(HTTPRequest("POST", server.url, body: .parts(parts)))
        let expected = #"{"image_url":"data:image/png;base64,"# + Data(bytes).base64EncodedString() + #""}"#
        #expect(seen.value.body == Array(expected.utf8))
        #expect(seen.value.head.components(separatedBy: "\r\n").contains("Content-Length: \(expected.utf8.count)"))
    }

    @Test func `slices of a file go out as they are, one after the other, also when they start over`() throws {
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let file = try TemporaryFile(bytes)
        let ranges: [Range<Int64>] = [100_000..<150_001, 7..<7, 3..<5, 199_999..<200_000]
        let reader = try BodyReader(ranges.map { .slice(path: file.path, $0) } + [.file(path: file.path)])
        try reader.open()
        let expected = ranges.flatMap { bytes[Int($0.lowerBound)..<Int($0.upperBound)] } + bytes
        #expect(reader.length == expected.count)
        for _ in 0..<2 {
            var got: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 60_000)
            while case let count = try buffer.withUnsafeMutableBytes({ try reader.read(into: $0) }), count > 0 {
                got += buffer[..<count]
            }
            #expect(got == expected)
            try reader.rewind()
        }
        #expect(throws: HTTPClientError.self) { try BodyReader([.slice(path: file.path, 1..<200_001)]) }
    }

    @Test(arguments: [HTTPRequest.Part.Encoding.raw, .base64])
    func `however large a file is, one block of it is in memory`(encoding: HTTPRequest.Part.Encoding) throws {
        let file = try TemporaryFile([])
        #expect(truncate(file.path, 64 << 20) == 0)  // sparse
        let reader = try BodyReader([.bytes([1, 2]), .file(path: file.path, encoding: encoding), .bytes([3])])
        try reader.open()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var (most, total) = (0, 0)
        while case let count = try buffer.withUnsafeMutableBytes({ try reader.read(into: $0) }), count > 0 {
            total += count
            most = max(most, reader.bytesHeld)
        }
        #expect(total == reader.length)
        #expect(most <= (48 + 64) << 10)
    }

    @Test func `a raw file goes out as it is`() async throws {
        let bytes = (0..<300_001).map { _ in UInt8.random(in: 0...255) }
        let file = try TemporaryFile(bytes)
        let seen = Locked<[UInt8]>([])
        let server = try SocketServer { connection, _ in
            seen.set(connection.receiveRequest().body)
            connection.answer("")
        }
        _ = try await client.send(HTTPRequest("PUT", server.url, body: .parts([.file(path: file.path)])))
        #expect(seen.value == bytes)
    }

    @Test func `a missing file is found before anything is sent`() async throws {
        let server = try SocketServer { connection, _ in connection.answer("") }
        let request = HTTPRequest("POST", server.url, body: .parts([.file(path: "/nowhere/at/all", encoding: .base64)]))
        let error = await #expect(throws: HTTPClientError.self) { _ = try await client.send(request) }
        #expect(error?.reason == .invalidRequest)
        #expect(error?.sent == .nothing)
        #expect(server.connections == 0)
    }

    @Test(arguments: [10, 200_000])
    func `a file that changes its size after it was measured ends the request`(newSize: Int) throws {
        let file = try TemporaryFile([UInt8](repeating: 1, count: 100_000))
        let reader = try BodyReader([.file(path: file.path)])
        try Data(repeating: 2, count: newSize).write(to: URL(fileURLWithPath: file.path))
        try reader.open()
        var buffer = [UInt8](repeating: 0, count: 30_000)
        let error = #expect(throws: HTTPClientError.self) {
            while try buffer.withUnsafeMutableBytes({ try reader.read(into: $0) }) > 0 {}
        }
        #expect(error?.reason == .bodySource)
    }

    @Test func `a body of parts is repeated whole when libcurl starts over`() async throws {
        let bodies = Locked<[[UInt8]]>([])
        let server = try SocketServer { connection, number in
            var answered = 0
            while case (let head, let body) = connection.receiveRequest(), !head.isEmpty {
                bodies.change { $0.append(body) }
                if number == 0 && answered == 1 { return }
                connection.answer("")
                answered += 1
            }
        }
        let file = try TemporaryFile([UInt8](repeating: 9, count: 1000))
        let request = HTTPRequest("POST", server.url, body: .parts([.file(path: file.path, encoding: .base64)]))
        _ = try await client.send(request).body.collect(upTo: 0)
        _ = try await client.send(request).body.collect(upTo: 0)
        #expect(bodies.value.count == 3)
        #expect(Set(bodies.value).count == 1)
        #expect(bodies.value.last?.count == 1336)
    }
}
