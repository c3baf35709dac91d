import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

struct RetrieveTests {
    private func retrieve(_ http: ScriptedHTTPClient) async throws(VeniceError) -> RetrieveOutcome {
        try await VeniceClient(http).retrieve(model: "m", queueID: "q")
    }

    private func answer(_ bytes: [UInt8], type: String? = nil, chunk: Int = 1 << 20, length: Int? = nil)
        -> ScriptedHTTPClient
    {
        var headers: HTTPHeaders = [:]
        if let type { headers["Content-Type"] = type }
        if let length { headers["Content-Length"] = "\(length)" }
        let chunks = stride(from: 0, to: bytes.count, by: chunk).map { Array(bytes[$0..<min($0 + chunk, bytes.count)]) }
        return ScriptedHTTPClient(.answer(status: 200, headers: headers, chunks: chunks, failure: nil))
    }

    @Test func `the question names model and id, and deletes nothing unless told to`() async throws {
        let http = ScriptedHTTPClient(.json(#"{"status":"PROCESSING"}"#), .json(#"{"status":"PROCESSING"}"#))
        _ = try await retrieve(http)
        _ = try await VeniceClient(http).retrieve(model: "m", queueID: "q", deleteMedia: true)
        #expect(http.requests[0].bodyText == #"{"model":"m","queue_id":"q"}"#)
        #expect(http.requests[1].bodyText == #"{"model":"m","queue_id":"q","delete_media_on_completion":true}"#)
        #expect(http.requests[0].acceptsCompression == false)
    }

    @Test(arguments: [
        (#"{"status":"PROCESSING","average_execution_time":145000,"execution_duration":53200}"#, 145.0, 53.2),
        (#"{"status":"processing","averageExecutionTime":"145000","executionDuration":"53200"}"#, 145.0, 53.2),
        (#"{"status":"Queued","estimatedDuration":1000.5}"#, 1.0005, nil), (#"{"status":"running"}"#, nil, nil),
        (#"{"status":"levitating","average_execution_time":-5,"execution_duration":"soon"}"#, nil, nil),
        (#" {"status":"PENDING","average_execution_time":1e300}"#, nil, nil),
    ])
    func `under way, in every spelling`(body: String, usual: Double?, elapsed: Double?) async throws {
        guard case .processing(let timings) = try await retrieve(answer(Array(body.utf8), type: "text/plain")) else {
            Issue.record("not processing")
            return
        }
        #expect(timings.usual == usual.map { .milliseconds($0 * 1000) })
        #expect(timings.elapsed == elapsed.map { .milliseconds($0 * 1000) })
    }

    @Test(arguments: ["COMPLETED", "completed", "Succeeded", "done"])
    func `finished, with a link of its own or without`(status: String) async throws {
        for (extra, link) in [
            ("", nil), (#","url":"https://private-share.venice.ai/x""#, "https://private-share.venice.ai/x"),
            (#","video_url":"https://evil.example/x""#, nil), (#","download_url":null"#, nil),
        ] {
            let body = #"{"status":"\#(status)"\#(extra)}"#
            guard case .completed(let inline) = try await retrieve(answer(Array(body.utf8))) else {
                Issue.record("not completed: \(body)")
                return
            }
            #expect(inline?.reveal() == link)
        }
    }

    @Test(arguments: ["failed", "ERROR", "Cancelled", "canceled", "expired", "rejected"])
    func `given up, with what is known of the refund`(status: String) async throws {
        let body = #"{"status":"\#(status)","error":{"message":"no luck","credits_refunded":true}}"#
        guard case .failed(let word, let notes) = try await retrieve(answer(Array(body.utf8))) else {
            Issue.record("not failed")
            return
        }
        #expect(word == status)
        #expect(notes.refunded == true)
        #expect(notes.message == "no luck")
    }

    @Test(arguments: ["video/mp4", "application/octet-stream", "application/json", nil], [1, 5, 12, 1000])
    func `a video is a video whatever the header says and however it is cut`(type: String?, chunk: Int) async throws {
        let bytes = mp4 + [UInt8](repeating: 3, count: 500)
        guard case .video(let stream) = try await retrieve(answer(bytes, type: type, chunk: chunk, length: bytes.count))
        else {
            Issue.record("no video")
            return
        }
        #expect(stream.contentType == "video/mp4")
        #expect(stream.announcedLength == bytes.count)
        var received: [UInt8] = []
        for try await chunk in stream.body { received += chunk }
        #expect(received == bytes)
    }

    @Test(
        arguments: [
            (Array("\0\0\0\u{14}ftypqt  ".utf8), "video/mp4", "video/quicktime"),
            (Array("\0\0\0\u{8}wide\0\0\0\0".utf8), nil, "video/quicktime"),
            ([0x1a, 0x45, 0xdf, 0xa3, 0, 0, 0, 0, 0, 0, 0, 0], "video/mp4", "video/webm"),
            (Array("something else".utf8), "Video/X-Odd; a=b", "video/x-odd"),
        ] as [([UInt8], String?, String)])
    func `the bytes name the container`(bytes: [UInt8], type: String?, expected: String) async throws {
        guard case .video(let stream) = try await retrieve(answer(bytes, type: type)) else {
            Issue.record("no video")
            return
        }
        #expect(stream.contentType == expected)
    }

    @Test(
        arguments: [
            ("", "video/mp4", "retry later"), ("<html><title>502 Bad gateway</title>", "text/html", "retry later"),
            ("hello", "text/plain", "unexpected answer"), ("hello world, this is text", nil, "unexpected answer"),
            (#"{"state":"x"}"#, "application/json", "unexpected answer"), ("{", "video/mp4", "unexpected answer"),
            (#"{"status":5"#, nil, "unexpected answer"), (#"{"error":"odd"}"#, nil, "unexpected answer"),
        ] as [(String, String?, String)])
    func `a 200 that says nothing is no success`(body: String, type: String?, word: String) async {
        let http = answer(Array(body.utf8), type: type)
        #expect(await failure { () throws(VeniceError) in try await retrieve(http) }?.word == word)
    }

    @Test func `gigabytes of JSON are not read`() async {
        let http = answer(Array("{".utf8) + [UInt8](repeating: 0x20, count: 3 << 20), chunk: 1 << 16)
        #expect(await failure { () throws(VeniceError) in try await retrieve(http) }?.word == "unexpected answer")
    }

    @Test func `a body that breaks is an error where it breaks`() async throws {
        let lost = HTTPClientError(.truncated, sent: .maybe)
        let early = ScriptedHTTPClient(.answer(status: 200, headers: [:], chunks: [[0, 0]], failure: lost))
        #expect(await failure { () throws(VeniceError) in try await retrieve(early) }?.word == "retry later")
        let late = ScriptedHTTPClient(.answer(status: 200, headers: [:], chunks: [mp4, [1]], failure: lost))
        guard case .video(let stream) = try await retrieve(late) else {
            Issue.record("no video")
            return
        }
        var received = 0
        let error = await #expect(throws: HTTPClientError.self) {
            for try await chunk in stream.body { received += chunk.count }
        }
        #expect(error == lost)
        #expect(received == mp4.count + 1)
    }

    @Test(arguments: [
        (200, #"{"success":true}"#, true), (200, #"{"success":false}"#, false), (200, "", false),
        (400, #"{"error":"Request ID is invalid."}"#, false), (404, "", false),
    ])
    func `complete is best effort`(status: Int, body: String, done: Bool) async throws {
        let http = ScriptedHTTPClient(.json(body, status: status))
        #expect(try await VeniceClient(http).complete(model: "m", queueID: "q") == done)
        #expect(http.requests[0].bodyText == #"{"model":"m","queue_id":"q"}"#)
    }
}
