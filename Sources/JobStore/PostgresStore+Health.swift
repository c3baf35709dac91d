public import Foundation
import Logging

/// How the database server is set up, and what time it thinks it is.
public struct ServerFacts: Hashable, Sendable {
    public var now: Date
    /// As `server_version_num`: 150004.
    public var version: Int
    public var versionWords: String
    public var isReplica: Bool
    /// `fsync` and `full_page_writes`.
    public var isDurable: Bool
    public var synchronousCommit: String
    public var hasAutovacuum: Bool
    public var connections: Int
    public var connectionLimit: Int
    public var passesRowSecurity: Bool

    public init(
        now: Date, version: Int, versionWords: String, isReplica: Bool, isDurable: Bool, synchronousCommit: String,
        hasAutovacuum: Bool, connections: Int, connectionLimit: Int, passesRowSecurity: Bool
    ) {
        (self.now, self.version, self.versionWords, self.isReplica) = (now, version, versionWords, isReplica)
        (self.isDurable, self.synchronousCommit) = (isDurable, synchronousCommit)
        (self.hasAutovacuum, self.connections) = (hasAutovacuum, connections)
        (self.connectionLimit, self.passesRowSecurity) = (connectionLimit, passesRowSecurity)
    }
}

/// What keeps the server from tidying up behind old snapshots.
public struct TransactionFacts: Hashable, Sendable {
    /// The oldest that is open, and whose it is.
    public var transactionSeconds: TimeInterval?
    public var transactionWords: String?
    /// The oldest that was prepared and never ended.
    public var preparedSeconds: TimeInterval?
    /// The oldest snapshot that a replication slot keeps, in transactions.
    public var slotAge: Int?
    /// Sessions of which this role sees nothing.
    public var hidden: Int

    public init(
        transactionSeconds: TimeInterval? = nil, transactionWords: String? = nil, preparedSeconds: TimeInterval? = nil,
        slotAge: Int? = nil, hidden: Int = 0
    ) {
        (self.transactionSeconds, self.transactionWords) = (transactionSeconds, transactionWords)
        (self.preparedSeconds, self.slotAge, self.hidden) = (preparedSeconds, slotAge, hidden)
    }
}

/// One table, by the server's own statistics.
public struct TableFacts: Hashable, Sendable {
    public var name: String
    public var live: Int
    public var dead: Int
    /// Since it was last vacuumed; nil if never, or not since the statistics began.
    public var vacuumSeconds: TimeInterval?
    /// Transactions since its oldest row was frozen, and at how many the server vacuums in any case.
    public var age: Int
    public var freezeAge: Int

    public init(
        name: String, live: Int, dead: Int, vacuumSeconds: TimeInterval? = nil, age: Int = 0,
        freezeAge: Int = 200_000_000
    ) {
        (self.name, self.live, self.dead, self.vacuumSeconds) = (name, live, dead, vacuumSeconds)
        (self.age, self.freezeAge) = (age, freezeAge)
    }
}

extension PostgresStore {
    public func serverFacts() async throws -> ServerFacts {
        let found = try await pool.run { connection in
            try connection.execute(HealthStatements.server).first { row in
                ServerFacts(
                    now: try row.date("now"), version: try row.int("version"),
                    versionWords: try row.text("version_words"), isReplica: try row.bool("is_replica"),
                    isDurable: try row.bool("is_durable"), synchronousCommit: try row.text("synchronous_commit"),
                    hasAutovacuum: try row.text("autovacuum") == "on", connections: try row.int("connections"),
                    connectionLimit: try row.int("connections_limit"),
                    passesRowSecurity: try row.bool("passes_row_security"))
            }
        }
        guard let found else { throw PostgresError.unexpectedRow("the server says nothing of itself") }
        return found
    }

    public func transactionFacts() async throws -> TransactionFacts {
        let found = try await pool.run { connection in
            try connection.execute(HealthStatements.transactions).first { row in
                TransactionFacts(
                    transactionSeconds: try row.optional("transaction_seconds", Row.double),
                    transactionWords: try row.optionalText("transaction_words"),
                    preparedSeconds: try row.optional("prepared_seconds", Row.double),
                    slotAge: try row.optional("slot_age", Row.int), hidden: try row.int("hidden"))
            }
        }
        return found ?? TransactionFacts()
    }

    /// Those with the most dead rows first.
    public func tableFacts() async throws -> [TableFacts] {
        try await pool.run { connection in
            try connection.execute(HealthStatements.tables).map { row in
                TableFacts(
                    name: try row.text("name"), live: try row.int("live"), dead: try row.int("dead"),
                    vacuumSeconds: try row.optional("vacuum_seconds", Row.double), age: try row.int("age"),
                    freezeAge: try row.int("freeze_age"))
            }
        }
    }

    /// Whether a notification that is sent comes back within so many seconds. Uses a channel of its own, so no process is woken.
    public func hearsNotifications(within seconds: TimeInterval) async -> Bool {
        let (signals, continuation) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(16))
        let token = UUID().uuidString
        var quiet = log
        quiet.logLevel = .critical
        let listener = Listener(conninfo: direct, channel: "gondola_doctor", log: quiet) { payload in
            if payload == nil { continuation.yield(.listening) }
            if payload == token { continuation.yield(.heard) }
        }
        let timer = Task {
            if (try? await Task.sleep(for: .seconds(seconds))) != nil { continuation.yield(.late) }
        }
        defer {
            timer.cancel()
            // Stopping may wait for a connection that is just being made, and nobody waits for that.
            Thread { listener.stop() }.start()
        }
        for await signal in signals {
            switch signal {
            case .listening: _ = try? await pool.run { try $0.execute(HealthStatements.echo, [.text(token)]).count }
            case .heard: return true
            case .late: return false
            }
        }
        return false
    }

    private enum Signal: Sendable { case listening, heard, late }

    /// Whether this store's keys fit the database's secrets; nil before the first process has started on it.
    public func fitsSealingKey() async throws -> Bool? {
        guard let needed = try await sealingKeyID() else { return nil }
        return secrets?.marks.contains { $0.hasPrefix(needed) } ?? false
    }
}
