import Crypto
import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import SyncService

struct PhoneClientTests {
    private let token = Redacted("gdl_token")

    private func client(_ http: ScriptedHTTPClient, server: String = "http://127.0.0.1:8080") throws -> PhoneClient {
        try PhoneClient(server: server, token: token, http: http)
    }

    private static let job = Job(
        id: .sample(), status: .known(.waiting), request: VideoRequest(model: "m", prompt: "p"), createdAt: .sample,
        updatedAt: .sample)

    private static func text(_ value: some Encodable) throws -> String {
        String(decoding: try Wire.encode(value), as: UTF8.self)
    }

    @Test func `a submission carries its key, its token and its body`() async throws {
        let detail = JobDetail(job: Self.job, sequence: 3, timeline: [])
        let http = ScriptedHTTPClient(.json(try Self.text(detail), status: 201))
        let submission = JobSubmission(request: Self.job.request, maxPrice: .sample)
        let answer = try await client(http).submit(submission, idempotencyKey: "key-1")
        #expect(answer == detail)
        let request = try #require(http.requests.first)
        #expect(request.method == "POST")
        #expect(request.url == "http://127.0.0.1:8080/v1/jobs")
        #expect(request.headers["Idempotency-Key"] == "key-1")
        #expect(request.headers["Authorization"] == "Bearer gdl_token")
        #expect(request.headers["Content-Type"] == "application/json")
        #expect(request.bodyText == (try Self.text(submission)))
        #expect(!"\(request)".contains("gdl_token"))
    }

    @Test func `a path in front of the API and a trailing slash are kept apart`() async throws {
        let http = ScriptedHTTPClient(.json(#"{"models":[]}"#))
        _ = try await client(http, server: "https://example.com/gondola/").models()
        #expect(http.requests.first?.url == "https://example.com/gondola/v1/models")
    }

    @Test func `a cursor is escaped and a wait gives the answer more time`() async throws {
        let page = ChangePage(isSnapshot: false, changes: [], cursor: "c", hasMore: false, from: 1, through: 1)
        let http = ScriptedHTTPClient(.json(try Self.text(page)))
        _ = try await client(http).changes(cursor: "a&b=ü", wait: 30, limit: 5)
        let request = try #require(http.requests.first)
        #expect(request.url.hasSuffix("/v1/changes?cursor=a%26b%3D%C3%BC&limit=5&wait=30"))
        #expect(request.timeouts.firstByte == .seconds(90))
    }

    @Test func `the decision and the quote have the shapes that the routes read`() async throws {
        let detail = JobDetail(job: Self.job, sequence: 3, timeline: [])
        let http = ScriptedHTTPClient(
            .json(try Self.text(detail)), .json(try Self.text(detail)), .json(#"{"price":"0.55"}"#))
        let client = try client(http)
        _ = try await client.decide(.giveUp, on: Self.job)
        var asked = Self.job
        asked.attention = Job.Attention(kind: .known(.consentNeeded), message: "?", revision: 7)
        _ = try await client.decide(.agree, on: asked)
        let quote = try await client.quote(VideoRequest(model: "m"))
        #expect(quote.price == .sample)
        #expect(
            http.requests.map(\.bodyText) == [
                #"{"decision":"give_up"}"#, #"{"decision":"agree","revision":7}"#, #"{"request":{"model":"m"}}"#,
            ])
    }

    @Test func `a problem is thrown as it was told`() async throws {
        let problem = Problem(
            status: 429, code: .tooManyRequests, title: "Too many requests", detail: "slowly", requestID: "r-1")
        let http = ScriptedHTTPClient(.json(try Self.text(problem), status: 429, headers: ["Retry-After": "7"]))
        await #expect(throws: PhoneClientError.problem(problem, retryAfter: 7)) {
            try await client(http).job(Self.job.id)
        }
    }

    @Test func `an answer that is not gondola's is unexpected, and a lost one passing`() async throws {
        let lost = HTTPClientError(.interrupted, sent: .maybe)
        let http = ScriptedHTTPClient(
            .json("<html>", status: 502), .json("[]"), .failure(lost), .json(#"{"price":"cheap"}"#))
        let client = try client(http)
        var errors: [PhoneClientError] = []
        for _ in 1...4 {
            do { _ = try await client.quote(VideoRequest(model: "m")) } catch { errors.append(error) }
        }
        #expect(errors.map(\.isPassing) == [false, false, true, false])
        #expect(errors[2] == .unreachable("the connection broke", nothingSent: false))
        #expect("\(errors[3])".contains("price"))
    }

    @Test(arguments: ["", "127.0.0.1:8080", "ftp://x", "http://", "http://u:p@x", "http://x/?q", "http://x/#f"])
    func `a server that is no address is refused`(_ server: String) {
        #expect(throws: PhoneClientError.self) { try client(ScriptedHTTPClient(), server: server) }
    }

    @Test(arguments: ["", "two words", "line\nend", "ümlaut"])
    func `a token that no header can carry is refused`(_ token: String) {
        #expect(throws: PhoneClientError.self) {
            try PhoneClient(server: "http://x", token: Redacted(token), http: ScriptedHTTPClient())
        }
    }
}

struct PhoneClientFileTests {
    private let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }

    private func video(_ bytes: [UInt8]) -> Video {
        let sha256 = SHA256.hash(data: bytes).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return Video(
            id: .sample(), jobID: .sample(), model: "m", contentType: "video/mp4", bytes: Int64(bytes.count),
            sha256: sha256, createdAt: .sample)
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder.path)
    }

    private func client(_ http: ScriptedHTTPClient) throws -> PhoneClient {
        try PhoneClient(server: "http://127.0.0.1:8080", token: Redacted("t"), http: http)
    }

    @Test func `a broken download goes on where it broke`() async throws {
        try await withFolder { folder in
            let broken = HTTPClientError(.interrupted, sent: .maybe)
            let http = ScriptedHTTPClient(
                .answer(status: 200, headers: [:], chunks: [Array(bytes[..<4000])], failure: broken),
                .failure(broken),
                .answer(status: 206, headers: [:], chunks: [Array(bytes[4000...])], failure: nil))
            let path = folder + "/video.mp4"
            try await client(http).download(video(bytes), to: path)
            #expect(FileManager.default.contents(atPath: path) == Data(bytes))
            #expect(FileManager.default.subpaths(atPath: folder) == ["video.mp4"])
            #expect(http.requests.map { $0.headers["Range"] } == [nil, "bytes=4000-", "bytes=4000-"])
            #expect(http.requests.last?.headers["If-Range"] == "\"\(video(bytes).sha256)\"")
        }
    }

    @Test func `what an earlier process brought is used, and a server without ranges starts over`() async throws {
        try await withFolder { folder in
            let path = folder + "/video.mp4"
            try Data(bytes[..<100]).write(to: URL(fileURLWithPath: path + ".part"))
            let http = ScriptedHTTPClient(.answer(status: 200, headers: [:], chunks: [bytes], failure: nil))
            try await client(http).download(video(bytes), to: path)
            #expect(http.requests.first?.headers["Range"] == "bytes=100-")
            #expect(FileManager.default.contents(atPath: path) == Data(bytes))
        }
    }

    @Test(arguments: [9_999, 10_001])
    func `bytes of another length never become the file`(_ count: Int) async throws {
        try await withFolder { folder in
            let other = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
            let answer = ScriptedHTTPClient.Step.answer(status: 200, headers: [:], chunks: [other], failure: nil)
            let http = ScriptedHTTPClient(answer, .answer(status: 206, headers: [:], chunks: [[1]], failure: nil))
            await #expect(throws: PhoneClientError.self) {
                try await client(http).download(video(bytes), to: folder + "/video.mp4")
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/video.mp4"))
        }
    }

    @Test func `other bytes of the same length are found out and thrown away`() async throws {
        try await withFolder { folder in
            let other = [UInt8](repeating: 1, count: bytes.count)
            let http = ScriptedHTTPClient(.answer(status: 200, headers: [:], chunks: [other], failure: nil))
            let error = await #expect(throws: PhoneClientError.self) {
                try await client(http).download(video(bytes), to: folder + "/video.mp4")
            }
            #expect("\(String(describing: error))".contains("corrupted"))
            #expect(FileManager.default.subpaths(atPath: folder) == [])
        }
    }

