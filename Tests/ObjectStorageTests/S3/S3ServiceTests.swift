import Foundation
import HTTPTransport
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import ObjectStorage

/// What a real service has to say: SeaweedFS, which verifies keys, checksums and clocks.
@Suite struct S3ServiceTests {
    let key = try! ObjectKey("u/videos/1.mp4")

    @Test func `a large object goes up in parts and comes back whole, in ranges, and as a copy`() async throws {
        var random = SeededGenerator(state: 7)
        let bytes = random.bytes((12 << 20) + 11)
        let http = WatchedHTTPClient()
        try await withS3Store(S3Options { ($0.http, $0.copyLimit) = (http, 1 << 20) }) { store in
            let info = try await store.put(key, body: Chunks(bytes, pieces: 1 << 20))
            #expect(http.count("PUT", "partNumber=") == 3)
            #expect(info.bytes == Int64(bytes.count) && info.sha256 == ContentHash(of: bytes))
            #expect(try await store.open(key, range: nil).all() == bytes)
            let middle = 5_242_000..<10_486_001
            let reader = try await store.open(key, range: Int64(middle.lowerBound)..<Int64(middle.upperBound))
            #expect(try await reader.all() == Array(bytes[middle]))
            let copy = try ObjectKey("u/copy")
            #expect(try await store.copy(key, to: copy).sha256 == info.sha256)
            #expect(try await store.open(copy, range: nil).all() == bytes)
            #expect(try await uploads(of: store) == 0)
        }
    }

    @Test func `a wrong secret, an unknown key and one that may only read are refused by name`() async throws {
        for (id, secret, code) in [
            (SeaweedFS.key, "wrong", "SignatureDoesNotMatch"), ("NOBODY", "wrong", "InvalidAccessKeyId"),
        ] {
            try await withS3Store(S3Options { ($0.key, $0.secret) = (id, secret) }) { store in
                for work in works(on: store) {
                    let error = await #expect(throws: ObjectStoreError.self) { try await work() }
                    guard case .denied(code, let message) = error else { throw error ?? .cancelled }
                    #expect(!message.contains(secret))
                }
            }
        }
        let reader = S3Options { ($0.key, $0.secret) = (SeaweedFS.readerKey, SeaweedFS.readerSecret) }
        try await withS3Store(reader) { store in
            try await store.check()
            let error = await #expect(throws: ObjectStoreError.self) { try await store.put(key, body: Chunks([1])) }
            guard case .denied("AccessDenied", _) = error else { throw error ?? .cancelled }
            #expect(files(below: store.configuration.scratch) == [])
        }
    }

    @Test func `a bucket that is missing is told apart from an object that is`() async throws {
        try await withS3Store(S3Options { $0.bucket = "nowhere" }) { store in
            for work in works(on: store) {
                await #expect(throws: ObjectStoreError.missingBucket("nowhere")) { try await work() }
            }
        }
    }

    /// Everything that can be asked of a store.
    private func works(on store: S3ObjectStore) -> [() async throws -> Void] {
        let key = key
        return [
            { _ = try await store.head(key) }, { _ = try await store.open(key, range: nil) },
            { _ = try await store.put(key, body: Chunks([1])) }, { try await store.delete(key) },
            { _ = try await store.list(prefix: "", after: nil, limit: 1) }, { try await store.check() },
            { _ = try await store.copy(key, to: key) },
        ]
    }

    @Test(arguments: [-86_400, -1_800, 1_800, 86_400 * 365] as [TimeInterval])
    func `a clock that is wrong is set by the service's`(error: TimeInterval) async throws {
        let http = WatchedHTTPClient()
        let options = S3Options {
            $0.http = http
            $0.now = { Date(timeIntervalSinceNow: error) }
        }
        try await withS3Store(options) { store in
            await #expect(throws: ObjectStoreError.notFound) { try await store.head(key) }
        }
        http.forget()
        try await withS3Store(options) { store in
            _ = try await store.put(key, body: Chunks([1, 2]))
            #expect(try await store.open(key, range: nil).all() == [1, 2])
            // Asked once in vain, and never again.
            #expect(http.count("PUT", "") == 2)
            let link = try #require(store.temporaryLink(to: key, for: .seconds(60), as: .video))
            #expect(try await fetch(link).status == 200)
        }
    }

