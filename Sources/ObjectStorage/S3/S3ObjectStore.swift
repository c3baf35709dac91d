public import Foundation
public import HTTPTransport
public import VideoModels

/// Objects in a bucket of an S3-compatible service.
///
/// A body is staged as a local file, as in a local store, and uploaded when it is committed: in one request, or in parts
/// when it is large. Every request carries the SHA-256 of its bytes, which the service compares before it stores any, and
/// the hash of the whole object stays in its metadata.
public struct S3ObjectStore: ObjectStore {
    public struct Configuration: Sendable {
        /// A folder of this process on this machine, made when it is not there: staged bodies, and copies of what is
        /// read often.
        public var scratch: String
        /// Objects of more bytes are uploaded in parts of this size. Amazon takes none under 5 MiB but the last.
        public var partBytes: Int64 = 16 << 20
        /// Parts of one object that travel at the same time.
        public var partsAtOnce = 4
        /// The largest object that the service copies in one request.
        public var copyLimit: Int64 = 5 << 30
        /// Tries of one request before it is given up; the waits between them double from a tenth of a second to ten.
        public var attempts = 6
        /// What the waits are measured by.
        public var clock: any Clock<Duration> = ContinuousClock()
        /// This machine's time. Where it is not the service's, the service's is learned.
        public var now: @Sendable () -> Date = { Date() }

        public init(scratch: String) { self.scratch = scratch }
    }

    let client: S3Client
    let configuration: Configuration
    var staging: Staging { Staging(folder: configuration.scratch + "/staging", isDurable: false) }
    var cache: String { configuration.scratch + "/cache" }
    var location: S3Location { client.location }

    /// Makes the folders; the service is asked nothing yet.
    public init(
        _ location: S3Location, _ credentials: S3Credentials, http: any HTTPClient, configuration: Configuration
    ) throws(ObjectStoreError) {
        self.configuration = configuration
        client = S3Client(
            location, credentials, http: http, policy: S3RetryPolicy(attempts: configuration.attempts),
            clock: configuration.clock, now: configuration.now)
        for folder in [configuration.scratch, staging.folder, cache] {
            do throws(ObjectStoreError) { try File.makeFolder(folder) } catch .notFound {
                throw .missingFolder(path: folder)
            }
        }
    }

    public func stage<Body: AsyncSequence>(
        expecting length: Int64?, atMost limit: Int64, body: Body
    ) async throws -> StagedObject where Body.Element == [UInt8] {
        try await staging.stage(expecting: length, atMost: limit, body: body)
    }

    public func discard(_ staged: StagedObject) async { await staging.discard(staged) }

    public func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await seam { () async throws(S3Failure) in try await look(at: key).info }
    }

    public func open(_ key: ObjectKey, range: Range<Int64>?) async throws(ObjectStoreError) -> ObjectReader {
        let (info, tag) = try await seam { () async throws(S3Failure) in try await look(at: key) }
        let object = RemoteObject(client: client, name: name(of: key), tag: tag)
        return ObjectReader(info: info, range: range, source: .remote(object))
    }

    public func delete(_ key: ObjectKey) async throws(ObjectStoreError) {
        let result = await Outcome.of { () async throws(S3Failure) in
            _ = try await client.ask(S3Call("DELETE", name(of: key)))
        }
        guard case .failure(let failure) = result else { return }
        let error = failure.error(bucket: location.bucket)
        guard error == .notFound else { throw error }
    }

    public func check() async throws(ObjectStoreError) {
        _ = try await list(prefix: "", after: nil, limit: 1)
    }

    public func freeBytes() async throws(ObjectStoreError) -> Int64 { try await staging.freeBytes() }

    public func temporaryLink(to key: ObjectKey, for lifetime: Duration, as presentation: LinkPresentation) -> Redacted<
        String
    >? {
        // Amazon's longest is a week.
        let seconds = min(max(1, Int(lifetime.components.seconds)), 604_800)
        return client.link(
            to: name(of: key), seconds: seconds,
            query: [
                ("response-content-type", presentation.contentType),
                ("response-cache-control", presentation.cacheControl),
                ("response-content-disposition", presentation.disposition),
            ])
    }

    /// The key under which the service has an object.
    func name(of key: ObjectKey) -> String { location.prefix + key.description }

    /// What the service says of an object, and the tag of this version of it.
    func look(at key: ObjectKey) async throws(S3Failure) -> (info: ObjectInfo, tag: String) {
        let headers = try await headers(of: key)
        guard let bytes = headers["Content-Length"].flatMap({ Int64($0) }), bytes >= 0, let tag = headers["ETag"] else {
            throw .unreadable("an object without a length or a tag")
        }
        let modified = headers["Last-Modified"].flatMap(HTTPDate.date(from:)) ?? Date(timeIntervalSince1970: 0)
        let hash = headers[Self.hashField].flatMap { ContentHash(hex: $0) }
        return (ObjectInfo(bytes: bytes, sha256: hash, modified: modified), tag)
    }

    /// The answer to a HEAD has no body that could tell a missing bucket from a missing object, or why it is refused: a
    /// listing does, or mends it, where it was the clock.
    private func headers(of key: ObjectKey) async throws(S3Failure) -> HTTPHeaders {
        let call = S3Call("HEAD", name(of: key))
        let failure: S3Failure
        switch await Outcome.of({ () async throws(S3Failure) in try await client.ask(call) }) {
        case .success(let answer): return answer.headers
        case .failure(let reason): failure = reason
        }
        guard case .refused(let refusal) = failure, [403, 404].contains(refusal.status) else { throw failure }
        var listing = S3Call("GET")
        listing.query = [("list-type", "2"), ("max-keys", "1"), ("prefix", location.prefix)]
        _ = try await client.ask(listing)
        guard refusal.status == 403 else { throw failure }
        return try await client.ask(call).headers
    }

    /// Where the hash of the whole object is kept: services differ in what they make of checksums of parts.
    static let hashField = "x-amz-meta-sha256"

    /// Puts failures into the words of the seam.
    func seam<Value: Sendable>(
        _ work: () async throws(S3Failure) -> Value
    ) async throws(ObjectStoreError) -> Value {
        switch await Outcome.of(work) {
        case .success(let value): return value
        case .failure(let failure): throw failure.error(bucket: location.bucket)
        }
    }
}
