/// The one seam to the outside web.
public protocol HTTPClient: Sendable {
    /// Sends `request` once, and returns as soon as the answer's head is here; the body follows in `HTTPResponse.body`.
    ///
    /// Any status is a response. Cancelling the task closes the transfer; the error then still says whether the
    /// request may have arrived.
    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse
}

/// Why there is no answer, or no more of it, and whether the request may have arrived.
public struct HTTPClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Whether any byte of the request may have reached the server.
    public enum Sent: Hashable, Sendable {
        /// Certainly none: repeating the request cannot do its work twice.
        case nothing
        /// Some may have. In doubt it is always this one.
        case maybe
    }

    public enum Reason: Hashable, Sendable {
        /// The request itself cannot be sent: its URL, scheme, a header, or a file of its body.
        case invalidRequest
        /// This client has more waiting than it is allowed to hold.
        case overloaded
        /// This client was stopped.
        case stopped
        case cancelled
        /// No address for the host's name.
        case unresolved
        /// No connection: refused, no route, or a proxy that fails.
        case unreachable
        /// No trust: certificate or handshake.
        case tls
        case timedOut(Phase)
        /// The connection ended before an answer was complete.
        case interrupted
        /// The body is shorter than announced.
        case truncated
        /// What came is no HTTP, too much header, or cannot be decoded.
        case malformed
        /// The body is longer than the reader wanted; the transfer was closed.
        case tooLarge(limit: Int)
        /// A file of the request's body could not be read to its announced length.
        case bodySource
        /// Anything else that libcurl reports, by its number.
        case other(code: Int)
    }

    public enum Phase: Hashable, Sendable { case connect, firstByte, idle, total }

    public let reason: Reason
    public let sent: Sent
    /// Words for a log; never holds a header, a path or a body.
    public let detail: String

    public init(_ reason: Reason, sent: Sent = .nothing, _ detail: String = "") {
        self.reason = reason
        self.sent = sent
        self.detail = detail
    }

    public var description: String {
        "\(reason)" + (detail.isEmpty ? "" : ": \(detail)")
            + (sent == .nothing ? " (nothing sent)" : " (may have been sent)")
    }
}
