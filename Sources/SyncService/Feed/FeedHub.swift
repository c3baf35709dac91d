import JobStore
import Logging
import Synchronization
import VideoModels

/// Wakes the waiting feeds of a user. Wake-ups are hints: what one misses is found by a look that is taken for all waiting
/// feeds together.
final class FeedHub: Sendable {
    /// A page that several wait for.
    struct Look: Hashable {
        var after: FeedCursor
        var limit: Int
    }

    private struct Room {
        var waiters: [ObjectIdentifier: FeedWaiter] = [:]
        /// Looks under way that were begun after the last ring: whoever was rung may join them.
        var looks: [Look: (number: Int, task: Task<SharedPage, any Error>)] = [:]
    }

    /// Where feeds stand, as far as is known without asking.
    let marks: FeedMarks
    /// Files that are being played.
    let videos: OpenVideos
    private let rooms = Mutex<(all: [UserID: Room], looks: Int)>(([:], 0))
    /// Rings when the look for all should not wait for its time.
    private let poll = Bell()
    /// How long after its ring a waiter is given what is new.
    private let deliveryLag: MetricHistogram?

    init(marks: FeedMarks = FeedMarks(), videos: OpenVideos = OpenVideos(), deliveryLag: MetricHistogram? = nil) {
        (self.marks, self.videos, self.deliveryLag) = (marks, videos, deliveryLag)
    }

    /// The waiter has looked after a ring. Without news that is no delivery: many a hint comes twice.
    func looked(_ waiter: FeedWaiter, foundNews: Bool) {
        let lag = waiter.takeRing()
        if let lag, foundNews { deliveryLag?.observe(lag.seconds) }
    }

    /// What is remembered counts only while changes of other processes are heard of. Before this is called, none is.
    func listen(while hears: @escaping @Sendable () -> Bool) {
        marks.listen(while: hears)
        videos.listen(while: hears)
    }

    /// Runs `body` with a waiter that is rung when something of the user may have changed, from before `body` begins: a
    /// change between a look and a wait is not missed.
    func subscribed<T: Sendable>(_ user: UserID, _ body: (FeedWaiter) async throws -> T) async rethrows -> T {
        let waiter = FeedWaiter()
        rooms.withLock { $0.all[user, default: Room()].waiters[ObjectIdentifier(waiter)] = waiter }
        defer {
            rooms.withLock { rooms in
                rooms.all[user]?.waiters[ObjectIdentifier(waiter)] = nil
                if rooms.all[user]?.waiters.isEmpty == true { rooms.all[user] = nil }
            }
        }
        return try await body(waiter)
    }

    /// Reads once for all waiters of the user that were rung together and stand at the same place.
    func shared(
        _ look: Look, of user: UserID, _ read: @escaping @Sendable () async throws -> FeedPage
    ) async throws -> SharedPage {
        let (number, task) = rooms.withLock { rooms in
            if let found = rooms.all[user]?.looks[look] { return found }
            rooms.looks += 1
            // Without a parent: several wait for it, it is over in no time, and what it logs is nobody's of them.
            let begun = (number: rooms.looks, task: Task.detached { SharedPage(try await read()) })
            rooms.all[user]?.looks[look] = begun
            return begun
        }
        defer {
            rooms.withLock { rooms in
                if rooms.all[user]?.looks[look]?.number == number { rooms.all[user]?.looks[look] = nil }
            }
        }
        return try await task.value
    }

    func wake(_ wakeup: Wakeup) {
        switch wakeup {
        // Who is shut out has no place in memory either.
        case .user(let user), .suspended(let user): wake(user)
        // Thousands may wait: the look for all finds out whom it is about.
        case .anything:
            marks.forgetAll()
            videos.forgetAll()
            poll.ring()
        case .jobs, .revoked, .models: break
        }
    }

    private func wake(_ user: UserID) {
        let waiters: [FeedWaiter] = rooms.withLock { rooms in
            rooms.all[user]?.looks = [:]
            return rooms.all[user].map { Array($0.waiters.values) } ?? []
        }
        // After the looks: nobody who may keep what it reads joins one that began before.
        marks.forget(user)
        videos.forget(user)
        for waiter in waiters { waiter.ring() }
    }

