import Foundation

/// File system calls block, and a thread of the cooperative pool must not: they run here, a few at a time.
enum BlockingIO {
    /// Enough to keep a disk busy. A caller waits for its turn, so the queue is as long as there are waiting tasks.
    private static let queue: OperationQueue = {
        let queue = OperationQueue()
        queue.name = "gondola.blocking-io"
        queue.maxConcurrentOperationCount = 8
        return queue
    }()

    static func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            queue.addOperation {
                do throws(Failure) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
