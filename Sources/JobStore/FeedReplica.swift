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
    private let patience: Duration
    private let state = Mutex(ReplicaRest())

    /// Who waits longer than `patience` for an answer gets the primary's.
    init(conninfo: String, connections: Int, patience: Duration = .seconds(2), log: Logger) {
        // Rather the primary than a long queue.
        pool = ConnectionPool(
            conninfo: conninfo, connections: connections, applicationName: "gondola feed", kind: .reading,
            queueLimit: connections * 4)
        self.log = log
        self.patience = patience
    }

    /// Nothing that it reads is missed by anybody, so a server that does not answer holds nobody up.
    func stop() { pool.stop(until: Date(timeIntervalSinceNow: 1)) }

    /// Pages that it gave, and that it could not give.
    var counts: (served: Int, passedOver: Int) { state.withLock { ($0.served, $0.passedOver) } }

    /// A page as `read` finds it, where `confirm`, which asks the primary, agrees. Throws what `confirm` throws.
    func page(
        of user: UserID, by read: @escaping @Sendable (Connection) throws -> FeedPage,
        confirm: () async throws -> FeedStanding?
    ) async throws -> FeedPage? {
        guard let turn = state.withLock({ $0.turn(at: .now) }), let found = await look(user, turn, read) else {
            return nil
        }
        let isConfirmed = try await confirm() == found.standing
        state.withLock { $0.note(isServed: isConfirmed) }
        return isConfirmed ? found.page : nil
    }

    private func look(
        _ user: UserID, _ turn: Int, _ read: @escaping @Sendable (Connection) throws -> FeedPage
    ) async -> (page: FeedPage, standing: FeedStanding?)? {
        do {
            let found = try await inTime { try await self.ask(user, turn, read) }
            noteAnswer()
            return found
        } catch is StoreError {
            // A user or a place that it has not heard of yet.
            noteAnswer()
            state.withLock { $0.note(isServed: false) }
        } catch PostgresError.busy {
            state.withLock { $0.note(isServed: false) }
        } catch is CancellationError {
            // Nobody waits for it any more.
        } catch {
            let isNews = state.withLock { $0.rest(at: .now) }
            if isNews { log.warning("feeds are read from the primary", metadata: ["error": "\(error)"]) }
        }
        return nil
    }

    private func ask(
        _ user: UserID, _ turn: Int, _ read: @escaping @Sendable (Connection) throws -> FeedPage
    ) async throws -> (page: FeedPage, standing: FeedStanding?) {
        let begin = Connection.begin(as: user, "isolation level repeatable read read only")
        // One after the other would find out for itself that it is away.
        let isWanted: @Sendable () -> Bool = { self.state.withLock { $0.isCurrent(turn) } }
        return try await pool.transaction(begin, isWanted: isWanted) { connection in
            (page: try read(connection), standing: try connection.standingOfStandby(user))
        }
    }

    private func noteAnswer() {
        if state.withLock({ $0.recover() }) { log.info("the replica answers again") }
    }

    /// libpq waits as long as the server's kernel is there. Its thread goes on waiting; the caller does not.
    private func inTime<T: Sendable>(_ work: @escaping @Sendable () async throws -> T) async throws -> T {
        let (answers, answer) = AsyncThrowingStream<T, any Error>.makeStream()
        let limit = Task { [patience] in
            guard (try? await Task.sleep(for: patience)) != nil else { return }
            answer.finish(throwing: PostgresError.unavailable("no answer in \(patience)"))
        }
        defer { limit.cancel() }
        Task {
            do { answer.yield(try await work()) } catch { answer.finish(throwing: error) }
        }
        for try await first in answers { return first }
        throw CancellationError()
    }
}

/// When a replica that failed is asked again, so that nobody waits long for one that is away.
struct ReplicaRest: Sendable {
    static let length = Duration.seconds(5)

    private(set) var served = 0
    private(set) var passedOver = 0
    private var until: ContinuousClock.Instant?
    private var failures = 0

    /// Whoever may ask it now gets a turn, which is over once it has failed. After a rest that is one: the others wait for
    /// what comes of it.
    mutating func turn(at now: ContinuousClock.Instant) -> Int? {
        if let until {
            guard now >= until else { return nil }
            self.until = now + Self.length
        }
        return failures
    }

    func isCurrent(_ turn: Int) -> Bool { turn == failures }

    mutating func note(isServed: Bool) {
        if isServed { served += 1 } else { passedOver += 1 }
    }

    /// Whether that is news.
    mutating func rest(at now: ContinuousClock.Instant) -> Bool {
        defer { until = now + Self.length }
        passedOver += 1
        failures += 1
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
    ///
    /// Throws where the server takes writes. It is the primary by now, or always was: reading there is twice the work and
    /// saves none, so the connection is given up, and the next one looks for a standby.
    func standingOfStandby(_ user: UserID) throws -> FeedStanding? {
        try execute(FeedStatements.standing, [.id(user)]).first { row in
            guard try row.bool("is_standby") else {
                isMisplaced = true
                throw PostgresError.unavailable("what GONDOLA_DATABASE_REPLICA_URL leads to is no standby")
            }
            return try FeedStanding(row)
        }
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
