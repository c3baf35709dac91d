import Collections
import Foundation

/// A fixed number of connections, each on a thread of its own, and one bounded queue of work before them.
///
/// libpq blocks, so it stays off Swift's cooperative threads: a caller hands over a whole unit of work (a transaction)
/// and awaits its result. One hop costs about 12 µs, so a unit is never a single statement of several.
final class ConnectionPool: @unchecked Sendable {
    /// Given a connection, or why there is none.
    private typealias Work = @Sendable (Slot) -> Void

    private let conninfo: String
    private let applicationName: String
    private let kind: SessionSettings
    private let queueLimit: Int
    private let condition = NSCondition()
    // Guarded by `condition`.
    private var waiting: Deque<(work: Work, since: ContinuousClock.Instant)> = []
    private var isStopping = false
    private var running: Int
    private var busy = 0
    /// The last slow attempt at a connection that came to nothing, if none has succeeded since.
    private var failure: (at: ContinuousClock.Instant, error: any Error)?
    private var waits = Array(repeating: 0, count: PoolReport.bounds.count + 1)
    private var waited = Duration.zero

    init(
        conninfo: String, connections: Int, applicationName: String, kind: SessionSettings = .plain,
        queueLimit: Int = 4096
    ) {
        self.conninfo = conninfo
        self.applicationName = applicationName
        self.kind = kind
        self.queueLimit = queueLimit
        running = connections
        for number in 0..<connections {
            let thread = Thread { [self] in serve() }
            thread.name = "postgres \(number)"
            thread.start()
        }
    }

    /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
    ///
    /// After `.unavailable` the commit may have happened. `isWanted` is asked when its turn comes; if it is not, that is
    /// `.busy`.
    func transaction<T: Sendable>(
        _ begin: String = "begin", isWanted: @escaping @Sendable () -> Bool = { true },
        _ body: @escaping @Sendable (Connection) throws -> T
    ) async throws -> T {
        try await withConnection(retryingFirst: begin, isWanted: isWanted) { connection in
            do {
                let value = try body(connection)
                try connection.run("commit")
                return value
            } catch {
                if !connection.isBroken { try? connection.run("rollback") }
                throw error
            }
        }
    }

    /// Runs `body` on a connection outside a transaction; each statement is one of its own.
    func run<T: Sendable>(_ body: @escaping @Sendable (Connection) throws -> T) async throws -> T {
        try await withConnection(retryingFirst: nil, body)
    }

