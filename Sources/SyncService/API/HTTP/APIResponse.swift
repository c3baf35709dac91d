import Foundation
import NIOCore
import ObjectStorage
import VideoModels

/// What a handler answers. The server adds the framing, the request's id, and `Connection`.
struct APIResponse: Sendable {
    var status: Int
    var headers: APIHeaders
    var body: Body
    /// Whom it is for, where that can lose its access; kept until the answer is written or given up.
    var claim: AnswerClaim?

    enum Body: Sendable {
        case empty
        case bytes(ByteBuffer)
        /// Files by `sendfile`, with bytes between them where there are several. Closed when sent or given up.
        case parts([Part])
        /// Bytes of unknown number, from a closure that runs until it returns; an error cuts the answer short. It is
        /// cancelled when the client goes away, and should end when the request's `drain` signal goes off.
        case stream(@Sendable (ResponseWriter) async throws -> Void)
        /// The same for exactly so many bytes.
        case measuredStream(Int64, @Sendable (ResponseWriter) async throws -> Void)

        var producer: (@Sendable (ResponseWriter) async throws -> Void)? {
            switch self {
            case .empty, .bytes, .parts: nil
            case .stream(let produce), .measuredStream(_, let produce): produce
            }
        }
    }

    enum Part: Sendable {
        case bytes(ByteBuffer)
        /// A part of an open file.
        case file(OpenFile, Range<Int64>)

        var count: Int64 {
            switch self {
            case .bytes(let bytes): Int64(bytes.readableBytes)
            case .file(_, let range): range.upperBound - range.lowerBound
            }
        }
    }

    init(status: Int, headers: APIHeaders = [:], body: Body = .empty) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }

    static func text(_ text: String, status: Int = 200) -> Self {
        let headers: APIHeaders = ["content-type": "text/plain; charset=utf-8"]
        return APIResponse(status: status, headers: headers, body: .bytes(ByteBuffer(string: text)))
    }

    /// A JSON document that is already encoded.
    static func json(_ document: Data, status: Int = 200, headers: APIHeaders = [:]) -> Self {
        var headers = headers
        headers["content-type"] = headers["content-type"] ?? "application/json"
        return APIResponse(status: status, headers: headers, body: .bytes(ByteBuffer(bytes: document)))
    }

    static func problem(_ problem: Problem, headers: APIHeaders = [:]) -> Self {
        var headers = headers
        headers["content-type"] = "application/problem+json"
        headers["cache-control"] = headers["cache-control"] ?? "no-store"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        // Strings and numbers only: there is nothing in it that could fail to encode.
        return json((try? encoder.encode(problem)) ?? Data(), status: problem.status, headers: headers)
    }

    /// Of the body, when it is known before it is sent.
    var contentLength: Int64? {
        switch body {
        case .empty: 0
        case .bytes(let bytes): Int64(bytes.readableBytes)
        case .parts(let parts): parts.reduce(0) { $0 + $1.count }
        case .measuredStream(let count, _): count
        case .stream: nil
        }
    }
}

/// A device's claim to an answer: its place among those under way, for as long as the answer is.
struct AnswerClaim: Sendable {
    let place: DeviceSession.Place
    let session: DeviceSession
}

/// Where a streaming answer writes.
struct ResponseWriter: Sendable {
    let write: @Sendable (ByteBuffer) async throws -> Void

    /// Returns when the client's connection has taken the bytes; throws when it is gone.
    func callAsFunction(_ bytes: ByteBuffer) async throws {
        try await write(bytes)
    }

    func callAsFunction(_ text: String) async throws {
        try await write(ByteBuffer(string: text))
    }
}
