import Dispatch
import Foundation
import Synchronization

/// SIGTERM and SIGINT as a wait, and whatever else asks the process to drain. A second signal of a kind ends it at once.
final class ShutdownSignal: @unchecked Sendable {  // the sources are only kept, never touched again
    private let stream: AsyncStream<String>
    private let sources: [any DispatchSourceSignal]
    private let continuation: AsyncStream<String>.Continuation
    private let raised: RaisedFlag

    private final class RaisedFlag: Sendable { let value = Atomic(false) }

    /// Takes the signals over for the rest of the process's life.
    init() {
        signal(SIGPIPE, SIG_IGN)
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        (self.stream, self.continuation) = (stream, continuation)
        let raised = RaisedFlag()
        self.raised = raised
        sources = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")].map { number, name in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            nonisolated(unsafe) var count = 0  // only touched by this source's handler, which never runs twice at once
            source.setEventHandler {
                count += 1
                if count > 1 { exit(128 + number) }
                raised.value.store(true, ordering: .releasing)
                continuation.yield(name)
            }
            source.activate()
            return source
        }
    }

    /// Begins the drain as a signal would.
    func raise(_ reason: String) {
        raised.value.store(true, ordering: .releasing)
        continuation.yield(reason)
    }

    /// Whether one has come already.
    var isRaised: Bool { raised.value.load(ordering: .acquiring) }

    /// The first signal's name; nil when the task is cancelled.
    func wait() async -> String? { await stream.first { _ in true } }
}