    /// Ends every wait, because the server stops.
    func wakeAll() {
        for user in rooms.withLock({ Array($0.all.keys) }) { wake(user) }
    }

    /// How many feeds wait, or look.
    var waiters: Int { rooms.withLock { $0.all.values.reduce(0) { $0 + $1.waiters.count } } }
    /// How many of them wait.
    var waiting: Int {
        rooms.withLock { $0.all.values.reduce(0) { $0 + $1.waiters.values.count { $0.known != nil } } }
    }
}

/// A feed that waits, or looks.
final class FeedWaiter: Sendable {
    private let bell = Bell()
    private let mark = Mutex<FeedMark?>(nil)
    /// The first ring since the last look.
    private let rungAt = Mutex<ContinuousClock.Instant?>(nil)

    /// What it knows; nil while it looks for itself.
    var known: FeedMark? { mark.withLock { $0 } }

    func ring() {
        rungAt.withLock { $0 = $0 ?? .now }
        bell.ring()
    }

    /// How long ago it was rung, if it was; then it starts over.
    func takeRing() -> Duration? {
        rungAt.withLock { rung in
            defer { rung = nil }
            return rung.map { .now - $0 }
        }
    }

    /// Returns true after a ring, and at once where one came since the last wait; false when the time is over.
    func wait(knowing known: FeedMark, atMost duration: Duration) async -> Bool {
        mark.withLock { $0 = known }
        defer { mark.withLock { $0 = nil } }
        return await bell.wait(atMost: duration)
    }
}

extension FeedHub {
    /// How far the feeds of these users go.
    typealias Marks = @Sendable ([UserID]) async throws -> [UserID: FeedMark]

    /// Users in one statement.
    private static let chunk = 5000
    /// While wake-ups come, the look for all is only for those that were lost, and so much rarer.
    private static let patience = 6
    /// How long one statement of it is waited for.
    private static let longestLook = Duration.seconds(20)

    /// Looks for all waiting feeds, `interval` apart, until cancelled. What cannot be asked now is asked the next time.
    func run(
        every interval: Duration, log: Logger, heartbeat: Heartbeat? = nil, isHearing: @Sendable () -> Bool,
        look: @escaping Marks
    ) async {
        defer { heartbeat?.end() }
        var (pauses, isFailing) = (0, false)
        while !Task.isCancelled {
            heartbeat?.beat()
            let isRung = await poll.wait(atMost: interval)
            if Task.isCancelled { return }
            marks.letGo()
            videos.letGo()
            pauses += 1
            guard isRung || !isHearing() || pauses >= Self.patience else { continue }
            pauses = 0
            do {
                try await wakeBehind(look)
                isFailing = false
            } catch {
                if Task.isCancelled { return }
                // Whoever waits is told of it as soon as it asks.
                if !isFailing { log.warning("cannot look for changes", metadata: ["error": "\(error)"]) }
                isFailing = true
            }
        }
    }

    /// Wakes those whose feed has gone on, or back, from what they know, or has another history. Who looks for itself right
    /// now may have looked too early, and does so once more.
    func wakeBehind(_ look: @escaping Marks) async throws {
        let rooms = rooms.withLock { $0.all.mapValues { room in Set(room.waiters.values.map(\.known)) } }
        for (user, known) in rooms where known.contains(nil) { wake(user) }
        let waiting = rooms.filter { !$0.value.contains(nil) }.map { (user: $0.key, known: $0.value) }
        for start in stride(from: 0, to: waiting.count, by: Self.chunk) {
            let part = waiting[start..<min(start + Self.chunk, waiting.count)]
            let users = part.map(\.user)
            guard let now = try await within(Self.longestLook, { try await look(users) }) else {
                throw PostgresError.unavailable("no answer in time")
            }
            for (user, known) in part where known != [now[user]] { wake(user) }
        }
    }
}
