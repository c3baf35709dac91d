import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// Broken downloads: one continuous body, or an error; never a wrong byte.
struct DownloadResumeTests {
    private let link = Redacted("https://private-share.venice.ai/v1/share/read/SECRET?sig=SECRET")
    private let file = mp4 + (0..<500).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    private let clock = InstantClock()

    private func client(_ http: any HTTPClient) -> VeniceClient {
        var client = VeniceClient(VeniceAccount(id: "main", key: Redacted(sampleKey)), http: http)
        client.clock = clock
        return client
    }

    private var headers: HTTPHeaders {
        ["Content-Type": "video/mp4", "Content-Length": "\(file.count)", "ETag": "\"v1\""]
    }

    /// The answer that begins at `start` and breaks at `end`.
    private func part(_ start: Int, brokenAt end: Int? = nil, status: Int? = nil) -> ScriptedHTTPClient.Step {
        var headers = headers
        let isPart = start > 0
        if isPart { headers["Content-Range"] = "bytes \(start)-\(file.count - 1)/\(file.count)" }
        headers["Content-Length"] = "\(file.count - start)"
        let broken = HTTPClientError(.interrupted, sent: .maybe, "connection reset")
        return .answer(
            status: status ?? (isPart ? 206 : 200), headers: headers,
            chunks: [Array(file[start..<(end ?? file.count)])],
            failure: end == nil ? nil : broken)
    }

    private func read(_ stream: VideoStream) async -> (bytes: [UInt8], error: HTTPClientError?) {
        var bytes: [UInt8] = []
        do throws(HTTPClientError) {
            for try await chunk in stream.body { bytes += chunk }
            return (bytes, nil)
        } catch { return (bytes, error) }
    }

    @Test func `a transfer that breaks goes on where it broke`() async throws {
        let http = ScriptedHTTPClient(part(0, brokenAt: 100), part(100, brokenAt: 101), part(101))
        let stream = try await client(http).download(link)
        #expect(stream.announcedLength == file.count)
        let (bytes, error) = await read(stream)
        #expect(error == nil)
        #expect(bytes == file)
        #expect(http.requests.map { $0.headers["Range"] } == [nil, "bytes=100-", "bytes=101-"])
        #expect(http.requests.map { $0.headers["If-Range"] } == [nil, "\"v1\"", "\"v1\""])
        #expect(http.requests.allSatisfy { $0.headers["Authorization"] == nil && $0.url == link.reveal() })
        #expect(clock.waits == [.seconds(1), .seconds(2)])
    }

    @Test func `the beginning that told what it is counts as received`() async throws {
        let http = ScriptedHTTPClient(part(0, brokenAt: 12), part(12))
        let (bytes, error) = await read(try await client(http).download(link))
        #expect(error == nil)
        #expect(bytes == file)
    }

    @Test(arguments: [(200, "from its beginning"), (410, "gone (410)"), (404, "gone (404)"), (302, "status 302")])
    func `where it cannot go on it throws what broke it, and why that was the end`(status: Int, why: String)
        async throws
    {
        let http = ScriptedHTTPClient(part(0, brokenAt: 100), part(0, status: status))
        let (bytes, error) = await read(try await client(http).download(link))
        #expect(bytes == Array(file[..<100]))
        #expect(error?.reason == .interrupted)
        #expect(error?.detail.contains(why) == true)
        #expect(http.requests.count == 2)
        #expect("\(error!)".contains("SECRET") == false)
    }

    @Test(
        arguments: [[:], ["Accept-Ranges": "bytes"], ["ETag": "W/\"v1\"", "Accept-Ranges": "bytes"]] as [HTTPHeaders])
    func `a file without any mark is not gone on with`(marks: HTTPHeaders) async throws {
        var headers = marks
        headers["Content-Length"] = "500"
        let step = ScriptedHTTPClient.Step.answer(
            status: 200, headers: headers, chunks: [mp4], failure: HTTPClientError(.interrupted))
        let http = ScriptedHTTPClient(step)
        let (_, error) = await read(try await client(http).download(link))
        #expect(error?.reason == .interrupted)
        #expect(http.requests.count == 1)
    }

