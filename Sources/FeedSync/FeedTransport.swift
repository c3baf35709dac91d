public import VideoModels

/// What `FeedClient` needs of HTTP. It knows the server's address, its prefix and the device's token.
public protocol FeedTransport: Sendable {
    /// Sends a GET once and returns as soon as the answer's head is here. Any status is an answer. Follows no redirect.
    ///
    /// Cancelling the task ends the request.
    func send(_ request: FeedRequest) async throws(FeedClientError) -> FeedResponse
}

/// A GET of the phone's API.
public struct FeedRequest: Hashable, Sendable {
    /// Such as `/v1/changes`.
    public var path: String
    /// Not yet escaped.
    public var query: [String: String]
    /// Beside the token.
    public var headers: [String: String]
    /// How long the server is asked to hold its answer back.
    public var patience: Duration
    /// The answer goes on for ever: only the client decides when it has been silent for too long.
    public var isStream: Bool

    public init(
        path: String, query: [String: String] = [:], headers: [String: String] = [:], patience: Duration = .zero,
        isStream: Bool = false
    ) {
        self.path = path
        self.query = query
        self.headers = headers
        self.patience = patience
        self.isStream = isStream
    }
}

/// The head of an answer, and its body still to come.
public struct FeedResponse: Sendable {
    public var status: Int
    /// Names in lower case.
    public var headers: [String: String]
    public var body: FeedBody

    public init(status: Int, headers: [String: String], body: FeedBody) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The bytes of an answer as they come, for one reader. Reading slowly slows the sender down.
public struct FeedBody: Sendable {
    private let read: @Sendable () async throws(FeedClientError) -> [UInt8]?
    private let end: @Sendable () -> Void

    /// - Parameters:
    ///   - next: The next bytes; nil at the end.
    ///   - close: Ends the transfer; may be called at any time and more than once.
    public init(
        next: @escaping @Sendable () async throws(FeedClientError) -> [UInt8]?, close: @escaping @Sendable () -> Void
    ) {
        (read, end) = (next, close)
    }

    /// The next bytes; nil at the end.
    public func next() async throws(FeedClientError) -> [UInt8]? { try await read() }

    /// Ends the transfer.
    public func close() { end() }

    /// All of it, or `unexpected` and an end of the transfer where that is more than `limit` bytes.
    func collect(upTo limit: Int) async throws(FeedClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try await next() {
            guard bytes.count + chunk.count <= limit else {
                close()
                throw .unexpected("an answer of more than \(limit) bytes")
            }
            bytes += chunk
        }
        return bytes
    }
}

/// Why the feed cannot be read, sorted by what to do next.
public enum FeedClientError: Error, Hashable, Sendable {
    /// The server said no, and why. Branch on the problem's `code`: `unauthenticated` wants a new token, `cursor_foreign`
    /// means that the copy is another user's and has to be thrown away, `cursor_malformed` calls for `resynchronise()`.
    case problem(Problem, retryAfter: Duration?)
    /// No answer, or not all of it.
    case unreachable(String)
    /// Something answered that is not Gondola, or not a version that this build understands.
    case unexpected(String)
    /// The address or the token cannot be used at all.
    case unusable(String)

    /// Whether the same request may well succeed in a moment. `FeedClient` tries again by itself where that is so.
    public var isPassing: Bool {
        switch self {
        case .problem(let problem, _): problem.status == 429 || problem.status == 408 || problem.status >= 500
        case .unreachable: true
        case .unexpected, .unusable: false
        }
    }

    /// The cursor is too old, of another history, or of a place that this one has not reached.
    var isExpiredCursor: Bool {
        guard case .problem(let problem, _) = self else { return false }
        return [.known(.cursorExpired), .known(.cursorAhead)].contains(problem.code)
    }

    /// What the server asked for; five minutes at most.
    var retryAfter: Duration? {
        if case .problem(_, let pause?) = self { min(max(pause, .zero), .seconds(300)) } else { nil }
    }
}
