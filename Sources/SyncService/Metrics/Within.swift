import Foundation

/// What `body` comes to, or nil when the time is over, however long it goes on then.
///
/// Without a parent on purpose: a child would have to be awaited, and what waits for a database or a disk cannot always be
/// cancelled. It ends by the bounds that it has itself.
func within<T: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> T
) async throws -> T? {
    let (outcomes, continuation) = AsyncStream.makeStream(
        of: Result<T, any Error>?.self, bufferingPolicy: .bufferingOldest(1))
    let work = Task {
        do { continuation.yield(.success(try await body())) } catch { continuation.yield(.failure(error)) }
    }
    let timer = Task {
        if (try? await Task.sleep(for: limit)) != nil { continuation.yield(nil) }
    }
    defer {
        timer.cancel()
        work.cancel()
    }
    for await outcome in outcomes { return try outcome?.get() }
    return nil
}
