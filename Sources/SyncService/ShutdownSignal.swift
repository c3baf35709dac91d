import Dispatch
import Foundation

/// SIGTERM and SIGINT as a wait. The first begins the drain; a second ends the process at once.
final class ShutdownSignal: @unchecked Sendable {  // the sources are only kept, never touched again
    private let stream: AsyncStream<String>
    private let sources: [any DispatchSourceSignal]

    /// Takes the signals over for the rest of the process's life.
    init() {
        signal(SIGPIPE, SIG_IGN)
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        self.stream = stream
        sources = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")].map { number, name in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            nonisolated(unsafe) var count = 0  // only touched by this source's handler, which never runs twice at once
            source.setEventHandler {
                count += 1
                if count > 1 { exit(128 + number) }
                continuation.yield(name)
            }
            source.activate()
            return source
        }
    }

    /// The first signal's name; nil when the task is cancelled.
    func wait() async -> String? { await stream.first { _ in true } }
}