    @Test func `transfers that bring nothing are given up`() async throws {
        try await withFolder { folder in
            let broken = HTTPClientError(.unreachable)
            let http = ScriptedHTTPClient((1...9).map { _ in .failure(broken) })
            await #expect(throws: PhoneClientError.self) {
                try await client(http).download(video(bytes), to: folder + "/video.mp4", tries: 3)
            }
            #expect(http.requests.count == 3)
        }
    }

    @Test func `an upload names the digest of exactly the bytes of the file`() async throws {
        try await withFolder { folder in
            let path = folder + "/picture.png"
            try Data("abc".utf8).write(to: URL(fileURLWithPath: path))
            let asset = Asset(id: .sample(), contentType: "image/png", bytes: 3, sha256: "00", createdAt: .sample)
            let http = ScriptedHTTPClient(.json(String(decoding: try Wire.encode(asset), as: UTF8.self), status: 201))
            #expect(try await client(http).uploadAsset(file: path, contentType: "image/png") == asset)
            let request = try #require(http.requests.first)
            // The SHA-256 of "abc", FIPS 180-2 appendix B.1.
            let expected = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"
            #expect(request.headers["Repr-Digest"] == expected)
            #expect(request.headers["Content-Type"] == "image/png")
            #expect(request.bodyText == "abc")
        }
    }

    @Test func `a file that is not there is named`() async throws {
        await #expect(throws: PhoneClientError.file(path: "/nowhere/x.png", "cannot be read")) {
            try await client(ScriptedHTTPClient()).uploadAsset(file: "/nowhere/x.png", contentType: "image/png")
        }
    }
}
