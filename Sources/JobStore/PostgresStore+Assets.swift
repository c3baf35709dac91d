public import Foundation
public import VideoModels

/// An asset whose bytes are to go.
public struct DeletedAsset: Hashable, Sendable {
    public var id: AssetID
    public var user: UserID
    public var key: String
}

extension PostgresStore {
    public func asset(_ id: AssetID, user: UserID) async throws -> Stored<Asset> {
        try await asset(AssetStatements.get, [.id(user), .id(id)], as: user)
    }

    /// The same for somebody who is about to use it: it stays for `time` seconds more at least.
    public func useAsset(_ id: AssetID, user: UserID, for time: TimeInterval) async throws -> Stored<Asset> {
        try await asset(AssetStatements.use, [.id(user), .id(id), .double(time)], as: user)
    }

    /// A page of a user's assets, newest first.
    ///
    /// - Parameter last: the last of the page before.
    public func assets(of user: UserID, before last: AssetID?, limit: Int) async throws -> AssetPage {
        let values: [Value] = [.id(user), .optional(last) { .id($0) }, .int(limit + 1)]
        let found = try await pool.run { connection in
            try connection.execute(as: user, [(AssetStatements.list, values)])[0].map { try Asset($0) }
        }
        return AssetPage(assets: Array(found.prefix(limit)), hasMore: found.count > limit)
    }

    /// Makes an asset invisible; its bytes are the caller's to remove. Throws `UploadRefusal.assetInUse` while a job under
    /// way names it.
    public func deleteAsset(_ id: AssetID, user: UserID) async throws -> DeletedAsset {
        do {
            let stored = try await asset(AssetStatements.delete, [.id(user), .id(id)], as: user)
            return DeletedAsset(id: id, user: user, key: stored.key)
        } catch StoreError.notFound {
            _ = try await asset(id, user: user)
            throw UploadRefusal.assetInUse
        }
    }

    /// Makes at most `limit` assets invisible whose time is over, and returns how many.
    public func expireAssets(limit: Int) async throws -> Int {
        try await pool.run { try $0.execute(AssetStatements.expire, [.int(limit)]).affected }
    }

    /// Assets that are invisible. Remove their bytes, then the rows.
    public func deletedAssets(limit: Int) async throws -> [DeletedAsset] {
        try await pool.run { connection in
            try connection.execute(AssetStatements.deleted, [.int(limit)]).map { row in
                DeletedAsset(id: try row.id("id"), user: try row.id("user_id"), key: try row.text("storage_key"))
            }
        }
    }

    /// Forgets assets whose bytes are gone; those of one user as that user.
    @discardableResult
    public func removeAssets(_ assets: [DeletedAsset]) async throws -> Int {
        let values: [Value] = [.uuids(assets) { $0.user.uuid }, .uuids(assets) { $0.id.uuid }]
        let users = Set(assets.map(\.user))
        return try await pool.run { connection in
            guard let user = users.first, users.count == 1 else {
                return try connection.execute(AssetStatements.remove, values).affected
            }
            return try connection.execute(as: user, [(AssetStatements.remove, values)])[0].affected
        }
    }

    private func asset(
        _ statement: Statement, _ values: [Value], as user: UserID
    ) async throws -> Stored<Asset> {
        let found = try await pool.run { connection in
            try connection.execute(as: user, [(statement, values)])[0].first { row in
                Stored(object: try Asset(row), key: try row.text("storage_key"))
            }
        }
        guard let found else { throw StoreError.notFound }
        return found
    }
}

extension Asset {
    init(_ row: Row) throws {
        self.init(
            id: try row.id("id"), contentType: try row.text("content_type"), bytes: try row.int64("bytes"),
            sha256: try row.text("sha256"), createdAt: try row.date("created_at"), expiresAt: try row.date("expires_at")
        )
    }
}
