import JobStore
import Synchronization
import VideoModels

/// Wakes the waiting feeds of a user. Wake-ups are hints: a waiter looks at the database again in any case.
final class FeedHub: Sendable {
    private let waiting = Mutex<[UserID: [ObjectIdentifier: Bell]]>([:])

    /// Runs `body` with a bell that rings when something of the user may have changed, from before `body` begins: a
    /// change between a look and a wait is not missed.
    func subscribed<T: Sendable>(_ user: UserID, _ body: (Bell) async throws -> T) async rethrows -> T {
        let bell = Bell()
        waiting.withLock { $0[user, default: [:]][ObjectIdentifier(bell)] = bell }
        defer {
            waiting.withLock { waiting in
                waiting[user]?[ObjectIdentifier(bell)] = nil
                if waiting[user]?.isEmpty == true { waiting[user] = nil }
            }
        }
        return try await body(bell)
    }

    func wake(_ wakeup: Wakeup) {
        let bells: [Bell] = waiting.withLock { waiting in
            switch wakeup {
            case .user(let user): Array(waiting[user, default: [:]].values)
            case .anything: waiting.values.flatMap { Array($0.values) }
            case .jobs: []
            }
        }
        for bell in bells { bell.ring() }
    }

    /// How many feeds wait now.
    var waiters: Int { waiting.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}
