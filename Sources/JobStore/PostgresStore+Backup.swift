import CLibpq
public import Foundation
public import VideoModels

/// What a backup notes of the database beside its dump.
public struct DatabaseFacts: Hashable, Sendable {
    /// By the database's clock.
    public var at: Date
    public var epoch: String
    public var serverVersion: String
    public var migrations: [String]
    /// The id of the key that its secrets are sealed with.
    public var sealingKeyID: String?
}

/// What a restore left behind.
public struct RestoredJobs: Hashable, Sendable, Codable {
    /// Unpaid in the backup, and perhaps paid since: they wait for a person.
    public var held: Int
    /// Of unknown outcome: they wait for a person.
    public var unknown: Int
    /// These go on by themselves and may be paid.
    public var unpaid: Int
    /// Paid, and on their way.
    public var paid: Int
}

extension PostgresStore {
    /// Hands out one moment of the database, for as long as `body` takes: by the name of an exported snapshot, as facts, and
    /// as a list of all that must be in storage at that moment.
    ///
    /// `body` runs on a thread of its own and may block.
    public func withSnapshot<T: Sendable>(
        _ body:
            @escaping @Sendable (
                _ name: String, _ facts: DatabaseFacts, _ objects: ((ExpectedObject) throws -> Void) throws -> Void
            ) throws -> T
    ) async throws -> T {
        try await pool.transaction("begin isolation level repeatable read read only") { connection in
            try connection.run("set local idle_in_transaction_session_timeout = 0; set local statement_timeout = 0")
            let name = try connection.execute(BackupStatements.exportSnapshot).first { try $0.text("name") }
            let facts = try connection.execute(BackupStatements.facts).first { try DatabaseFacts($0) }
            guard let name, let facts else { throw PostgresError.unexpectedRow("the database has no epoch") }
            return try body(name, facts) { receive in try connection.eachExpectedObject(receive) }
        }
    }

    /// Whether there is no table at all, of Gondola's or of anybody.
    public func isEmpty() async throws -> Bool {
        try await pool.run { try $0.execute(BackupStatements.isEmpty).first { try $0.bool("is_empty") } ?? true }
    }

    /// How many other processes of Gondola's are connected to this database.
    public func otherSessions() async throws -> Int {
        try await pool.run { try $0.execute(BackupStatements.sessions).first { try $0.int("sessions") } ?? 0 }
    }

    /// The epoch of the data; nil in a database without Gondola's tables.
    public func epoch() async throws -> String? {
        if try await isEmpty() { return nil }
        return try await pool.run { try $0.execute(BackupStatements.epoch).first { try $0.text("epoch") } }
    }

    /// What tells this database from every other.
    public func place() async throws -> String? {
        try await pool.run { try $0.execute(BackupStatements.place).first { try $0.text("place") } }
    }

    /// A page of the jobs that wait since they may have been paid in the time that a restore lost.
    public func doubtfulJobs(
        after place: (user: UserID, job: JobID)?, limit: Int
    ) async throws -> [(user: UserID, job: JobID)] {
        let nothing = "00000000-0000-0000-0000-000000000000"
        let values: [Value] = [
            .text(place?.user.description ?? nothing), .text(place?.job.description ?? nothing), .int(limit),
        ]
        return try await pool.run { connection -> [(user: UserID, job: JobID)] in
            try connection.execute(BackupStatements.doubtful, values).map { row -> (user: UserID, job: JobID) in
                (try row.id("user_id"), try row.id("id"))
            }
        }
    }

    /// Says beside such a job that its video lies in storage under this key. Before anybody follows the new epoch: nothing
    /// draws a sequence.
    public func noteStoredVideo(of job: JobID, user: UserID, key: String) async throws {
        try await pool.run { _ = try $0.execute(BackupStatements.noteVideo, [.id(user), .id(job), .text(key)]) }
    }

    public func restoredJobs() async throws -> RestoredJobs {
        let found = try await pool.run { connection in
            try connection.execute(BackupStatements.leftovers).first { row in
                RestoredJobs(
                    held: try row.int("held"), unknown: try row.int("unknown"), unpaid: try row.int("unpaid"),
                    paid: try row.int("paid"))
            }
        }
        return found ?? RestoredJobs(held: 0, unknown: 0, unpaid: 0, paid: 0)
    }
}

extension Connection {
    fileprivate func eachExpectedObject(_ receive: (ExpectedObject) throws -> Void) throws {
        var place: ExpectedObject.Place?
        while true {
            let page = try expectedObjects(after: place, limit: 1000)
            for object in page { try receive(object) }
            guard page.count == 1000 else { return }
            place = page.last?.place
        }
    }
}

extension DatabaseFacts {
    fileprivate init(_ row: Row) throws {
        let names = Data(try row.text("migrations").utf8)
        self.init(
            at: try row.date("at"), epoch: try row.text("epoch"), serverVersion: try row.text("server_version"),
            migrations: try Wire.decode([String].self, from: names),
            sealingKeyID: try row.optionalText("mark").map { String($0.prefix(8)) })
    }
}

/// How programs of Postgres are told where the database is: by environment, where a password does not show in the list
/// of processes.
public enum ConnectionWords {
    /// What `conninfo` says, as libpq's variables.
    public static func environment(_ conninfo: String) -> [String: String] {
        guard let options = PQconninfoParse(conninfo, nil) else { return ["PGDATABASE": conninfo] }
        defer { PQconninfoFree(options) }
        var words: [String: String] = [:]
        var option = options
        while option.pointee.keyword != nil {
            if let name = option.pointee.envvar, let value = option.pointee.val {
                words[String(cString: name)] = String(cString: value)
            }
            option += 1
        }
        return words
    }
}
