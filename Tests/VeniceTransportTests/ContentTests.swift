import Foundation
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import HTTPTransport
@testable import VeniceTransport

/// Content decides over headers, and every body has an end (PROTOCOL §5).
struct ContentTests {
    private func retrieve(_ bytes: [UInt8], _ headers: HTTPHeaders) async -> String {
        let client = VeniceClient(.answer(status: 200, headers: headers, chunks: [bytes], failure: nil))
        do throws(VeniceError) {
            switch try await client.retrieve(model: "m", queueID: "q") {
            case .video: return "video"
            case .processing: return "processing"
            case .completed: return "completed"
            case .failed: return "failed"
            }
        } catch {
            return error.word
        }
    }

    private static let labels = ["video/mp4", "application/json", "application/octet-stream", "text/html", "", "what"]
    private static let gzip: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0x56, 0x2a, 0x2e, 0x49, 0x2c]
    /// `{"status":"PROCESSING"}`, coded.
    private static let coded: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 46, 73, 44, 41, 45, 86, 178, 82, 10, 8, 242, 119, 118, 13, 14,
        246, 244, 115, 87, 170, 5, 0, 49, 144, 174, 91, 23, 0, 0, 0,
    ]
    /// `{"queue_id":"q-1","model":"m"}`, coded.
    private static let codedReceipt: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 44, 77, 45, 77, 141, 207, 76, 81, 178, 82, 42, 212, 53, 84, 210,
        81, 202, 205, 79, 73, 205, 1, 242, 114, 149, 106, 1, 101, 94, 58, 10, 30, 0, 0, 0,
    ]

    static let bodies: [(name: String, bytes: [UInt8], outcome: String)] = [
        ("a video", mp4, "video"),
        ("a video that begins with another box", Array("\0\0\0\u{8}wide\0\0\0\0mdat".utf8), "video"),
        ("JSON", Array(#"{"status":"PROCESSING"}"#.utf8), "processing"),
        ("JSON after a byte order mark", [0xef, 0xbb, 0xbf] + Array(#"{"status":"PROCESSING"}"#.utf8), "processing"),
        ("JSON after white space", Array("\r\n\t {\"status\":\"COMPLETED\"}".utf8), "completed"),
        (
            "JSON with broken UTF-8", Array(#"{"status":"PROCESSING","x":""#.utf8) + [0xff, 0xc0] + Array(#""}"#.utf8),
            "processing"
        ),
        ("JSON with a key twice", Array(#"{"status":"PROCESSING","status":"COMPLETED"}"#.utf8), "completed"),
        ("JSON with a status that is a number", Array(#"{"status":7}"#.utf8), "processing"),
        ("JSON with a status that is a list", Array(#"{"status":["COMPLETED"]}"#.utf8), "unexpected answer"),
        ("JSON with a status that is null", Array(#"{"status":null}"#.utf8), "unexpected answer"),
        ("half of some JSON", Array(#"{"status":"PROC"#.utf8), "unexpected answer"),
        ("JSON too deep", Array((#"{"status":"# + String(repeating: "[", count: 100_000)).utf8), "unexpected answer"),
        ("a page", Array("<!DOCTYPE html><title>502</title>".utf8), "retry later"),
        ("nothing", [], "retry later"),
        ("a bare opening brace", [0x7b], "unexpected answer"),
        ("gzip without a header that says so", coded, "processing"),
        ("half of some gzip", gzip, "unexpected answer"),
    ]

    @Test(arguments: bodies.indices, labels)
    func `what a body is, its bytes say`(index: Int, label: String) async {
        let body = Self.bodies[index]
        let headers: HTTPHeaders = label.isEmpty ? [:] : ["Content-Type": label]
        #expect(await retrieve(body.bytes, headers) == body.outcome, "\(body.name) as \(label)")
    }

    @Test(arguments: [
        [UInt8](), [0x7b], gzip, Array("<html>".utf8), [0xff, 0xfe, 0x00], Array("[]".utf8), Array("null".utf8),
        Array(#"{"quote":[1]}"#.utf8), Array(#"{"quote":true}"#.utf8), Array(#"{"quote":{"usd":1}}"#.utf8),
    ])
    func `a price is never made from anything else`(bytes: [UInt8]) async throws {
        let request = try QuoteRequest(.sample, model: .sample())
        let client = VeniceClient(.answer(status: 200, headers: [:], chunks: [bytes], failure: nil))
        #expect(
            await failure { () throws(VeniceError) in try await client.quote(request) }?.word == "unexpected answer")
    }

    @Test func `a paid answer is read through gzip that no header announced`() {
        #expect(QueueReceipt(body: Self.codedReceipt, requestedModel: "m")?.queueID == "q-1")
        #expect(QueueReceipt(body: Array(Self.codedReceipt.dropLast(12)), requestedModel: "m") == nil)
    }

    @Test func `a key twice: the last one counts, but a null takes nothing away`() {
        #expect(JSON(#"{"a":1,"a":2}"#.utf8)?["a"] == .number("2"))
        #expect(JSON(#"{"a":1,"a":null}"#.utf8)?["a"] == .number("1"))
        let body = Array(#"{"queue_id":"q","queue_id":null}"#.utf8)
        #expect(QueueReceipt(body: body, requestedModel: "m")?.queueID == "q")
    }

    static let endless: [VeniceEndpoint] = VeniceEndpoint.allCases.filter { $0 != .download && $0 != .deleteDownload }

    /// The source would go on for ever, so a reader that does not stop never comes back.
    @Test(arguments: endless, [200, 500])
    func `an endless answer is read up to the limit and closed there`(endpoint: VeniceEndpoint, status: Int) async {
        let source = EndlessBytes(beginning: Array(#"{"a":""#.utf8))
        let client = VeniceClient(
            VeniceAccount(id: "main", key: Redacted(sampleKey)), http: EndlessClient(status: status, source: source))
        let error = await failure { () throws(VeniceError) in try await client.ask(endpoint) }
        #expect(error != nil)
        let most: [VeniceEndpoint: Int] = [.models: VeniceClient.modelsLimit, .usageHistory: VeniceClient.historyLimit]
        let limit = status == 200 ? most[endpoint, default: VeniceClient.answerLimit] : VeniceClient.answerLimit
        #expect(source.given <= limit + EndlessBytes.chunk)
        #expect(source.given > limit - EndlessBytes.chunk)
        #expect(source.isClosed)
    }
}

/// A body without an end that counts what it gave out.
private final class EndlessBytes: ByteSource {
    static let chunk = 1 << 16
    private let state: Mutex<(beginning: [UInt8], given: Int, isClosed: Bool)>

    init(beginning: [UInt8]) { state = Mutex((beginning, 0, false)) }

    var given: Int { state.withLock { $0.given } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func next() async throws(HTTPClientError) -> [UInt8]? {
        state.withLock { state in
            if state.isClosed { return nil }
            let bytes = state.beginning + [UInt8](repeating: 0x61, count: Self.chunk - state.beginning.count)
            state.beginning = []
            state.given += bytes.count
            return bytes
        }
    }

    func close() { state.withLock { $0.isClosed = true } }
}

private struct EndlessClient: HTTPClient {
    var status: Int
    var source: EndlessBytes

    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        HTTPResponse(status: status, headers: [:], body: HTTPResponseBody(source: source))
    }
}
