import Synchronization

/// A body that is in memory already.
final class ReadyBytes: ByteSource {
    private let rest: Mutex<(chunks: ArraySlice<[UInt8]>, failure: HTTPClientError?)>

    init(_ chunks: [[UInt8]], failure: HTTPClientError?) {
        rest = Mutex((chunks.filter { !$0.isEmpty }[...], failure))
    }

    func next() async throws(HTTPClientError) -> [UInt8]? {
        let result: Result<[UInt8]?, HTTPClientError> = rest.withLock { rest in
            if let chunk = rest.chunks.popFirst() { return .success(chunk) }
            return rest.failure.map { .failure($0) } ?? .success(nil)
        }
        return try result.get()
    }

    func close() {
        rest.withLock { $0 = ([], HTTPClientError(.cancelled, sent: .maybe, "the body was closed")) }
    }
}

/// A body that someone else makes. The last reader to let go closes it.
final class MadeBytes: ByteSource {
    private let make: @Sendable () async throws(HTTPClientError) -> [UInt8]?
    private let end: @Sendable () -> Void

    init(next: @escaping @Sendable () async throws(HTTPClientError) -> [UInt8]?, close: @escaping @Sendable () -> Void)
    {
        (make, end) = (next, close)
    }

    deinit { end() }

    func next() async throws(HTTPClientError) -> [UInt8]? { try await make() }
    func close() { end() }
}
