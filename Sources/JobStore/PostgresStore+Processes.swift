public import Foundation
public import VideoModels

/// One running process in the register.
public enum ProcessEntity {}
/// Names one run of a process: started again, it is another.
public typealias ProcessID = Identifier<ProcessEntity>

/// What a process says of itself each time.
public struct ProcessBeat: Hashable, Sendable {
    public var id: ProcessID
    /// As `jobs.leased_by` names it.
    public var name: String
    public var host: String
    public var pid: Int
    public var version: String
    public var roles: [ProcessRecord.Role]
    /// How often it means to say so, in seconds.
    public var interval: TimeInterval
    public var opsListen: String
    public var feedClients = 0
    public var jobsInHand = 0
    /// Loops that should have gone round by now and have not.
    public var stuckLoops: [String] = []
    public var isDraining = false
    public var recent = RecentFigures()

    public init(
        id: ProcessID, name: String, host: String, pid: Int, version: String, roles: [ProcessRecord.Role],
        interval: TimeInterval, opsListen: String
    ) {
        (self.id, self.name, self.host, self.pid, self.version) = (id, name, host, pid, version)
        (self.roles, self.interval, self.opsListen) = (roles, interval, opsListen)
    }
}

/// What a process has done in the last minute or so.
public struct RecentFigures: Hashable, Sendable, Codable {
    /// So many seconds these figures are of.
    public var seconds: TimeInterval = 0
    /// Jobs that entered a state, by state.
    public var entered: [String: Int] = [:]
    /// Renderings that were found finished, and how long they can have lain there, all together.
    public var detected = 0
    public var detectionLagSeconds: TimeInterval = 0

    /// Nothing yet.
    public init() {}

    enum CodingKeys: String, CodingKey {
        case seconds, entered, detected
        case detectionLagSeconds = "detection_lag_seconds"
    }
}

/// A process as the register knows it.
public struct ProcessRecord: Hashable, Sendable, Encodable {
    public var id: ProcessID
    /// As `jobs.leased_by` names it.
    public var name: String
    public var host: String
    public var pid: Int
    public var version: String
    public var roles: [Role]
    public var startedAt: Date
    public var seenAt: Date
    /// Since it last said that it is there, by the database's clock.
    public var silentSeconds: TimeInterval
    /// How often it means to.
    public var beatSeconds: TimeInterval
    public var opsListen: String
    public var feedClients: Int
    public var jobsInHand: Int
    /// Leases that it holds in the database.
    public var leases: Int
    public var stuckLoops: [String]
    public var drainAskedAt: Date?
    public var isDraining: Bool
    public var recent: RecentFigures

    public var standing: Standing

    /// What a process is there for. The order is the database's.
    public enum Role: String, Hashable, Sendable, Codable, CaseIterable { case api, worker }

    /// In one word for the operator.
    public enum Standing: String, Hashable, Sendable, Encodable {
        case working, draining
        /// Lives, but a loop of it stands still.
        case stuck
        /// Has not said for some time that it is there: ended without a word, or cut off from the database.
        case silent
    }

    enum CodingKeys: String, CodingKey {
        case id, name, host, pid, version, roles, leases, standing, recent
        case startedAt = "started_at"
        case seenAt = "seen_at"
        case silentSeconds = "silent_seconds"
        case beatSeconds = "beat_seconds"
        case opsListen = "ops_listen"
        case feedClients = "feed_clients"
        case jobsInHand = "jobs_in_hand"
        case stuckLoops = "stuck_loops"
        case drainAskedAt = "drain_asked_at"
        case isDraining = "is_draining"
    }
}

extension PostgresStore {
    /// Writes that the process is there. Returns whether it is asked to drain.
    public func beat(_ beat: ProcessBeat) async throws -> Bool {
        let roles = beat.roles.sorted { $0.rawValue < $1.rawValue }
        let values: [Value] = [
            .id(beat.id), .text(String(beat.name.prefix(200))), .text(String(beat.host.prefix(200))), .int(beat.pid),
            .text(String(beat.version.prefix(80))), .texts(roles) { $0.rawValue }, .double(beat.interval),
            .text(String(beat.opsListen.prefix(300))), .int(beat.feedClients), .int(beat.jobsInHand),
            .texts(beat.stuckLoops) { $0 }, .bool(beat.isDraining), try .json(beat.recent),
        ]
        return try await pool.run { connection in
            try connection.execute(ProcessStatements.beat, values).first { try $0.bool("is_asked_to_drain") } ?? false
        }
    }

    /// The process ends in order: its row goes.
    public func end(_ process: ProcessID) async throws {
        try await pool.run { _ = try $0.execute(ProcessStatements.end, [.id(process)]) }
    }

    /// Oldest first. One that ended without a word stays for a day, and is `silent`.
    public func processes(limit: Int = 1000) async throws -> [ProcessRecord] {
        try await pool.run { connection in
            try connection.execute(ProcessStatements.list, [.int(limit)]).map(ProcessRecord.init)
        }
    }

    /// Asks processes to end as on SIGTERM: they take nothing new, bring what they hold to its next durable point, and end.
    /// Returns those that there are.
    public func askToDrain(_ processes: [ProcessID]) async throws -> [ProcessID] {
        try await pool.run { connection in
            try connection.execute(ProcessStatements.askToDrain, [.uuids(processes) { $0.uuid }])
                .map { try $0.id("id") }
        }
    }
}

extension ProcessRecord {
    fileprivate init(_ row: Row) throws(PostgresError) {
        let roles = try row.text("role_words").split(separator: " ").compactMap { Role(rawValue: String($0)) }
        let stuck = try row.text("stuck_words").split(separator: " ").map(String.init)
        let (silent, beat) = (try row.double("silent_seconds"), try row.double("beat_seconds"))
        let drainAskedAt = try row.optional("drain_asked_at", Row.date)
        let isDraining = try row.bool("is_draining")
        // Of another version, perhaps: what cannot be read is none.
        let recent = (try? Wire.decode(RecentFigures.self, from: row.data("recent"))) ?? RecentFigures()
        let standing: Standing =
            silent > max(3 * beat, 10)
            ? .silent : !stuck.isEmpty ? .stuck : isDraining || drainAskedAt != nil ? .draining : .working
        self.init(
            id: try row.id("id"), name: try row.text("name"), host: try row.text("host"), pid: try row.int("pid"),
            version: try row.text("version"), roles: roles, startedAt: try row.date("started_at"),
            seenAt: try row.date("seen_at"), silentSeconds: silent, beatSeconds: beat,
            opsListen: try row.text("ops_listen"), feedClients: try row.int("feed_clients"),
            jobsInHand: try row.int("jobs_in_hand"), leases: try row.int("leases"), stuckLoops: stuck,
            drainAskedAt: drainAskedAt, isDraining: isDraining, recent: recent, standing: standing)
    }
}
