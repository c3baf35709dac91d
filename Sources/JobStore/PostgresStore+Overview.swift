public import Foundation
public import VideoModels

/// How the whole deployment stands, from the database.
public struct EngineOverview: Hashable, Sendable {
    /// Jobs that have not come to rest, by state. `waiting_turn` are accepted ones that wait for another of their user's to
    /// end, `cleaning_up` finished ones whose copy upstream is to be removed.
    public var jobs: [String: Int]
    /// For how long the oldest job is due that nobody has taken; nil where none is.
    public var dueSeconds: TimeInterval?
    /// For how long a job waits for a person.
    public var attentionSeconds: TimeInterval?
    public var spentToday: Money
    public var spentThisMonth: Money
    /// By the database's clock.
    public var at: Date

    /// Every key of `jobs`, in the order of a job's way.
    public static let states = [
        "waiting_turn", "accepted", "quoted", "submitting", "rendering", "downloading", "cleaning_up", "attention",
    ]
}

extension PostgresStore {
    /// Reads how things stand. Looks at no ended job, and gives up after `seconds`.
    public func overview(within seconds: TimeInterval = 2) async throws -> EngineOverview {
        try await pool.transaction(Self.bounded(seconds)) { connection in
            let counts = try connection.execute(OverviewStatements.jobs).map { row in
                (try row.text("state"), try row.int("count"))
            }
            let waits = try connection.execute(OverviewStatements.waits).first { row in
                (
                    now: try row.date("now"), due: try row.optional("due_seconds", Row.double),
                    attention: try row.optional("attention_seconds", Row.double)
                )
            }
            let spent = try connection.execute(BudgetStatements.readAll).first { row in
                (today: try row.money("today"), month: try row.money("this_month"))
            }
            guard let waits, let spent else { throw PostgresError.unexpectedRow("no overview") }
            let none = Dictionary(EngineOverview.states.map { ($0, 0) }) { first, _ in first }
            return EngineOverview(
                jobs: none.merging(counts) { $1 }, dueSeconds: waits.due.flatMap { $0 > 0 ? $0 : nil },
                attentionSeconds: waits.attention, spentToday: spent.today, spentThisMonth: spent.month, at: waits.now)
        }
    }

    /// The jobs that have been under way for the longest, oldest first, each with its user's name.
    public func slowestJobs(limit: Int) async throws -> [(record: JobRecord, userName: String)] {
        try await pool.transaction(Self.bounded(5)) { connection in
            try connection.execute(OverviewStatements.slowest, [.int(limit)]).map { row in
                (record: try JobRecord(row, secrets: nil), userName: try row.text("user_name"))
            }
        }
    }

    /// Where a job stands among those of its user, and among the submissions of its account.
    public func line(of record: JobRecord) async throws -> JobLine {
        let values: [Value] = [
            .id(record.user), .id(record.id), .int(record.priority.rank), .text(record.account), .int(activeJobs),
        ]
        return try await pool.transaction(Self.bounded(5)) { connection in
            let found = try connection.execute(OverviewStatements.line, values).first { row in
                JobLine(
                    at: try row.date("now"), active: try row.int("active_jobs"), limit: try row.int("active_limit"),
                    ahead: try row.int("ahead"), submissions: try row.int("submissions"), users: try row.int("users"))
            }
            guard let found else { throw StoreError.notFound }
            return found
        }
    }

    /// What begins a look that must not take long, whatever the tables hold.
    private static func bounded(_ seconds: TimeInterval) -> String {
        "begin isolation level repeatable read read only; set local statement_timeout = \(Int(seconds * 1000))"
    }

    /// How the connections are used, now and since the start.
    public var poolReports: [PoolReport] { [hot.report(named: "hot"), pool.report(named: "plain")] }
}

/// Where a job stands among others.
public struct JobLine: Hashable, Sendable {
    /// By the database's clock.
    public var at = Date.distantPast
    /// Jobs of its user that are under way, and how many may be.
    public var active = 0
    public var limit = 0
    /// Of its user's jobs that wait for their turn, those that come before it.
    public var ahead = 0
    /// Jobs of its account that are priced and not submitted yet, and how many users they are of.
    public var submissions = 0
    public var users = 0

    /// Where nobody waits.
    public init() {}

    init(at: Date, active: Int, limit: Int, ahead: Int, submissions: Int, users: Int) {
        (self.at, self.active, self.limit, self.ahead) = (at, active, limit, ahead)
        (self.submissions, self.users) = (submissions, users)
    }
}

/// How one pool of connections is used.
public struct PoolReport: Hashable, Sendable {
    public var name: String
    public var connections: Int
    /// At work now.
    public var busy: Int
    /// Units of work that wait for a connection now.
    public var queued: Int
    /// How long units of work have waited: how many up to each of `bounds`, and above all of them.
    public var waits: [Int]
    public var waitSeconds: TimeInterval

    /// In seconds.
    public static let bounds = [0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
}