    @Test func `a link is good for the object that it names, in ranges, and says what it is`() async throws {
        try await withS3Store { store in
            _ = try await store.put(key, body: Chunks(Array(0..<100)))
            _ = try await store.put(ObjectKey("u/other"), body: Chunks([1]))
            let link = try #require(store.temporaryLink(to: key, for: .seconds(60), as: .video))
            let all = try await fetch(link)
            #expect(try await all.body.collect(upTo: 1000) == Array(0..<100))
            #expect(all.headers["Content-Type"] == "video/mp4")
            #expect(all.headers["Content-Disposition"] == "inline; filename=\"a.mp4\"")
            let part = try await fetch(link, range: "bytes=5-9")
            #expect(part.status == 206)
            #expect(try await part.body.collect(upTo: 1000) == [5, 6, 7, 8, 9])
            #expect("\(link)" == "‹redacted›")
            let other = Redacted(link.reveal().replacingOccurrences(of: "videos/1.mp4", with: "other"))
            #expect(try await fetch(other).status == 403)
        }
        // One that was made an hour ago for a minute.
        try await withS3Store(S3Options { $0.now = { Date(timeIntervalSinceNow: -3600) } }) { store in
            let link = try #require(store.temporaryLink(to: key, for: .seconds(60), as: .video))
            #expect(try await fetch(link).status == 403)
        }
    }

    private func fetch(_ link: Redacted<String>, range: String? = nil) async throws -> HTTPResponse {
        var request = HTTPRequest("GET", link.reveal())
        request.headers["Range"] = range
        return try await directHTTP.send(request)
    }

    @Test func `TLS by an authority of one's own, and by nobody else's`() async throws {
        let address = try await SeaweedFS.shared().address
        var configuration = CurlHTTPClient.Configuration()
        configuration.proxy = .none
        configuration.authorityFile = address.authority
        let http = CurlHTTPClient(configuration)
        defer { http.stop() }
        try await withS3Store(S3Options { ($0.http, $0.endpoint) = (http, .https) }) { store in
            _ = try await store.put(key, body: Chunks([1]))
            #expect(try await store.open(key, range: nil).all() == [1])
        }
        try await withS3Store(S3Options { $0.endpoint = .https }) { store in
            let error = await #expect(throws: ObjectStoreError.self) { try await store.check() }
            guard case .unavailable(let reason) = error else { throw error ?? .cancelled }
            #expect(reason.hasPrefix("tls"))
        }
    }

    @Test func `a bucket before the host works as one in the path does`() async throws {
        try await withS3Store(S3Options { ($0.endpoint, $0.addressing) = (.byHost, .host) }) { store in
            #expect(store.location.host.hasPrefix("gondola.s3.localhost"))
            _ = try await store.put(key, body: Chunks([1, 2, 3]))
            #expect(try await store.open(key, range: nil).all() == [1, 2, 3])
            #expect(try await store.list(prefix: "u/", after: nil, limit: 9).map(\.key) == [key])
            try await store.check()
        }
    }

    @Test func `an upload that fails or is cancelled in the middle takes its parts back`() async throws {
        let bytes = [UInt8](repeating: 3, count: 12 << 20)
        for isCancelled in [false, true] {
            let http = WatchedHTTPClient()
            try await withS3Store(S3Options { ($0.http, $0.attempts) = (http, 2) }) { store in
                let mayBegin = Signal()
                let put = Task { [key] in
                    await mayBegin.wait()
                    return try await store.put(key, body: Chunks(bytes, pieces: 1 << 20))
                }
                http.before = { request throws(HTTPClientError) in
                    guard request.url.contains("partNumber=3") else { return }
                    if isCancelled { put.cancel() } else { throw HTTPClientError(.unreachable, "as the test wants") }
                }
                mayBegin.fire()
                let error = await #expect(throws: ObjectStoreError.self) { try await put.value }
                #expect((error == .cancelled) == isCancelled)
                #expect(http.count("PUT", "partNumber=1") == 1)
                let left = try await uploads(of: store)
                #expect(left == 0)
                await #expect(throws: ObjectStoreError.notFound) { try await store.head(key) }
                #expect(files(below: store.configuration.scratch) == [])
            }
        }
    }

