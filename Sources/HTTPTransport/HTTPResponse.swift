/// The head of an answer, and the body still to come.
public struct HTTPResponse: Sendable {
    public let status: Int
    public let headers: HTTPHeaders
    public let body: HTTPResponseBody

    public init(status: Int, headers: HTTPHeaders = [:], body: HTTPResponseBody = HTTPResponseBody([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The body's length as announced; nil when it is not, or when the body travels compressed.
    public var announcedLength: Int? {
        guard headers["Content-Encoding"].map({ $0.equalsIgnoringCase("identity") }) ?? true else { return nil }
        return headers["Content-Length"].flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 }
    }

    /// Whether a body that is cut short ends with an error: its length is announced, or it comes in chunks. Otherwise the
    /// end of the connection is its end, be it the right one or not.
    public var isEndMarked: Bool {
        headers["Content-Length"] != nil
            || headers.all("Transfer-Encoding").contains { $0.lowercased().contains("chunked") }
    }
}

/// The bytes of an answer in chunks, in order, once, for one reader.
///
/// Reading slowly slows the sender down: a bounded number of bytes is held. When the last copy of this value and of its
/// iterators is gone before the end, or the reading task is cancelled, the connection is closed.
public struct HTTPResponseBody: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = HTTPClientError

    let source: any ByteSource

    init(source: any ByteSource) { self.source = source }

    /// A body that is already here. It ends by throwing `failure` if there is one.
    public init(_ chunks: [[UInt8]], failure: HTTPClientError? = nil) {
        source = ReadyBytes(chunks, failure: failure)
    }

    /// A body that is made as it is read, one chunk a call.
    ///
    /// - Parameter close: Called when the reader wants no more, perhaps more than once and while `next` runs.
    public init(
        next: @escaping @Sendable () async throws(HTTPClientError) -> [UInt8]?, close: @escaping @Sendable () -> Void
    ) {
        source = MadeBytes(next: next, close: close)
    }

    public func makeAsyncIterator() -> Iterator { Iterator(source: source) }

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        fileprivate let source: any ByteSource

        public mutating func next() async throws(HTTPClientError) -> [UInt8]? { try await source.next() }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(HTTPClientError) -> [UInt8]? { try await source.next() }
    }

    /// The rest of the body at once.
    ///
    /// - Throws: `tooLarge` as soon as there is more than `limit` bytes, after closing the transfer.
    public func collect(upTo limit: Int) async throws(HTTPClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try await source.next() {
            guard bytes.count + chunk.count <= limit else {
                source.close()
                throw HTTPClientError(.tooLarge(limit: limit), sent: .maybe, "a body of more than \(limit) bytes")
            }
            bytes += chunk
        }
        return bytes
    }

    /// Closes the transfer; what is still unread is lost.
    public func close() { source.close() }
}

/// Where the chunks of a body come from.
protocol ByteSource: AnyObject, Sendable {
    func next() async throws(HTTPClientError) -> [UInt8]?
    func close()
}
