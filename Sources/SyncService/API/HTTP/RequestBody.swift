import JobStore
import NIOCore
import Synchronization

/// The bytes of a request's body, as they come. To be read once, by one task.
///
/// Whoever does not read leaves them with the client: the socket is read only while someone waits for more. Every way to
/// go wrong is a `RequestRefusal`, which the server answers by itself; a handler that sees one just ends.
struct RequestBody: AsyncSequence, Sendable {
    /// As announced; nil when the client sends chunks.
    let length: Int64?
    /// Whose it is, once that is known: from a device without access nothing is taken any more.
    var sender: DeviceSession?
    fileprivate let pipe: BodyPipe
    fileprivate var limit: Int64

    init(length: Int64?, limit: Int64, pipe: BodyPipe) {
        (self.length, self.limit, self.pipe) = (length, limit, pipe)
    }

    /// The same body under another limit than the server's.
    func limited(to limit: Int64) -> RequestBody {
        var body = self
        body.limit = limit
        return body
    }

    /// Throws once the sender has lost its access: to be asked before something is done for it that took a while to come.
    func checkSender() throws(RequestRefusal) {
        if let loss = sender?.loss { throw .accessLost(loss) }
    }

    /// Ends the reading, wherever it is: the sender has lost its access.
    func breakOff(_ loss: AccessLoss) {
        pipe.end(.failure(.accessLost(loss)))
    }

    /// The whole body, if it has at most so many bytes.
    func collect(upTo limit: Int) async throws(RequestRefusal) -> ByteBuffer {
        var iterator = limited(to: Int64(limit)).makeAsyncIterator()
        var whole = try await iterator.next() ?? ByteBuffer()
        while var part = try await iterator.next() { whole.writeBuffer(&part) }
        return whole
    }

    func makeAsyncIterator() -> Iterator {
        Iterator(body: self)
    }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let body: RequestBody
        private var count: Int64 = 0

        fileprivate init(body: RequestBody) {
            self.body = body
        }

        mutating func next() async throws(RequestRefusal) -> ByteBuffer? {
            if let length = body.length, length > body.limit { throw refused() }
            let next = try await body.pipe.next()
            // Also at the end: what is whole must not count when it came from nobody.
            try body.checkSender()
            guard let part = next else { return nil }
            count += Int64(part.readableBytes)
            guard count <= body.limit else { throw refused() }
            return part
        }

        private func refused() -> RequestRefusal {
            let refusal = RequestRefusal.bodyTooLarge(limit: body.limit)
            body.pipe.refuse(refusal)
            return refusal
        }
    }
}

/// Between the connection, which pushes, and the handler, which waits.
final class BodyPipe: Sendable {
    private struct State {
        var parts: [ByteBuffer] = []
        var waiter: CheckedContinuation<Result<ByteBuffer?, RequestRefusal>, Never>?
        var end: Result<Void, RequestRefusal>?

        mutating func takeOrWait(
            _ continuation: CheckedContinuation<Result<ByteBuffer?, RequestRefusal>, Never>
        ) -> Result<ByteBuffer?, RequestRefusal>? {
            if !parts.isEmpty { return .success(parts.removeFirst()) }
            if let end { return end.map { nil } }
            precondition(waiter == nil, "a body is read by one task")
            waiter = continuation
            return nil
        }

        mutating func takeWaiter() -> CheckedContinuation<Result<ByteBuffer?, RequestRefusal>, Never>? {
            defer { waiter = nil }
            return waiter
        }
    }

    private let state: Mutex<State>
    /// Tells the connection that someone waits for more.
    private let demand: @Sendable () -> Void
    /// Tells the connection to answer by itself.
    let refuse: @Sendable (RequestRefusal) -> Void

    init(
        isEmpty: Bool, demand: @escaping @Sendable () -> Void, refuse: @escaping @Sendable (RequestRefusal) -> Void
    ) {
        (self.demand, self.refuse) = (demand, refuse)
        state = Mutex(State(end: isEmpty ? .success(()) : nil))
    }

    /// A body that is already there, for requests that come from no socket.
    convenience init(holding body: ByteBuffer) {
        self.init(isEmpty: false, demand: {}, refuse: { _ in })
        if body.readableBytes > 0 { push(body) }
        end(.success(()))
    }

    func next() async throws(RequestRefusal) -> ByteBuffer? {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { $0.takeOrWait(continuation) }
                if let now { continuation.resume(returning: now) } else { demand() }
            }
        } onCancel: {
            end(.failure(.clientGone))
        }
        return try result.get()
    }

    func push(_ part: ByteBuffer) {
        let waiter = state.withLock { state in
            if state.waiter == nil, state.end == nil { state.parts.append(part) }
            return state.takeWaiter()
        }
        waiter?.resume(returning: .success(part))
    }

    /// The first end counts. After a failure, parts that nobody has taken are dropped.
    func end(_ end: Result<Void, RequestRefusal>) {
        let waiter = state.withLock { state in
            guard state.end == nil else { return state.takeWaiter() }
            state.end = end
            if case .failure = end { state.parts.removeAll() }
            return state.takeWaiter()
        }
        waiter?.resume(returning: end.map { nil })
    }

    /// Whether someone waits for a part that is not there.
    var isAwaited: Bool { state.withLock { $0.waiter != nil } }
}
