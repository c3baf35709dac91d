import FeedSync
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// One request and what has come back so far.
///
/// The task ends when this goes: a stream that nobody reads any more is closed.
final class Exchange: Sendable {
    struct Head: Sendable {
        var status: Int
        var headers: [String: String]
    }

    private struct State {
        var head: Head?
        var bytes: [UInt8] = []
        var end: Result<Void, FeedClientError>?
        var waiter: CheckedContinuation<Void, Never>?
        /// The task is suspended until the reader has caught up.
        var isHeld = false
    }

    /// More than any answer has: a reader who is so far behind will not come back.
    private static let limit = 64 << 20
    /// Above it the sender is slowed down.
    private static let plenty = 1 << 20
    let task: URLSessionDataTask
    private let state = Mutex(State())

    init(_ task: URLSessionDataTask) { self.task = task }

    deinit { task.cancel() }

    func cancel() {
        task.cancel()
        finish(.failure(.unreachable("cancelled")))
    }

    /// Status and headers, as soon as they are here.
    func head() async throws(FeedClientError) -> Head {
        while true {
            let (head, end) = state.withLock { ($0.head, $0.end) }
            if let head { return head }
            if case .failure(let error)? = end { throw error }
            if end != nil { throw .unreachable("an answer without a head") }
            await news { $0.head != nil }
        }
    }

    /// All bytes that have come since the last call; nil at the end.
    func next() async throws(FeedClientError) -> [UInt8]? {
        while true {
            let (bytes, end) = state.withLock { state in
                defer { state.bytes = [] }
                release(&state)
                return (state.bytes, state.end)
            }
            if !bytes.isEmpty { return bytes }
            if case .failure(let error)? = end { throw error }
            if end != nil { return nil }
            await news { !$0.bytes.isEmpty }
        }
    }

    /// Returns once that is so, or the exchange has ended; a cancelled task ends it.
    private func news(_ isThere: @escaping @Sendable (State) -> Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if isThere(state) || state.end != nil { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            cancel()
        }
    }

    func receive(_ head: Head) { change { $0.head = head } }

    func receive(_ data: Data) {
        let isTooMuch = change { state in
            state.bytes += data
            hold(&state)
            return state.bytes.count > Self.limit
        }
        if isTooMuch {
            finish(.failure(.unreachable("more than \(Self.limit) bytes that nobody reads")))
            task.cancel()
        }
    }

    /// Suspends the task where too much waits for its reader. Under the lock, so that it cannot come after the release.
    private func hold(_ state: inout State) {
        // Only where a suspended transfer is known to go on where it was; elsewhere the limit alone counts.
        #if canImport(Darwin)
            guard !state.isHeld, state.bytes.count > Self.plenty else { return }
            state.isHeld = true
            task.suspend()
        #endif
    }

    private func release(_ state: inout State) {
        guard state.isHeld else { return }
        state.isHeld = false
        task.resume()
    }

    /// The first end counts.
    func finish(_ end: Result<Void, FeedClientError>) { change { $0.end = $0.end ?? end } }

    @discardableResult
    private func change<Value: Sendable>(_ body: @Sendable (inout State) -> Value) -> Value {
        let (value, waiter) = state.withLock { state in
            defer { state.waiter = nil }
            return (body(&state), state.waiter)
        }
        waiter?.resume()
        return value
    }
}

/// The exchanges under way, by their tasks. They belong to their readers: here is only the way to them.
final class Exchanges: NSObject, URLSessionDataDelegate, Sendable {
    private struct Entry: Sendable { weak var exchange: Exchange? }

    private let open = Mutex<[Int: Entry]>([:])

    func begin(_ exchange: Exchange) {
        open.withLock { $0[exchange.task.taskIdentifier] = Entry(exchange: exchange) }
        exchange.task.resume()
    }

    private subscript(task: URLSessionTask) -> Exchange? { open.withLock { $0[task.taskIdentifier]?.exchange } }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        let answer = response as? HTTPURLResponse
        var headers: [String: String] = [:]
        for (name, value) in answer?.allHeaderFields ?? [:] { headers["\(name)".lowercased()] = "\(value)" }
        self[dataTask]?.receive(Exchange.Head(status: answer?.statusCode ?? 0, headers: headers))
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        self[dataTask]?.receive(data)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        self[task]?.finish(error.map { .failure(FeedClientError($0)) } ?? .success(()))
        open.withLock { $0[task.taskIdentifier] = nil }
    }

    /// The token must not travel to wherever an answer points.
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

extension FeedClientError {
    fileprivate init(_ error: any Error) {
        let words = (error as? URLError)?.localizedDescription ?? "\(error)"
        switch (error as? URLError)?.code {
        case .badURL?, .unsupportedURL?, .userAuthenticationRequired?: self = .unusable(words)
        default: self = .unreachable(words)
        }
    }
}
