public import HTTPTransport
public import VideoModels

/// What a retrieve found.
public enum RetrieveOutcome: Sendable {
    /// Keep polling: under way, or a status that nobody knows.
    case processing(RenderTimings)
    /// Finished, and this answer is the video. Read it to its end, or it has to be retrieved again.
    case video(VideoStream)
    /// Finished; the file is at the link that queue gave. `inlineURL` is one that this answer gave, if it may be used.
    case completed(inlineURL: Redacted<String>?)
    /// The upstream gave up on the job for good, in its own word.
    case failed(status: String, RefusalNotes)
}

/// How long the job has been running and how long such jobs take. No percentage exists.
public struct RenderTimings: Sendable, Hashable {
    /// Four of five past jobs were done by then.
    public var usual: Duration?
    public var elapsed: Duration?
    /// As written, for example `PROCESSING`.
    public var status: String

    init(_ json: JSON, status: String) {
        func milliseconds(_ value: JSON?) -> Duration? {
            value?.double.flatMap { $0 >= 0 && $0 < 1e12 ? .milliseconds($0) : nil }
        }
        usual = milliseconds(
            json["average_execution_time", "averageExecutionTime", "estimatedDuration", "estimated_duration"])
        elapsed = milliseconds(json["execution_duration", "executionDuration"])
        self.status = status
    }
}

/// A video on its way: what is known of it, and its bytes.
public struct VideoStream: Sendable {
    /// From the bytes where they tell, else from the header.
    public let contentType: String
    /// Nil when the server does not say.
    public let announcedLength: Int?
    /// Whether a body that is cut short would have been noticed: it has an announced length, or comes in chunks of which
    /// the last says so. Otherwise the end of the connection is the only end it has.
    public let isEndMarked: Bool
    public let body: VideoBytes
}

/// A body whose beginning was looked at and is given out again. For one reader; back-pressure and closing are those of
/// `HTTPResponseBody`.
public struct VideoBytes: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = HTTPClientError

    let beginning: [UInt8]
    let rest: HTTPResponseBody

    public func makeAsyncIterator() -> Iterator {
        Iterator(beginning: beginning, rest: rest.makeAsyncIterator())
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var beginning: [UInt8]
        fileprivate var rest: HTTPResponseBody.Iterator

        public mutating func next() async throws(HTTPClientError) -> [UInt8]? {
            guard beginning.isEmpty else {
                defer { beginning = [] }
                return beginning
            }
            return try await rest.next()
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPClientError) -> [UInt8]? {
            guard beginning.isEmpty else {
                defer { beginning = [] }
                return beginning
            }
            // The isolation is not handed on: in optimised code of Swift 6.3 something is let go of twice when the call that
            // takes it throws, which ends the process.
            return try await rest.next()
        }
    }

    /// Closes the transfer; what is unread is lost.
    public func close() { rest.close() }
}

/// The words of a retrieve's `status`, letter case aside. Any other word means: keep polling until the deadline.
enum RenderStatus {
    case finished, failed, underWay

    init(_ word: String) {
        switch word.lowercased() {
        case "completed", "complete", "succeeded", "success", "done", "finished": self = .finished
        case "failed", "failure", "error", "cancelled", "canceled", "expired", "rejected": self = .failed
        default: self = .underWay
        }
    }
}
