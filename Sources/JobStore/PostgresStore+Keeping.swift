public import VideoModels

/// What a rule would remove now.
public struct KeepingExcess: Hashable, Sendable, Codable {
    public var videos: Int
    public var bytes: Int64
}

/// A user and the rule that counts for them.
public struct KeptUser: Hashable, Sendable {
    public var user: UserID
    public var rule: KeepingRule
}

extension PostgresStore {
    /// Gives the user a rule of their own; nil takes it away, and the deployment's counts again.
    public func setKeeping(_ rule: KeepingRule?, of user: UserID) async throws {
        let values: [Value] = [
            .id(user), .bool(rule != nil), .optional(rule?.days) { .int($0) }, .optional(rule?.newest) { .int($0) },
            .optional(rule?.quotaBytes) { .int($0) }, .bool(rule?.quotaRemovesOldest ?? false),
        ]
        let changed = try await pool.run { try $0.execute(LifecycleStatements.setRule, values).affected }
        guard changed == 1 else { throw StoreError.notFound }
        notifier.note(users: [user])
    }

    /// The user's own rule; nil where the deployment's counts.
    public func keeping(of user: UserID) async throws -> KeepingRule? {
        let found = try await pool.run { connection in
            try connection.execute(LifecycleStatements.getRule, [.id(user)]).first { try KeepingRule(own: $0) }
        }
        guard let found else { throw StoreError.notFound }
        return found
    }

    /// The bytes of the user's living videos, and the quota if that is full and new submissions are refused.
    public func fullQuota(of user: UserID, orElse common: KeepingRule) async throws -> (kept: Int64, quota: Int64)? {
        try await pool.run { connection in
            func rows(_ statement: Statement) throws -> Rows {
                try connection.execute(as: user, [(statement, [.id(user)])])[0]
            }
            guard let own = try rows(LifecycleStatements.getRule).first({ try KeepingRule(own: $0) }) else {
                throw StoreError.notFound
            }
            let rule = own ?? common
            guard let quota = rule.quotaBytes, !rule.quotaRemovesOldest else { return nil }
            let kept = try rows(LifecycleStatements.keptBytes).first { try $0.int64("bytes") }
            return kept.flatMap { $0 >= quota ? ($0, quota) : nil }
        }
    }

    /// Users whose videos a rule may remove, by id, after `last`.
    public func keptUsers(after last: UserID?, orElse common: KeepingRule, limit: Int) async throws -> [KeptUser] {
        let start = last?.description ?? "00000000-0000-0000-0000-000000000000"
        return try await pool.run { connection in
            let values: [Value] = [.text(start), .bool(common.removes), .int(limit)]
            return try connection.execute(LifecycleStatements.usersWithRules, values).map { row in
                KeptUser(user: try row.id("id"), rule: try KeepingRule(own: row) ?? common)
            }
        }
    }

    /// What the rule would remove of the user's videos now.
    public func excess(of user: UserID, under rule: KeepingRule) async throws -> KeepingExcess {
        try await pool.run { connection in
            let found = try connection.execute(LifecycleStatements.countExcess, rule.values(of: user)).first { row in
                KeepingExcess(videos: try row.int("videos"), bytes: try row.int64("bytes"))
            }
            guard let found else { throw StoreError.notFound }
            return found
        }
    }

    /// Deletes at most `limit` of the user's oldest videos that the rule does not keep, in one transaction; says how many.
    public func deleteExcess(of user: UserID, under rule: KeepingRule, limit: Int) async throws -> Int {
        guard rule.removes else { return 0 }
        let count = try await pool.transaction { connection in
            let values = rule.values(of: user) + [.int(limit)]
            let ids = try connection.execute(LifecycleStatements.lockExcess, values).map { row in
                let id: VideoID = try row.id("id")
                return id.uuid
            }
            guard !ids.isEmpty else { return 0 }
            _ = try connection.change(LifecycleStatements.videos.delete, ids, user)
            return ids.count
        }
        if count > 0 { notifier.note(users: [user]) }
        return count
    }
}

extension KeepingRule {
    /// The user's own rule; nil where the deployment's counts.
    init?(own row: Row) throws {
        guard try row.bool("has_own_retention") else { return nil }
        self.init(
            days: try row.optional("keep_days", Row.int), newest: try row.optional("keep_newest", Row.int),
            quotaBytes: try row.optional("quota_bytes", Row.int64),
            quotaRemovesOldest: try row.bool("quota_removes_oldest"))
    }

    fileprivate func values(of user: UserID) -> [Value] {
        [
            .id(user), .optional(days) { .int($0) }, .optional(newest) { .int($0) },
            .optional(quotaRemovesOldest ? quotaBytes : nil) { .int($0) },
        ]
    }
}
