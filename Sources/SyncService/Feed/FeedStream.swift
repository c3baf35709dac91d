import JobStore
import NIOCore
import Synchronization
import VideoModels

/// A feed as a stream of server-sent events: each page as it comes, a heartbeat where none does, and a planned end with the
/// place to go on from.
///
/// One page is in memory at a time, and the next is not read before the client has taken it.
struct FeedStream: Sendable {
    struct Timing: Sendable {
        var heartbeat: Duration
        var lifetime: Duration
        /// How long the client is told to wait before it comes back.
        var retry: Duration
    }

    var hub: FeedHub
    var user: UserID
    var timing: Timing
    /// Why the stream should end now, if it should.
    var ending: @Sendable () -> Ending?
    var read: @Sendable (FeedCursor) async throws -> SharedPage
    /// The words for an error after the beginning.
    var problem: @Sendable (any Error) -> Problem

    enum Ending: String, Sendable {
        case draining, revoked, expired, suspended, lifetime

        init(_ loss: AccessLoss) {
            switch loss {
            case .revoked: self = .revoked
            case .expired: self = .expired
            case .suspended: self = .suspended
            }
        }
    }

    /// - Parameter first: the page that was read before the answer began, so that a cursor that is wrong gets a status.
    func run(after first: Handover<FeedPage>, into write: ResponseWriter) async throws {
        try await hub.subscribed(user) { waiter in
            let end = ContinuousClock.now + timing.lifetime
            guard var place = try await begin(first, write) else { return }
            // What changed between that page and the subscription rang nobody.
            var isBehind = true
            while true {
                if let reason = ContinuousClock.now >= end ? .lifetime : ending() {
                    return try await write(ServerSentEvent.close(reason, at: place.cursor))
                }
                if isBehind {
                    guard let page = try await next(place, write) else { return }
                    hub.looked(waiter, foundNews: page.mark != place.mark)
                    place = page
                    isBehind = page.isToBeContinued
                } else {
                    let pause = min(timing.heartbeat, ContinuousClock.now.duration(to: end))
                    isBehind = await waiter.wait(knowing: place.mark, atMost: pause)
                    try Task.checkCancellation()
                    if !isBehind { try await write(ServerSentEvent.heartbeat) }
                }
            }
        }
    }

    /// Where the stream is, without the page that brought it there.
    private struct Place {
        var cursor: FeedCursor
        var mark: FeedMark
        var isToBeContinued: Bool

        init(_ page: FeedPage) {
            (cursor, mark, isToBeContinued) = (page.next, page.mark, page.isToBeContinued)
        }
    }

    private func begin(_ first: Handover<FeedPage>, _ write: ResponseWriter) async throws -> Place? {
        guard let page = first.take() else { return nil }
        try await write(ServerSentEvent.retry(after: timing.retry))
        try await write(ServerSentEvent.page(page))
        return Place(page)
    }

    /// Sends what follows; nil ends the stream, which has said why.
    private func next(_ place: Place, _ write: ResponseWriter) async throws -> Place? {
        let next: SharedPage
        do { next = try await read(place.cursor) } catch {
            try Task.checkCancellation()
            try await write(try ServerSentEvent.problem(problem(error)))
            return nil
        }
        if next.page.isNews { try await write(next.event) }
        return Place(next.page)
    }
}

/// A page that was read for several, and its event, which is written once for all of them.
final class SharedPage: Sendable {
    let page: FeedPage
    private let written = Mutex<ByteBuffer?>(nil)

    init(_ page: FeedPage) { self.page = page }

    var event: ByteBuffer {
        written.withLock { written in
            let event = written ?? ServerSentEvent.page(page)
            written = event
            return event
        }
    }
}

/// Something that is handed on once, so that nobody keeps it who only passed it on.
final class Handover<Value: Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: Value) { self.value = Mutex(value) }

    func take() -> Value? {
        value.withLock { value in
            defer { value = nil }
            return value
        }
    }
}

/// The events of a feed, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them.
enum ServerSentEvent {
    static let heartbeat = ByteBuffer(string: ": heartbeat\n\n")

    static func retry(after pause: Duration) -> ByteBuffer {
        ByteBuffer(string: "retry: \(Int(pause / .milliseconds(1)))\n\n")
    }

    static func page(_ page: FeedPage) -> ByteBuffer {
        var event = ByteBuffer()
        event.reserveCapacity(page.json.count + 250)
        event.writeString("event: page\nid: \(page.next.text)\ndata: ")
        event.writeBytes(page.json)
        event.writeString("\n\n")
        return event
    }

    static func close(_ reason: FeedStream.Ending, at cursor: FeedCursor) -> ByteBuffer {
        ByteBuffer(string: "event: close\nid: \(cursor.text)\ndata: {\"reason\":\"\(reason.rawValue)\"}\n\n")
    }

    static func problem(_ problem: Problem) throws -> ByteBuffer {
        ByteBuffer(string: "event: problem\ndata: \(String(decoding: try Wire.encode(problem), as: UTF8.self))\n\n")
    }
}
