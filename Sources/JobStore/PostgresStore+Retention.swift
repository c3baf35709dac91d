public import Foundation

/// What is kept for a while and then forgotten.
public enum Expiring: String, Hashable, Sendable, CaseIterable {
    /// Tombstones of videos whose files are gone. Before jobs: a job stays as long as it has one.
    case videos
    /// Keys under which a phone may ask again.
    case idempotencyKeys = "idempotency_keys"
    /// Tombstones of jobs, with what is known of their way.
    case jobs
    /// What was learned of renderings that nobody asks for any more.
    case durations
    /// What is left of accounts that nobody uses any more.
    case accounts
}

extension PostgresStore {
    /// Forgets at most `limit` of these that are older than `age` seconds, in one transaction, and returns how many.
    ///
    /// A batch that was cut off is taken back whole and found again. Raises the floor of a user's feed with the tombstones:
    /// from then on an older cursor gets `cursorExpired`.
    public func prune(_ what: Expiring, olderThan age: TimeInterval, limit: Int) async throws -> Int {
        switch what {
        case .idempotencyKeys: try await delete(RetentionStatements.pruneKeys, [.double(age), .int(limit)])
        case .durations: try await delete(RetentionStatements.pruneDurations, [.double(age), .int(limit)])
        case .videos:
            try await count(RetentionStatements.pruneVideos, [.double(age + Self.tombstoneMargin), .int(limit)])
        case .jobs:
            try await count(RetentionStatements.pruneJobs, [.double(age + Self.tombstoneMargin), .int(limit)])
        case .accounts:
            try await delete(RetentionStatements.pruneBudgets, [.int(limit)])
                + delete(RetentionStatements.pruneFailures, [.int(limit)])
        }
    }

    /// A deletion is as old as its transaction's beginning, and a device that read its feed before the end did not see it.
    /// An hour is longer than any transaction of ours.
    static let tombstoneMargin: TimeInterval = 3600

    private func delete(_ statement: Statement, _ values: [Value]) async throws -> Int {
        try await pool.run { try $0.execute(statement, values).affected }
    }

    private func count(_ statement: Statement, _ values: [Value]) async throws -> Int {
        try await pool.run { try $0.execute(statement, values).first { try $0.int("pruned") } ?? 0 }
    }
}
