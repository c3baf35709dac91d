import Foundation
import ObjectStorage
import Testing

@testable import SyncService

/// Stored objects on the wire.
@Suite struct ContentResponseTests {
    private static let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    private let state = Validators(tag: EntityTag("abc"), modified: Date(timeIntervalSince1970: 783_459_811))
    private static let date = "Sat, 29 Oct 1994 19:43:31 GMT"

    private func withContent(_ body: (RawClient) async throws -> Void) async throws {
        let root = NSTemporaryDirectory() + "gondola-content-" + UUID().uuidString
        let store = try LocalObjectStore(root: root)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let key = try ObjectKey("u/v")
        _ = try await store.put(
            key,
            body: AsyncStream {
                $0.yield(Self.content)
                $0.finish()
            })
        let state = state
        let handle: APIHandler = { request in
            guard let object = try? await store.open(key, range: nil) else { return .text("", status: 500) }
            return .content(object, state, type: "video/mp4", headers: ["cache-control": "private"], for: request)
        }
        try await withServer(handle) { try await body(RawClient($0)) }
        #expect(try openFiles(under: root).isEmpty)
    }

    private func openFiles(under folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }.filter { $0.hasPrefix(folder) }
    }

    @Test func `all of it, a part of it, and its last bytes`() async throws {
        try await withContent { client in
            let cases: [(String, Range<Int>, Int)] = [
                ("", 0..<3_000_000, 200), ("Range: bytes=5-9\r\n", 5..<10, 206),
                ("Range: bytes=-7\r\n", 2_999_993..<3_000_000, 206), ("Range: bytes=1000-\r\n", 1000..<3_000_000, 206),
                ("Range: bytes=5-9\r\nIf-Range: \"abc\"\r\n", 5..<10, 206),
                ("Range: bytes=5-9\r\nIf-Range: \"other\"\r\n", 0..<3_000_000, 200),
                ("Range: bytes=5-9\r\nIf-Range: \(Self.date)\r\n", 5..<10, 206),
            ]
            for (header, range, status) in cases {
                try await client.send("GET / HTTP/1.1\r\nHost: x\r\n\(header)\r\n")
                let response = try await client.response()
                #expect(response.status == status && response.body == Array(Self.content[range]))
                #expect(response.headers["etag"] == "\"abc\"" && response.headers["last-modified"] == Self.date)
                #expect(response.headers["x-content-type-options"] == "nosniff")
                #expect(response.headers["content-type"] == "video/mp4")
                let described = "bytes \(range.lowerBound)-\(range.upperBound - 1)/3000000"
                #expect(response.headers["content-range"] == (status == 206 ? described : nil))
            }
        }
    }

    @Test func `several parts come with their boundaries`() async throws {
        try await withContent { client in
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1,2000000-2000003\r\n\r\n")
            let response = try await client.response()
            let boundary = try #require(response.headers["content-type"]?.split(separator: "=").last)
            var expected: [UInt8] = []
            for range in [0..<2, 2_000_000..<2_000_004] {
                expected += Array("\(expected.isEmpty ? "" : "\r\n")--\(boundary)\r\ncontent-type: video/mp4\r\n".utf8)
                expected += Array(
                    "content-range: bytes \(range.lowerBound)-\(range.upperBound - 1)/3000000\r\n\r\n".utf8)
                expected += Self.content[range]
            }
            #expect(response.status == 206 && response.body == expected + Array("\r\n--\(boundary)--\r\n".utf8))
        }
    }

    @Test func `what is not there, not new, or not wanted has no content`() async throws {
        try await withContent { client in
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=3000000-\r\n\r\n")
            let past = try await client.response()
            #expect(past.status == 416 && past.headers["content-range"] == "bytes */3000000")
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: W/\"x\", W/\"abc\"\r\n\r\n")
            let known = try await client.response()
            #expect(
                known.status == 304 && known.headers["etag"] == "\"abc\"" && known.headers["cache-control"] == "private"
            )
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: \(Self.date)\r\n\r\n")
            #expect(try await client.response().status == 304)
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nIf-Match: \"x\"\r\n\r\n")
            #expect(try await client.response().status == 412)
            try await client.send("HEAD / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n")
            let head = try await client.response(toHead: true)
            #expect(head.status == 200 && head.headers["content-length"] == "3000000")
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0\r\n\r\n")
            #expect(try await client.response().body == [Self.content[0]])
        }
    }

    @Test func `overlapping ranges come once, and more than sixteen are all of it`() async throws {
        try await withContent { client in
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9,5-14,12-19\r\n\r\n")
            let joined = try await client.response()
            #expect(joined.status == 206 && joined.body == Array(Self.content[0..<20]))
            let many = (0..<17).map { "\($0 * 2)-\($0 * 2)" }.joined(separator: ",")
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=\(many)\r\n\r\n")
            let whole = try await client.response()
            #expect(whole.status == 200 && whole.body.count == Self.content.count)
        }
    }

    @Test func `a client that leaves in the middle of a file leaves no file open`() async throws {
        try await withContent { client in
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = try await client.receive(1_000)
            client.hangUp()
        }
    }
}