    private func withConnection<T: Sendable>(
        retryingFirst begin: String?, isWanted: @escaping @Sendable () -> Bool = { true },
        _ body: @escaping @Sendable (Connection) throws -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let accepted = enqueue { slot in
                continuation.resume(
                    with: Result {
                        guard isWanted() else { throw PostgresError.busy }
                        return try body(try slot.connection(beginning: begin))
                    })
            }
            if let refusal = accepted { continuation.resume(throwing: refusal) }
        }
    }

    /// Hands `body` over without waiting: it is called once, on a connection's thread, with a way to get the connection, or
    /// at once with the reason why there is none.
    func hand(over body: @escaping @Sendable (() throws -> Connection) -> Void) {
        if let refusal = enqueue({ slot in body { try slot.connection(beginning: nil) } }) { body { throw refusal } }
    }

    private func enqueue(_ work: @escaping Work) -> PostgresError? {
        condition.lock()
        defer { condition.unlock() }
        if isStopping { return .unavailable("the pool is closed") }
        if waiting.count >= queueLimit { return .busy }
        waiting.append((work, .now))
        condition.signal()
        return nil
    }

    /// Finishes what was handed over, closes the connections and ends the threads. What has not ended by `end` is left to
    /// itself.
    func stop(until end: Date? = nil) {
        condition.lock()
        isStopping = true
        condition.broadcast()
        while running > 0 {
            guard let end else {
                condition.wait()
                continue
            }
            if !condition.wait(until: end) { break }
        }
        condition.unlock()
    }

    private func serve() {
        let slot = Slot(conninfo: conninfo, applicationName: applicationName, kind: kind) { [self] in
            note($0, since: $1)
        }
        var hasWorked = false
        while let work = next(hasWorked, slot) {
            work(slot)
            hasWorked = true
        }
        slot.close()
        condition.lock()
        running -= 1
        condition.broadcast()
        condition.unlock()
    }

    /// An attempt at a connection is over that began then. Where a server swallows packets each takes its whole time: whoever
    /// has waited through one does not wait for another of its own, or the queue would go down by one in each.
    private func note(_ error: (any Error)?, since begin: ContinuousClock.Instant) {
        condition.lock()
        defer { condition.unlock() }
        if let error {
            if ContinuousClock.now - begin >= Self.slowAttempt { failure = (begin, error) }
        } else {
            failure = nil
        }
    }

    /// Attempts that fail faster than this empty the queue by themselves.
    private static let slowAttempt = Duration.seconds(1)

    /// Counts the last piece of work as done, and waits for the next.
    private func next(_ hasWorked: Bool, _ slot: Slot) -> Work? {
        condition.lock()
        defer { condition.unlock() }
        if hasWorked { busy -= 1 }
        while waiting.isEmpty, !isStopping { condition.wait() }
        guard let (work, since) = waiting.popFirst() else { return nil }
        busy += 1
        slot.refusal = failure.flatMap { since < $0.at ? $0.error : nil }
        let wait = ContinuousClock.now - since
        waited += wait
        waits[PoolReport.bounds.firstIndex { wait <= .seconds($0) } ?? PoolReport.bounds.count] += 1
        return work
    }

    /// How it is used, now and since the start.
    func report(named name: String) -> PoolReport {
        condition.lock()
        defer { condition.unlock() }
        return PoolReport(
            name: name, connections: running, busy: busy, queued: waiting.count, waits: waits,
            waitSeconds: waited / .seconds(1))
    }
}

/// A thread's place for its connection, made when needed and dropped when broken.
private final class Slot {
    private let conninfo: String
    private let applicationName: String
    private let kind: SessionSettings
    /// Told of each attempt at a connection: what it failed with, if it did, and when it began.
    private let note: ((any Error)?, ContinuousClock.Instant) -> Void
    private var current: Connection?
    private var lastUse = ContinuousClock.now
    /// Why the work at hand gets no new connection.
    var refusal: (any Error)?

    init(
        conninfo: String, applicationName: String, kind: SessionSettings,
        note: @escaping ((any Error)?, ContinuousClock.Instant) -> Void
    ) {
        self.conninfo = conninfo
        self.applicationName = applicationName
        self.kind = kind
        self.note = note
    }

    /// A connection that works. One that died while idle (a restarted server) is replaced unseen, which is safe since
    /// nothing has been asked of it but to begin.
    func connection(beginning begin: String?) throws -> Connection {
        defer { lastUse = .now }
        if let current, answers(current, begin) { return current }
        current = nil
        if let refusal { throw refusal }
        let fresh = try connect()
        if let begin { try fresh.run(begin) }
        current = fresh
        return fresh
    }

    private func connect() throws -> Connection {
        let begin = ContinuousClock.now
        do {
            let fresh = try Connection(conninfo, applicationName: applicationName, kind: kind)
            note(nil, begin)
            return fresh
        } catch {
            note(error, begin)
            throw error
        }
    }

    /// What has just been used is not asked again, which would be a trip for each piece of work.
    private func answers(_ connection: Connection, _ begin: String?) -> Bool {
        guard !connection.isBroken, connection.isQuiet else { return false }
        if begin == nil, ContinuousClock.now - lastUse < .seconds(1) { return true }
        return (try? connection.run(begin ?? "")) != nil
    }

    func close() { current = nil }
}
