import Synchronization

/// Where the curl thread and the task that waits meet: the head's continuation first, then a bounded buffer of body.
final class CurlExchange: ByteSource {
    /// What the curl thread is to do after it offered bytes.
    enum Reception { case taken, full, unwanted }

    fileprivate typealias HeadContinuation = CheckedContinuation<Result<HTTPResponse, HTTPClientError>, Never>
    fileprivate typealias ReaderContinuation = CheckedContinuation<Result<[UInt8]?, HTTPClientError>, Never>

    fileprivate struct State {
        var head: HeadContinuation?
        var reader: ReaderContinuation?
        var chunks: [[UInt8]] = []
        var firstChunk = 0
        var buffered = 0
        var mostBuffered = 0
        var isPaused = false
        var isClosed = false
        /// Set once by the curl thread: nil inside means a whole body.
        var end: HTTPClientError??
    }

    private let bufferBytes: Int
    private let engine: CurlEngine
    private let state = Mutex(State())

    init(bufferBytes: Int, engine: CurlEngine) {
        self.bufferBytes = bufferBytes
        self.engine = engine
    }

    /// The most that ever was in the buffer.
    var mostBuffered: Int { state.withLock { $0.mostBuffered } }

    // MARK: - by the tasks

    func awaitHead(_ continuation: CheckedContinuation<Result<HTTPResponse, HTTPClientError>, Never>) {
        state.withLock { $0.head = continuation }
    }

    func next() async throws(HTTPClientError) -> [UInt8]? {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (answer, resume) = state.withLock { $0.take(continuation, resumeBelow: bufferBytes / 2) }
                if resume { engine.post(.resume(self)) }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            close()
        }
        return try result.get()
    }

    /// Ends the transfer as soon as the curl thread hears of it. Harmless when it has ended.
    func close() {
        let wasOpen = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed && state.end == nil
        }
        if wasOpen { engine.post(.cancel(self)) }
    }

    // MARK: - by the curl thread

    /// Looked at before the request is written: a cancelled one never leaves.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func deliverHead(_ response: HTTPResponse) {
        let continuation = state.withLock { $0.head.take() }
        continuation?.resume(returning: .success(response))
    }

    func offer(_ bytes: [UInt8]) -> Reception {
        let (reception, reader) = state.withLock { $0.offer(bytes, limit: bufferBytes) }
        reader?.resume(returning: .success(bytes))
        return reception
    }

    /// The last word: nil when the body is whole.
    func finish(_ error: HTTPClientError?) {
        let (head, reader): (HeadContinuation?, ReaderContinuation?) = state.withLock { state in
            guard state.end == nil else { return (nil, nil) }
            state.end = .some(error)
            return (state.head.take(), state.reader.take())
        }
        let lost = HTTPClientError(.malformed, sent: .maybe, "the answer has no head")
        head?.resume(returning: .failure(error ?? lost))
        reader?.resume(returning: error.map { .failure($0) } ?? .success(nil))
    }
}

extension CurlExchange.State {
    /// The next chunk, the end, or nil after `continuation` was kept for later; and whether the sender may go on.
    fileprivate mutating func take(
        _ continuation: CurlExchange.ReaderContinuation, resumeBelow: Int
    ) -> (answer: Result<[UInt8]?, HTTPClientError>?, resume: Bool) {
        precondition(reader == nil, "a response body has one reader")
        guard firstChunk < chunks.count else {
            if let end { return (end.map { .failure($0) } ?? .success(nil), false) }
            if isClosed { return (.failure(HTTPClientError(.cancelled, sent: .maybe, "the body was closed")), false) }
            reader = continuation
            return (nil, isPaused.exchange(false))
        }
        let chunk = popFirst()
        return (.success(chunk), buffered <= resumeBelow ? isPaused.exchange(false) : false)
    }

    private mutating func popFirst() -> [UInt8] {
        let chunk = chunks[firstChunk]
        chunks[firstChunk] = []
        firstChunk += 1
        if firstChunk == chunks.count {
            chunks.removeAll(keepingCapacity: true)
            firstChunk = 0
        }
        buffered -= chunk.count
        return chunk
    }

    fileprivate mutating func offer(
        _ bytes: [UInt8], limit: Int
    ) -> (CurlExchange.Reception, CurlExchange.ReaderContinuation?) {
        if isClosed { return (.unwanted, nil) }
        if let waiting = reader.take() { return (.taken, waiting) }
        guard buffered == 0 || buffered + bytes.count <= limit else {
            isPaused = true
            return (.full, nil)
        }
        chunks.append(bytes)
        buffered += bytes.count
        mostBuffered = max(mostBuffered, buffered)
        return (.taken, nil)
    }
}

extension Bool {
    fileprivate mutating func exchange(_ new: Bool) -> Bool {
        defer { self = new }
        return self
    }
}

/// What a response body holds on to: when the last holder lets go, the transfer is closed.
final class CurlBody: ByteSource {
    let exchange: CurlExchange

    init(_ exchange: CurlExchange) { self.exchange = exchange }
    deinit { exchange.close() }

    func next() async throws(HTTPClientError) -> [UInt8]? { try await exchange.next() }
    func close() { exchange.close() }
}
