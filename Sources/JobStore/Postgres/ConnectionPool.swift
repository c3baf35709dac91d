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
    private let queueLimit: Int
    private let condition = NSCondition()
    // Guarded by `condition`.
    private var waiting: Deque<Work> = []
    private var isStopping = false
    private var running: Int

    init(conninfo: String, connections: Int, applicationName: String, queueLimit: Int = 4096) {
        self.conninfo = conninfo
        self.applicationName = applicationName
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
    /// After `.unavailable` the commit may have happened.
    func transaction<T: Sendable>(
        _ begin: String = "begin", _ body: @escaping @Sendable (Connection) throws -> T
    ) async throws -> T {
        try await withConnection(retryingFirst: begin) { connection in
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
        retryingFirst begin: String?, _ body: @escaping @Sendable (Connection) throws -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let accepted = enqueue { slot in
                continuation.resume(with: Result { try body(try slot.connection(beginning: begin)) })
            }
            if let refusal = accepted { continuation.resume(throwing: refusal) }
        }
    }

    private func enqueue(_ work: @escaping Work) -> PostgresError? {
        condition.lock()
        defer { condition.unlock() }
        if isStopping { return .unavailable("the pool is closed") }
        if waiting.count >= queueLimit { return .busy }
        waiting.append(work)
        condition.signal()
        return nil
    }

    /// Finishes what was handed over, closes the connections and ends the threads.
    func stop() {
        condition.lock()
        isStopping = true
        condition.broadcast()
        while running > 0 { condition.wait() }
        condition.unlock()
    }

    private func serve() {
        let slot = Slot(conninfo: conninfo, applicationName: applicationName)
        while let work = next() { work(slot) }
        slot.close()
        condition.lock()
        running -= 1
        condition.broadcast()
        condition.unlock()
    }

    private func next() -> Work? {
        condition.lock()
        defer { condition.unlock() }
        while waiting.isEmpty, !isStopping { condition.wait() }
        return waiting.popFirst()
    }
}

/// A thread's place for its connection, made when needed and dropped when broken.
private final class Slot {
    private let conninfo: String
    private let applicationName: String
    private var current: Connection?

    init(conninfo: String, applicationName: String) {
        self.conninfo = conninfo
        self.applicationName = applicationName
    }

    /// A connection that has just answered. One that died while idle (a restarted server) is replaced unseen, which is
    /// safe since nothing has been asked of it but to begin.
    func connection(beginning begin: String?) throws -> Connection {
        if let current, answers(current, begin) { return current }
        current = nil
        let fresh = try Connection(conninfo, applicationName: applicationName)
        try fresh.run(begin ?? "")
        current = fresh
        return fresh
    }

    private func answers(_ connection: Connection, _ begin: String?) -> Bool {
        !connection.isBroken && (try? connection.run(begin ?? "")) != nil
    }

    func close() { current = nil }
}
