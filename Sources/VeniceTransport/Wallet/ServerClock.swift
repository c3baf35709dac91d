import Foundation
import HTTPTransport
import Synchronization

/// The service's clock as all copies of one client know it.
final class ServerClock: Sendable {
    private let skew = Mutex(ClockSkew())

    /// The service's time when ours is `now`.
    func time(at now: Date) -> Date { skew.withLock { $0.time(at: now) } }

    /// Takes in what an answer says. One out of a cache (`Age`) tells of another moment and is left aside.
    func learn(from headers: HTTPHeaders, sent: Date, received: Date) {
        guard headers["Age"] == nil, let date = AnswerHeaders(headers).date else { return }
        skew.withLock { $0.learn(date: date, sent: sent, received: received) }
    }
}
