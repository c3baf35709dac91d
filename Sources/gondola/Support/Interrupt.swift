import Dispatch
import Foundation

/// Runs `body` until it ends, or until SIGINT or SIGTERM comes, which cancels it and counts as a clean end.
func untilInterrupted(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let signals = [SIGINT, SIGTERM].map { number in
        signal(number, SIG_IGN)
        return DispatchSource.makeSignalSource(signal: number)
    }
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    for source in signals {
        source.setEventHandler { continuation.yield() }
        source.resume()
    }
    defer { for source in signals { source.cancel() } }
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await body()
            return true
        }
        group.addTask {
            for await _ in stream { break }
            return false
        }
        let hasEnded = try await group.next() ?? true
        group.cancelAll()
        // What a cancelled body throws says only that it was cancelled.
        if !hasEnded { _ = try? await group.next() }
    }
}
