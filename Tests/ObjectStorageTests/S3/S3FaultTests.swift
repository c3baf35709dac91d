import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import ObjectStorage

/// What no real service does on request: answers that are cut, wrong, or late.
@Suite struct S3FaultTests {
    let key = try! ObjectKey("u/v")

    private func withStore(
        _ http: ScriptedHTTPClient, attempts: Int = 4, clock: any Clock<Duration> = InstantClock(),
        _ body: (S3ObjectStore) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            var configuration = S3ObjectStore.Configuration(scratch: folder)
            (configuration.attempts, configuration.clock) = (attempts, clock)
            let location = try S3Location("s3://bucket/p", endpoint: "http://127.0.0.1:1")
            let credentials = S3Credentials(accessKeyID: "AK", secretKey: Redacted("secret"))
            try await body(S3ObjectStore(location, credentials, http: http, configuration: configuration))
        }
    }

    private static func head(_ bytes: Int, of content: [UInt8]? = nil) -> ScriptedHTTPClient.Step {
        var headers: HTTPHeaders = ["Content-Length": "\(bytes)", "ETag": "\"tag\""]
        if let content { headers["x-amz-meta-sha256"] = ContentHash(of: content).hex }
        return .answer(status: 200, headers: headers, chunks: [], failure: nil)
    }

    private static func bytes(
        _ bytes: [UInt8], status: Int = 200, range: String? = nil, failure: HTTPClientError? = nil
    ) -> ScriptedHTTPClient.Step {
        var headers: HTTPHeaders = [:]
        headers["Content-Range"] = range
        return .answer(status: status, headers: headers, chunks: [bytes], failure: failure)
    }

    private static func error(_ code: String, status: Int) -> ScriptedHTTPClient.Step {
        let xml = "<Error><Code>\(code)</Code><Message>words</Message></Error>"
        return .answer(status: status, headers: [:], chunks: [Array(xml.utf8)], failure: nil)
    }

    private static let cut = HTTPClientError(.truncated, sent: .maybe, "cut")

    @Test func `a transfer that breaks goes on where it broke, with the same object`() async throws {
        let content: [UInt8] = Array(0..<10)
        let http = ScriptedHTTPClient(
            Self.head(10, of: content), Self.bytes(Array(content[..<4]), failure: Self.cut),
            Self.bytes(Array(content[4..<7]), status: 206, range: "bytes 4-9/10", failure: Self.cut),
            Self.bytes(Array(content[7...]), status: 206, range: "bytes 7-9/10"))
        try await withStore(http) { store in
            let got = try await store.open(key, range: nil).all()
            #expect(got == content)
            #expect(http.requests.map { $0.headers["Range"] } == [nil, nil, "bytes=4-9", "bytes=7-9"])
            #expect(http.requests.dropFirst().allSatisfy { $0.headers["If-Match"] == "\"tag\"" })
        }
    }

    @Test func `a body that ends early without a word is not a whole one`() async throws {
        let http = ScriptedHTTPClient(
            Self.head(3), Self.bytes([1]), Self.bytes([2, 3], status: 206, range: "bytes 1-2/3"))
        try await withStore(http) { store in
            let got = try await store.open(key, range: nil).all()
            #expect(got == [1, 2, 3])
        }
    }

    @Test func `transfers that bring nothing are given up after some`() async throws {
        let empty = Self.bytes([], failure: Self.cut)
        let http = ScriptedHTTPClient([Self.head(3)] + Array(repeating: empty, count: 9))
        try await withStore(http) { store in
            let reader = try await store.open(key, range: nil)
            let error = await #expect(throws: ObjectStoreError.self) { try await reader.all() }
            guard case .unavailable = error else { throw error ?? .cancelled }
            #expect(http.requests.count == 6)
        }
    }

    @Test func `bytes that are not those of the hash end in an error before the last of them`() async throws {
        let http = ScriptedHTTPClient(Self.head(3, of: [1, 2, 3]), Self.bytes([1, 2, 4]))
        try await withStore(http) { store in
            let reader = try await store.open(key, range: nil)
            let error = ObjectStoreError.corrupted(
                expected: ContentHash(of: [1, 2, 3]).hex, got: ContentHash(of: [1, 2, 4]).hex)
            await #expect(throws: error) { try await reader.all() }
        }
    }

    @Test(
        arguments: [
            (200, nil, [1, 2, 3, 4]), (206, "bytes 0-1/4", [1, 2]), (206, "bytes 1-2/5", [2, 3]), (206, nil, [2, 3]),
        ] as [(Int, String?, [UInt8])])
    func `another range than the one that was asked for is refused`(
        status: Int, range: String?, body: [UInt8]
    ) async throws {
        let http = ScriptedHTTPClient(Self.head(4), Self.bytes(body, status: status, range: range))
        try await withStore(http) { store in
            let reader = try await store.open(key, range: 1..<3)
            let error = await #expect(throws: ObjectStoreError.self) { try await reader.all() }
            guard case .unexpected = error else { throw error ?? .cancelled }
        }
    }

    @Test func `more bytes than were announced are refused`() async throws {
        let http = ScriptedHTTPClient(Self.head(2), Self.bytes([1, 2, 3]))
        try await withStore(http) { store in
            let reader = try await store.open(key, range: nil)
            await #expect(throws: ObjectStoreError.self) { try await reader.all() }
        }
    }

    @Test func `trouble that passes is waited out, longer each time`() async throws {
        let clock = InstantClock()
        let http = ScriptedHTTPClient(
            Self.error("InternalError", status: 500), .failure(HTTPClientError(.unreachable)),
            Self.error("SlowDown", status: 503), Self.head(1))
        try await withStore(http, clock: clock) { store in
            let info = try await store.head(key)
            #expect(info.bytes == 1 && http.requests.count == 4)
            let limits: [Duration] = [.milliseconds(100), .milliseconds(200), .seconds(4)]
            #expect(zip(clock.waits, limits).allSatisfy { $0 <= $1 } && clock.waits.count == 3)
        }
    }

    @Test(arguments: [
        ("AccessDenied", 403), ("SignatureDoesNotMatch", 403), ("NoSuchBucket", 404), ("NotImplemented", 501),
        ("InvalidRequest", 400), ("XMinioStorageFull", 507),
    ])
    func `what waiting does not mend is not repeated`(code: String, status: Int) async throws {
        let http = ScriptedHTTPClient(Self.error(code, status: status), Self.head(1))
        try await withStore(http) { store in
            await #expect(throws: ObjectStoreError.self) { try await store.list(prefix: "", after: nil, limit: 1) }
            #expect(http.requests.count == 1)
        }
    }

    @Test func `a full jitter is bounded, and ends`() {
        let policy = S3RetryPolicy(attempts: 30)
        #expect(policy.wait(after: 0, .soon, chance: 1) == .milliseconds(100))
        #expect(policy.wait(after: 3, .soon, chance: 1) == .milliseconds(800))
        #expect(policy.wait(after: 28, .soon, chance: 1) == .seconds(10))
        #expect(policy.wait(after: 28, .patiently, chance: 0) == .zero)
        #expect(policy.wait(after: 1, .patiently, chance: 0.5) == .seconds(1))
        #expect(policy.wait(after: 29, .soon, chance: 1) == nil)
        #expect(policy.wait(after: 0, .never, chance: 1) == nil)
    }

    @Test func `an answer of 200 that holds an error is one`() async throws {
        let ok = { (xml: String) in
            ScriptedHTTPClient.Step.answer(status: 200, headers: [:], chunks: [Array(xml.utf8)], failure: nil)
        }
        let failed = ok("<Error><Code>InternalError</Code><Message>no</Message></Error>")
        let http = ScriptedHTTPClient(
            [Self.head(1)] + Array(repeating: failed, count: 4))
        try await withStore(http) { store in
            let error = await #expect(throws: ObjectStoreError.self) { try await store.copy(key, to: ObjectKey("u/w")) }
            #expect(error == .unavailable("500 InternalError"))
        }
    }

    @Test func `an upload whose last answer was lost is found to be whole`() async throws {
        let content = [UInt8](repeating: 1, count: 6 << 20)
        let part = { ScriptedHTTPClient.Step.answer(status: 200, headers: ["ETag": "\"p\""], chunks: [], failure: nil) }
        let begun = "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>"
        let http = ScriptedHTTPClient(
            .answer(status: 200, headers: [:], chunks: [Array(begun.utf8)], failure: nil), part(), part(),
            .failure(HTTPClientError(.interrupted, sent: .maybe)), Self.error("NoSuchUpload", status: 404),
            Self.head(content.count, of: content))
        try await withTemporaryFolder { folder in
            var configuration = S3ObjectStore.Configuration(scratch: folder)
            (configuration.partBytes, configuration.clock) = (5 << 20, InstantClock())
            let location = try S3Location("s3://bucket/p", endpoint: "http://127.0.0.1:1")
            let credentials = S3Credentials(accessKeyID: "AK", secretKey: Redacted("secret"))
            let store = try S3ObjectStore(location, credentials, http: http, configuration: configuration)
            #expect(try await store.put(key, body: Chunks(content)).sha256 == ContentHash(of: content))
            #expect(http.requests.count == 6)
            // Each part is its own slice of the file, under its own hash.
            let parts = http.requests.filter { $0.url.contains("partNumber") }
            let hashes = Set(parts.compactMap { $0.headers["x-amz-content-sha256"] })
            #expect(hashes == [ContentHash(of: content[..<(5 << 20)]).hex, ContentHash(of: content[(5 << 20)...]).hex])
        }
    }

    @Test func `an object that is not what was sent is told`() async throws {
        let stored = ScriptedHTTPClient.Step.answer(status: 200, headers: [:], chunks: [], failure: nil)
        let http = ScriptedHTTPClient(stored, Self.head(3, of: [9, 9, 9]), stored, Self.head(2, of: [1, 2]))
        try await withStore(http) { store in
            await #expect(
                throws: ObjectStoreError.corrupted(
                    expected: ContentHash(of: [1, 2, 3]).hex, got: ContentHash(of: [9, 9, 9]).hex)
            ) { try await store.put(key, body: Chunks([1, 2, 3])) }
            await #expect(throws: ObjectStoreError.truncated(expected: 3, got: 2)) {
                try await store.put(key, body: Chunks([1, 2, 3]))
            }
        }
    }

    @Test(arguments: [
        "", "no XML", "<a>", "<ListBucketResult><Contents><Key>p/u/%</Key><Size>1</Size></Contents></ListBucketResult>",
        "<Other/>", String(repeating: "<a>", count: 100_000),
    ])
    func `a listing that nobody can read ends in an error or in nothing, never in a crash`(xml: String) async throws {
        let answer = ScriptedHTTPClient.Step.answer(
            status: 200, headers: [:], chunks: [Array(xml.utf8)], failure: nil)
        try await withStore(ScriptedHTTPClient(Array(repeating: answer, count: 4))) { store in
            if xml.contains("Key") {
                let found = try await store.list(prefix: "", after: nil, limit: 9)
                #expect(found.isEmpty)
            } else {
                await #expect(throws: ObjectStoreError.self) { try await store.list(prefix: "", after: nil, limit: 9) }
            }
        }
    }

    @Test func `what is not ours in a listing is passed over, and pages are followed until there is enough`()
        async throws
    {
        func page(_ keys: [String], next: String?) -> ScriptedHTTPClient.Step {
            let contents = keys.map { "<Contents><Key>\($0)</Key><Size>1</Size></Contents>" }.joined()
            let more = next.map {
                "<IsTruncated>true</IsTruncated><NextContinuationToken>\($0)</NextContinuationToken>"
            }
            let xml = "<ListBucketResult>\(contents)\(more ?? "")</ListBucketResult>"
            return .answer(status: 200, headers: [:], chunks: [Array(xml.utf8)], failure: nil)
        }
        let http = ScriptedHTTPClient(
            page(["p/u/1", "p/not%20ours/x", "p/u", "q/u/2"], next: "a&amp;b"), page(["p/u/3"], next: "c"))
        try await withStore(http) { store in
            let found = try await store.list(prefix: "u/", after: nil, limit: 2)
            #expect(found.map(\.key.description) == ["u/1", "u/3"])
            #expect(http.requests[1].url.contains("continuation-token=a%26b"))
            #expect(http.requests[1].url.contains("max-keys=1"))
        }
    }

    @Test func `parts are few enough, however large the object`() {
        for bytes: Int64 in [1, 16 << 20, (16 << 20) + 1, 5 << 40] {
            let plan = PartPlan(bytes: bytes, partBytes: 16 << 20).ranges
            #expect(plan.count <= 10_000)
            #expect(plan.first?.lowerBound == 0 && plan.last?.upperBound == bytes)
            #expect(zip(plan, plan.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(plan.dropLast().allSatisfy { $0.count >= 16 << 20 })
        }
    }

    @Test func `no request shows a credential in its description`() async throws {
        let http = ScriptedHTTPClient(Self.head(1))
        try await withStore(http) { store in
            _ = try await store.head(key)
            let shown = "\(http.requests[0])"
            #expect(shown.contains("authorization: ‹redacted›") && !shown.contains("Signature="))
        }
    }
}