    @Test func `a server that is busy is waited for, as long as it says`() async throws {
        let http = ScriptedHTTPClient(
            part(0, brokenAt: 100), .json("", status: 429, headers: ["Retry-After": "7"]), .json("", status: 503),
            part(100))
        let (bytes, error) = await read(try await client(http).download(link))
        #expect(error == nil)
        #expect(bytes == file)
        #expect(clock.waits == [.seconds(1), .seconds(7), .seconds(4)])
    }

    @Test func `tries are counted over the whole file`() async throws {
        let http = ScriptedHTTPClient(
            part(0, brokenAt: 100), part(100, brokenAt: 200), part(200, brokenAt: 300), part(300, brokenAt: 301),
            part(301))
        let (bytes, error) = await read(try await client(http).download(link))
        #expect(bytes.count == 301)
        #expect(error?.detail.contains("after 3 tries") == true)
    }

    @Test func `a part that ends early is gone on with, and one that brings too much is not believed`() async throws {
        var short = headers
        short["Content-Range"] = "bytes 100-199/\(file.count)"
        let half = ScriptedHTTPClient.Step.answer(
            status: 206, headers: short, chunks: [Array(file[100..<200])], failure: nil)
        let (bytes, error) = await read(
            try await client(ScriptedHTTPClient(part(0, brokenAt: 100), half, part(200))).download(link))
        #expect(error == nil)
        #expect(bytes == file)

        let long = ScriptedHTTPClient.Step.answer(
            status: 206, headers: ["Content-Range": "bytes 100-\(file.count - 1)/\(file.count)"],
            chunks: [Array(file[100...]), [1]], failure: nil)
        let (_, tooMuch) = await read(
            try await client(ScriptedHTTPClient(part(0, brokenAt: 100), long)).download(link))
        #expect(tooMuch?.reason == .malformed)
    }

    @Test func `a redirect is an error that names where it leads, without its path`() async {
        let http = ScriptedHTTPClient(
            .json("", status: 302, headers: ["Location": "https://evil.example/SECRET?sig=SECRET"]))
        let error = await failure { () throws(VeniceError) in try await client(http).download(link) }
        #expect(error?.word == "unexpected answer")
        #expect(error?.evidence.message == "a redirect to evil.example, which is not followed")
        #expect(http.requests.count == 1)
    }

    @Test(arguments: [
        ("/v1/share/read/SECRET/", ""), ("SECRET", ""), ("../read/SECRET?sig=SECRET", ""), ("", ""), ("///SECRET", ""),
        ("https:/SECRET", ""), ("https:///SECRET", ""),
        ("//evil.example:8443/SECRET", " to evil.example"), ("https://evil.example?SECRET", " to evil.example"),
        ("https://SECRET:SECRET@evil.example/", ""), ("mailto:SECRET", ""), (nil, ""),
    ])
    func `a redirect says nothing but its host`(location: String?, words: String) async {
        var headers: HTTPHeaders = [:]
        if let location { headers["Location"] = location }
        let http = ScriptedHTTPClient(.json("", status: 307, headers: headers))
        let error = await failure { () throws(VeniceError) in try await client(http).download(link) }
        #expect(error?.evidence.message == "a redirect\(words), which is not followed")
    }

    @Test func `a part that nobody asked for is no file`() async {
        let error = await failure { () throws(VeniceError) in
            try await client(ScriptedHTTPClient(part(1))).download(link)
        }
        #expect(error?.word == "unexpected answer")
    }

