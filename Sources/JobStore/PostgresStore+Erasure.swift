import Foundation
public import VideoModels

/// What there is of a user.
public struct UserHoldings: Hashable, Sendable, Codable {
    public var id: UserID
    public var name: String
    public var jobs: Int
    /// Of those, that have not ended.
    public var unfinishedJobs: Int
    public var videos: Int
    public var assets: Int
    public var uploads: Int
    public var devices: Int
    /// Of videos, pictures and assets.
    public var bytes: Int64
    /// These stay, without a name.
    public var ledgerRows: Int
    public var isErasing: Bool
    public var isErased: Bool

    enum CodingKeys: String, CodingKey {
        case id, name, jobs, videos, assets, uploads, devices, bytes
        case unfinishedJobs = "unfinished_jobs"
        case ledgerRows = "ledger_rows"
        case isErasing = "is_erasing"
        case isErased = "is_erased"
    }
}

/// What still holds an erasure up.
public struct ErasureHindrance: Hashable, Sendable {
    /// Jobs that have not ended.
    public var jobs: [JobRecord]
    /// How many write to storage at the moment.
    public var writers: Int

    public var isNone: Bool { jobs.isEmpty && writers == 0 }
}

extension PostgresStore {
    public func holdings(of user: UserID) async throws -> UserHoldings {
        let found = try await pool.run { connection in
            try connection.execute(ErasureStatements.count, [.id(user)]).first { row in
                UserHoldings(
                    id: user, name: try row.text("name"), jobs: try row.int("jobs"),
                    unfinishedJobs: try row.int("unfinished"), videos: try row.int("videos"),
                    assets: try row.int("assets"), uploads: try row.int("uploads"), devices: try row.int("devices"),
                    bytes: try row.int64("bytes"), ledgerRows: try row.int("ledger_rows"),
                    isErasing: try !row.isNull("erasing_at"), isErased: try !row.isNull("erased_at"))
            }
        }
        guard let found else { throw StoreError.notFound }
        return found
    }

    /// Shuts the user out for good. Nothing is gone yet, and from here on all of it will be. May be repeated.
    public func beginErasure(of user: UserID) async throws {
        let count = try await pool.run { try $0.execute(ErasureStatements.begin, [.id(user)]).count }
        guard count == 1 else { throw StoreError.notFound }
        notifier.tell(.suspended(user))
    }

    /// What still works for a user who is to be erased. Stops the making of pictures.
    public func erasureHindrance(of user: UserID, limit: Int = 1000) async throws -> ErasureHindrance {
        try await pool.run { connection in
            try connection.execute(ErasureStatements.stopMedia, [.id(user)])
            let jobs = try connection.execute(ErasureStatements.unfinished, [.id(user), .int(limit)])
                .map { try JobRecord($0, secrets: nil) }
            let writers = try connection.execute(ErasureStatements.writers, [.id(user)]).first { try $0.int("writers") }
            return ErasureHindrance(jobs: jobs, writers: writers ?? 0)
        }
    }

    /// Deletes a batch of a user's rows, the same batch for as long as it has not been committed; returns how many jobs or
    /// rows that were, 0 once nothing is left. Only for a user whose erasure has begun and whom nothing holds up.
    public func eraseRows(of user: UserID, limit: Int = 500) async throws -> Int {
        let values: [Value] = [.id(user), .int(limit)]
        return try await pool.run { connection in
            let jobs = try connection.execute(ErasureStatements.jobs, values).first { try $0.int("erased") } ?? 0
            if jobs > 0 { return jobs }
            for table in UserTable.all where !table.outlivesErasure {
                let batch = Statement(
                    "erase_\(table.name)",
                    """
                    delete from \(table.name) where ctid = any(array(
                        select ctid from \(table.name) where \(table.owner) = $1 limit $2))
                    """)
                let rows = try connection.execute(batch, values).affected
                if rows > 0 { return rows }
            }
            return 0
        }
    }

    /// Takes the name from what is left.
    public func finishErasure(of user: UserID) async throws {
        try await pool.run { _ = try $0.execute(ErasureStatements.finish, [.id(user)]) }
    }
}
