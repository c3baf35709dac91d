import JobStore
import NIOCore
import VideoModels

/// What phones that have missed nothing are answered with, from memory: where each user's feed stood a moment ago.
///
/// Whoever knows of a change from another process names its sequence (`wait_for`), and is not answered from here unless that
/// is known.
final class FeedMarks: Sendable {
    /// The answer for whoever is at the end of a feed.
    struct Answer: Sendable {
        var cursor: String
        var json: ByteBuffer
        var sequence: Int64
    }

    fileprivate struct End: Hashable, Sendable {}
    fileprivate typealias Memory = UserMemory<End, Answer>

    /// How long a place is believed.
    static let belief = Duration.seconds(1)
    /// Users that are remembered at most: some 800 bytes each.
    static let capacity = 20_000

    private let memory: Memory

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }) {
        memory = Memory(capacity: Self.capacity, belief: Self.belief, now: now)
    }

    struct Ticket: Sendable {
        fileprivate var ticket: Memory.Ticket
    }

    func listen(while hears: @escaping @Sendable () -> Bool) { memory.listen(while: hears) }

    /// The answer for somebody who is at the end of the user's feed, if that is known.
    func answer(for user: UserID) -> Answer? { memory.value(End(), of: user) }

    /// To be taken before the page is read.
    func ticket(for user: UserID) -> Ticket { Ticket(ticket: memory.ticket(for: user)) }

    func keep(_ page: FeedPage, of user: UserID, _ ticket: Ticket) {
        memory.keep(End(), of: user, ticket.ticket) {
            page.nothingMore.map { end in
                Answer(cursor: end.next.text, json: ByteBuffer(bytes: end.json), sequence: end.through)
            }
        }
    }

    func forget(_ user: UserID) { memory.forget(user) }
    func forgetAll() { memory.forgetAll() }
    func letGo() { memory.letGo() }

    var count: Int { memory.count }
}
