import Foundation
import HTTPTransport
import TestSupport
import VideoModels

@testable import ObjectStorage

/// A folder of the test's own, removed at the end whatever happens.
func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = NSTemporaryDirectory() + "gondola-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

@discardableResult
func withLocalStore<Result>(_ body: (LocalObjectStore) async throws -> Result) async throws -> Result {
    try await withTemporaryFolder { try await body(LocalObjectStore(root: $0)) }
}

/// One for all tests, which share its connections.
let directHTTP = {
    var configuration = CurlHTTPClient.Configuration()
    configuration.proxy = .none
    return CurlHTTPClient(configuration)
}()

/// How a test reaches the SeaweedFS that all tests share.
struct S3Options {
    enum Endpoint {
        case http, https, byHost
        case other(String)
    }

    var key = SeaweedFS.key
    var secret = SeaweedFS.secret
    var bucket = SeaweedFS.bucket
    var http: any HTTPClient = directHTTP
    var endpoint = Endpoint.http
    var addressing = S3Location.Addressing.automatic
    var copyLimit: Int64 = 5 << 30
    var attempts = 6
    var now: @Sendable () -> Date = { Date() }

    init(_ change: (inout S3Options) -> Void = { _ in }) { change(&self) }

    fileprivate func address() async throws -> String {
        switch endpoint {
        case .http: try await SeaweedFS.shared().address.http
        case .https: try await SeaweedFS.shared().address.https
        case .byHost: try await SeaweedFS.shared().address.byHost
        case .other(let address): address
        }
    }
}

/// A store below a prefix of its own, its parts as small as services take them.
@discardableResult
func withS3Store<Result>(
    _ options: S3Options = S3Options(), _ body: (S3ObjectStore) async throws -> Result
) async throws -> Result {
    let address = try await options.address()
    return try await withTemporaryFolder { folder in
        let location = try S3Location(
            "s3://\(options.bucket)/\(UUID().uuidString.lowercased())", endpoint: address, region: "eu-test-1",
            addressing: options.addressing)
        var configuration = S3ObjectStore.Configuration(scratch: folder)
        configuration.partBytes = 5 << 20
        (configuration.copyLimit, configuration.attempts) = (options.copyLimit, options.attempts)
        configuration.now = options.now
        let credentials = S3Credentials(accessKeyID: options.key, secretKey: Redacted(options.secret))
        return try await body(S3ObjectStore(location, credentials, http: options.http, configuration: configuration))
    }
}

/// Every file below a folder, as paths relative to it.
func files(below folder: String) -> [String] {
    let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return all.filter { FileManager.default.contents(atPath: folder + "/" + $0) != nil && !isFolder(folder + "/" + $0) }
        .sorted()
}

func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
}

/// A body of these chunks, which may end in an error.
struct Chunks: AsyncSequence, AsyncIteratorProtocol {
    var chunks: [[UInt8]]
    var failure: (any Error)?

    init(_ chunks: [UInt8]..., failing failure: (any Error)? = nil) {
        (self.chunks, self.failure) = (chunks, failure)
    }

    init(_ bytes: [UInt8], pieces size: Int) {
        chunks = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<Swift.min($0 + size, bytes.count)]) }
    }

    func makeAsyncIterator() -> Self { self }

    mutating func next() async throws -> [UInt8]? {
        guard chunks.isEmpty else { return chunks.removeFirst() }
        if let failure { throw failure }
        return nil
    }
}

struct Interrupted: Error, Equatable {}

/// Reproducible randomness (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }
}

extension ObjectReader {
    func all(of size: Int = 256 << 10) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await chunk in chunks(of: size) { bytes += chunk }
        return bytes
    }
}