    @Test func `parts that a dead process left behind are removed once they are old`() async throws {
        try await withS3Store { store in
            var call = S3Call("POST", store.name(of: key))
            call.query = [("uploads", "")]
            _ = try await store.client.ask(call)
            #expect(try await uploads(of: store) == 1)
            #expect(try await store.collectRubbish(olderThan: Date(timeIntervalSinceNow: -3600)) == 0)
            #expect(try await store.collectRubbish(olderThan: Date(timeIntervalSinceNow: 3600)) == 1)
            #expect(try await uploads(of: store) == 0)
        }
    }

    private func uploads(of store: S3ObjectStore) async throws -> Int {
        var call = S3Call("GET")
        call.query = [("uploads", ""), ("prefix", store.location.prefix)]
        return try await store.client.ask(call).xml?.all("Upload").count ?? -1
    }

    @Test func `bytes that change on the way are refused by the service`() async throws {
        try await withS3Store { store in
            let staged = try await store.stage(expecting: nil, atMost: 9, body: Chunks([1, 2, 3]))
            try Data([1, 2, 4]).write(to: URL(fileURLWithPath: staged.path))
            await #expect(throws: ObjectStoreError.self) { try await store.commit(staged, to: key) }
            await #expect(throws: ObjectStoreError.notFound) { try await store.head(key) }
        }
    }

    @Test func `a service that dies in the middle of an upload has all of the object or nothing, and takes it again`()
        async throws
    {
        let folder = SeaweedFS.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let bytes = [UInt8](repeating: 9, count: 12 << 20)
        let server = try await SeaweedFS.start(in: folder)
        let http = WatchedHTTPClient()
        let options = S3Options { ($0.http, $0.attempts, $0.endpoint) = (http, 2, .other(server.address.http)) }
        try await withS3Store(options) { store in
            let old = try ObjectKey("u/old")
            _ = try await store.put(old, body: Chunks([7]))
            http.before = { request in if request.url.contains("partNumber=3") { server.kill() } }
            let error = await #expect(throws: ObjectStoreError.self) {
                try await store.put(key, body: Chunks(bytes, pieces: 1 << 20))
            }
            guard case .unavailable = error else { throw error ?? .cancelled }
            http.before = nil

            let again = try await SeaweedFS.start(in: folder)
            defer { again.kill() }
            await #expect(throws: ObjectStoreError.notFound) { try await store.head(key) }
            #expect(try await store.open(old, range: nil).all() == [7])
            _ = try await store.collectRubbish(olderThan: Date(timeIntervalSinceNow: 3600))
            #expect(try await uploads(of: store) == 0)
            _ = try await store.put(key, body: Chunks(bytes, pieces: 1 << 20))
            #expect(try await store.open(key, range: nil).all() == bytes)
        }
    }
}

extension LinkPresentation {
    static let video = LinkPresentation(
        contentType: "video/mp4", cacheControl: "private", disposition: "inline; filename=\"a.mp4\"")
}

/// A real client that remembers what it was asked, and lets a test step in between.
final class WatchedHTTPClient: HTTPClient {
    typealias Step = @Sendable (HTTPRequest) throws(HTTPClientError) -> Void

    private let state = Mutex((requests: [(method: String, url: String)](), before: Step?.none))

    /// Runs before every request goes out.
    var before: Step? {
        get { state.withLock { $0.before } }
        set { state.withLock { $0.before = newValue } }
    }

    func count(_ method: String, _ part: String) -> Int {
        state.withLock { $0.requests.count { $0.method == method && (part.isEmpty || $0.url.contains(part)) } }
    }

    func forget() { state.withLock { $0.requests = [] } }

    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        state.withLock { $0.requests.append((request.method, request.url)) }
        if let before { try before(request) }
        return try await directHTTP.send(request)
    }
}