    @Test func `fetched too often means a long wait`() async {
        let calm = await failure { () throws(VeniceError) in
            try await client(ScriptedHTTPClient(.json("", status: 429))).download(link)
        }
        guard case .throttled(let delay, _)? = calm else { return #expect(Bool(false), "\(String(describing: calm))") }
        #expect(delay == .seconds(60))
    }

    /// A server that keeps one file, answers ranges, breaks anywhere, and now and then changes the file.
    @Test func `whatever a server does, the body is the file or an error`() async throws {
        var random = SeededGenerator(11)
        var wholes = 0
        for _ in 0..<400 {
            var steps = (0..<5).map { _ in RangeServer.Step(&random, count: file.count) }
            steps[0].tag = "\"v1\""
            let server = RangeServer(file: file, steps: steps)
            guard let stream = try? await client(server).download(link) else { continue }
            let (bytes, error) = await read(stream)
            #expect(file.starts(with: bytes))
            if error == nil {
                #expect(bytes == file)
                wholes += 1
            }
        }
        #expect(wholes > 50)
    }

    @Test func `a real connection that is reset in the middle of a file is gone on with`() async throws {
        let file = file + [UInt8](repeating: 5, count: 300_000)
        let server = try SocketServer { connection, number in
            let lines = connection.receiveRequest().head.components(separatedBy: "\r\n")
            let from = lines.first { $0.hasPrefix("Range: bytes=") }.flatMap { Int($0.dropFirst(13).dropLast()) } ?? 0
            let range = from > 0 ? "Content-Range: bytes \(from)-\(file.count - 1)/\(file.count)\r\n" : ""
            connection.send("HTTP/1.1 \(from > 0 ? "206 Partial Content" : "200 OK")\r\n\(range)ETag: \"v1\"\r\n")
            connection.send("Content-Length: \(file.count - from)\r\nConnection: close\r\n\r\n")
            let end = number < 3 ? min(file.count, from + 90_000) : file.count
            connection.send(Array(file[from..<end]))
        }
        var client = client(CurlHTTPClient())
        client.downloadHosts = DownloadHosts(["127.0.0.1"])
        let (bytes, error) = await read(try await client.download(Redacted(server.url)))
        #expect(error == nil)
        #expect(bytes == file)
        #expect(server.connections == 4)
    }

    @Test func `cancelling ends the wait for another try`() async throws {
        let waiting = Signal()
        let http = ScriptedHTTPClient(part(0, brokenAt: 100))
        var client = client(http)
        client.clock = EndlessClock(waiting)
        let stream = try await client.download(link)
        let reading = Task { await read(stream).error }
        await waiting.wait()
        reading.cancel()
        #expect(await reading.value?.reason == .cancelled)
        #expect(http.requests.count == 1)
    }
}

/// Answers ranges of one file, as badly as its steps say.
private final class RangeServer: HTTPClient {
    struct Step: Sendable {
        var breaksAfter: Int?
        var tag = "\"v1\""
        var shift = 0
        var ignoresRange = false

        init(_ random: inout SeededGenerator, count: Int) {
            if Int.random(in: 0..<4, using: &random) > 0 { breaksAfter = Int.random(in: 0...count, using: &random) }
            switch Int.random(in: 0..<12, using: &random) {
            case 0: tag = "\"v2\""
            case 1: shift = 1
            case 2: ignoresRange = true
            default: break
            }
        }
    }

    private let file: [UInt8]
    private let steps: Locked<[Step]>

    init(file: [UInt8], steps: [Step]) { (self.file, self.steps) = (file, Locked(steps)) }

    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        guard let step = steps.value.first else { throw HTTPClientError(.unreachable) }
        steps.change { $0.removeFirst() }
        let asked = request.headers["Range"].flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0
        let start = step.ignoresRange || asked == 0 ? 0 : min(max(0, asked + step.shift), file.count)
        // A changed file has other bytes.
        let bytes = step.tag == "\"v1\"" ? file : mp4 + [UInt8](repeating: 0, count: file.count - mp4.count)
        let isPart = asked > 0 && !step.ignoresRange
        var headers: HTTPHeaders = ["ETag": step.tag, "Content-Length": "\(bytes.count - start)"]
        if isPart { headers["Content-Range"] = "bytes \(start)-\(bytes.count - 1)/\(bytes.count)" }
        let rest = Array(bytes[start...])
        let sent = step.breaksAfter.map { Array(rest.prefix($0)) } ?? rest
        let failure = sent.count < rest.count ? HTTPClientError(.interrupted, sent: .maybe) : nil
        return HTTPResponse(
            status: isPart ? 206 : 200, headers: headers, body: HTTPResponseBody([sent], failure: failure))
    }
}

/// A clock on which no wait ever ends, except by cancellation.
private struct EndlessClock: Clock {
    let waiting: Signal

    init(_ waiting: Signal) { self.waiting = waiting }

    var now: ContinuousClock.Instant { .now }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        waiting.fire()
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        await withTaskCancellationHandler {
            for await _ in stream {}
        } onCancel: {
            continuation.finish()
        }
        throw CancellationError()
    }
}
