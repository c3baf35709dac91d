import Foundation
import Synchronization

/// A value that threads and tasks share.
public final class Locked<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    public init(_ value: Value) { mutex = Mutex(value) }

    public var value: Value { mutex.withLock { $0 } }
    public func set(_ value: Value) { mutex.withLock { $0 = value } }
    public func change(_ body: @Sendable (inout Value) -> Void) { mutex.withLock { value in body(&value) } }
}

/// Something that happens once, for tasks and threads to wait for.
public final class Signal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let semaphore = DispatchSemaphore(value: 0)

    public init() { (stream, continuation) = AsyncStream.makeStream() }

    public func fire() {
        continuation.finish()
        semaphore.signal()
    }

    public func wait() async { for await _ in stream {} }

    /// For the server's threads.
    public func block() { semaphore.wait() }
}
