import Foundation
public import VideoModels

extension PostgresStore {
    /// A page of the user's feed: a snapshot without a cursor, otherwise what changed since.
    ///
    /// All of a page is read from one snapshot of the database. It holds at most `limit` changes and `bytes` bytes, and at
    /// least one change. Throws `StoreError.cursorExpired`, `.cursorOfOtherEpoch` and `.cursorAhead`.
    public func feedPage(
        after cursor: FeedCursor?, user: UserID, limit: Int, bytes: Int = 1 << 20
    ) async throws -> FeedPage {
        let defaults = UserDefaultLimits(activeJobs: activeJobs, budget: budgets.perUser, keeping: keeping)
        let read: @Sendable (Connection) throws -> FeedPage = { connection in
            // A page of nothing could not say where it ends.
            let reader = FeedReader(
                connection: connection, user: user, limit: max(1, limit), bytes: max(1, bytes), defaults: defaults)
            return try reader.page(after: cursor)
        }
        if let page = try await replica?.page(of: user, by: read, confirm: { try await standing(of: user) }) {
            return page
        }
        return try await pool.run(read)
    }

    /// On the primary, which shows nothing that a synchronous standby lacks.
    func standing(of user: UserID) async throws -> FeedStanding? {
        try await pool.run { connection in
            try connection.execute(as: user, [(FeedStatements.standing, [.id(user)])]).first?.first(FeedStanding.init)
        }
    }

    /// The same as a value.
    public func changes(after cursor: FeedCursor?, user: UserID, limit: Int) async throws -> ChangePage {
        try await feedPage(after: cursor, user: user, limit: limit).page
    }

    /// How far the feeds of these users go, in one statement. Users that do not exist are left out.
    public func feedMarks(of users: [UserID]) async throws -> [UserID: FeedMark] {
        let ids = Value.uuids(users) { $0.uuid }
        return try await pool.run { connection in
            let pairs = try connection.execute(FeedStatements.marks, [ids]).map { row in
                guard let epoch = UUID(uuidString: try row.text("epoch")) else {
                    throw PostgresError.unexpectedRow("the epoch is malformed")
                }
                let mark = FeedMark(epoch: epoch, sequence: try row.int64("change_sequence"))
                return (try row.id("id") as UserID, mark)
            }
            return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Begins another history of the data, for after a restore: all cursors that phones hold expire, since they may be of a
    /// future that was lost. Whoever waits for changes looks again at once.
    public func newEpoch() async throws -> EpochChange {
        let change = try await pool.transaction { connection in
            try connection.execute(FeedStatements.newEpoch).first { row in
                EpochChange(former: try row.text("former"), epoch: try row.text("epoch"))
            }
        }
        guard let change else { throw PostgresError.unexpectedRow("the database has no epoch") }
        // By itself, since a hint's commit waits for no disk, and the epoch's has to. No user's: it stands for anything.
        try? await pool.run { _ = try $0.execute(FeedStatements.notify, [.texts(["epoch"]) { $0 }]) }
        return change
    }
}
