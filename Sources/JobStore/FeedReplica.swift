import Foundation
import Logging
import Synchronization
import VideoModels

/// A standby that feeds may be read from.
///
/// What it shows may be old, and around a failover even of a history that was lost. So a page of it counts only if the
/// primary, asked afterwards, is at the same sequence of that user on the same timeline: then it is the very page that the
/// primary would have given, and no cursor of it leads where the primary has not been. Whatever else it answers, errors
/// included, the primary is read instead.
final class FeedReplica: Sendable {
    private let pool: ConnectionPool
    private let log: Logger
    private let state = Mutex(ReplicaRest())

    init(conninfo: String, connections: Int, log: Logger) {
        // Rather the primary than a long queue.
        pool = ConnectionPool(
            conninfo: conninfo, connections: connections, applicationName: "gondola feed", kind: .reading,
            queueLimit: connections * 4)
        self.log = log
    }

    func stop() { pool.stop() }

    /// Pages that it gave, and that it could not give.
    var counts: (served: Int, passedOver: Int) { state.withLock { ($0.served, $0.passedOver) } }

    /// A page as `read` finds it, where `confirm`, which asks the primary, agrees. Throws what `confirm` throws.
    func page(
        of user: UserID, by read: @escaping @Sendable (Connection) throws -> FeedPage,
        confirm: () async throws -> FeedStanding?
    ) async throws -> FeedPage? {
        guard state.withLock({ $0.mayBeAsked(at: .now) }), let found = await look(user, read) else { return nil }
        let isConfirmed = try await confirm() == found.standing
        state.withLock { $0.note(isServed: isConfirmed) }
        return isConfirmed ? found.page : nil
    }

    private func look(
        _ user: UserID, _ read: @escaping @Sendable (Connection) throws -> FeedPage
    ) async -> (page: FeedPage, standing: FeedStanding?)? {
        do {
            let begin = Connection.begin(as: user, "isolation level repeatable read read only")
            let found = try await pool.transaction(begin) { (try read($0), try $0.standing(of: user)) }
            if state.withLock({ $0.recover() }) { log.info("the replica answers again") }
            return (page: found.0, standing: found.1)
        } catch is StoreError {
            // A user or a place that it has not heard of yet.
            state.withLock { $0.note(isServed: false) }
        } catch PostgresError.busy {
            state.withLock { $0.note(isServed: false) }
        } catch {
            let isNews = state.withLock { $0.rest(at: .now) }
            if isNews { log.warning("feeds are read from the primary", metadata: ["error": "\(error)"]) }
        }
        return nil
    }
}

/// When a replica that failed is asked again, so that nobody waits long for one that is away.
struct ReplicaRest: Sendable {
    static let length = Duration.seconds(5)

    private(set) var served = 0
    private(set) var passedOver = 0
    private var until: ContinuousClock.Instant?

    func mayBeAsked(at now: ContinuousClock.Instant) -> Bool { until.map { now >= $0 } ?? true }

    mutating func note(isServed: Bool) {
        if isServed { served += 1 } else { passedOver += 1 }
    }

    /// Whether that is news.
    mutating func rest(at now: ContinuousClock.Instant) -> Bool {
        defer { until = now + Self.length }
        passedOver += 1
        return until == nil
    }

    /// Whether that is news.
    mutating func recover() -> Bool {
        defer { until = nil }
        return until != nil
    }
}

/// Where a user's feed stands on one server.
struct FeedStanding: Hashable, Sendable {
    var mark: FeedMark
    /// The server's line of history, which branches with every failover.
    var timeline: Int64
}

extension Connection {
    /// Nil for a user that the server does not know. Belongs to the caller's transaction.
    func standing(of user: UserID) throws -> FeedStanding? {
        try execute(FeedStatements.standing, [.id(user)]).first(FeedStanding.init)
    }
}

extension FeedStanding {
    init(_ row: Row) throws {
        guard let epoch = UUID(uuidString: try row.text("epoch")) else {
            throw PostgresError.unexpectedRow("the epoch is malformed")
        }
        mark = FeedMark(epoch: epoch, sequence: try row.int64("change_sequence"))
        timeline = try row.int64("timeline")
    }
}
