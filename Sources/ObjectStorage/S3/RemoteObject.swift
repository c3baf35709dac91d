import Foundation
import HTTPTransport

/// One version of a stored object, to be read by range.
struct RemoteObject: Sendable {
    let client: S3Client
    let name: String
    /// Names the version: a request for another is refused.
    let tag: String

    /// Exactly these bytes of exactly this version.
    func open(_ range: Range<Int64>, of bytes: Int64) async throws(ObjectStoreError) -> HTTPResponseBody {
        var call = S3Call("GET", name)
        call.headers = [("if-match", tag)]
        let isPart = range != 0..<bytes
        if isPart { call.headers.append(("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")) }
        let response: HTTPResponse
        switch await Outcome.of({ () async throws(S3Failure) in try await client.send(call) }) {
        case .success(let answer): response = answer
        case .failure(let error): throw error.error(bucket: client.location.bucket)
        }
        let described = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes)"
        guard response.status == (isPart ? 206 : 200), !isPart || response.headers["Content-Range"] == described else {
            response.body.close()
            throw .unexpected(
                "asked for \(described), the object service answered \(response.status) "
                    + (response.headers["Content-Range"] ?? "without a range"))
        }
        return response.body
    }
}

/// The bytes of a part of a remote object, in order. A transfer that breaks is taken up where it broke.
final class RemoteChunks: @unchecked Sendable {
    private let object: RemoteObject
    private let info: ObjectInfo
    private let end: Int64
    private var offset: Int64
    private var body: HTTPResponseBody.Iterator?
    /// Only for a whole object of a known hash.
    private var hasher: RunningHash?
    private var breaks = 0

    /// Transfers in a row that may break without a byte.
    private static let mostBreaks = 5

    init(object: RemoteObject, info: ObjectInfo, range: Range<Int64>) {
        (self.object, self.info, offset, end) = (object, info, range.lowerBound, range.upperBound)
        if range == 0..<info.bytes, info.sha256 != nil { hasher = RunningHash() }
    }

    func next() async throws(ObjectStoreError) -> [UInt8]? {
        while offset < end {
            if body == nil { body = try await object.open(offset..<end, of: info.bytes).makeAsyncIterator() }
            var iterator = body!
            switch await Outcome.of({ () async throws(HTTPClientError) in try await iterator.next() }) {
            case .success(let chunk?):
                breaks = 0
                return try take(chunk)
            case .success(nil): try noteBreak(HTTPClientError(.truncated, sent: .maybe, "the body ended early"))
            case .failure(let error): try noteBreak(error)
            }
        }
        return nil
    }

    private func take(_ chunk: [UInt8]) throws(ObjectStoreError) -> [UInt8] {
        offset += Int64(chunk.count)
        guard offset <= end else { throw .unexpected("the object service sent more bytes than it announced") }
        hasher?.update(chunk)
        if offset == end, let expected = info.sha256, let got = hasher?.finish(), got != expected {
            throw .corrupted(expected: expected.hex, got: got.hex)
        }
        return chunk
    }

    private func noteBreak(_ error: HTTPClientError) throws(ObjectStoreError) {
        body = nil
        breaks += 1
        if error.reason == .cancelled { throw .cancelled }
        if error.reason == .stopped || breaks >= Self.mostBreaks { throw .unavailable("\(error)") }
    }
}
