public import VideoModels

/// A stored thing and the key of its bytes.
public struct Stored<Object: Sendable & Hashable>: Sendable, Hashable {
    public var object: Object
    public var key: String
}

extension PostgresStore {
    public func video(_ id: VideoID, user: UserID) async throws -> Stored<Video> {
        try await one(MediaStatements.video, [.id(user), .id(id)]) { row in
            Stored(object: try Video(row), key: try row.text("storage_key"))
        }
    }

    public func asset(_ id: AssetID, user: UserID) async throws -> Stored<Asset> {
        try await one(MediaStatements.asset, [.id(user), .id(id)]) { row in
            Stored(object: try Asset(row), key: try row.text("storage_key"))
        }
    }

    /// Records an uploaded asset whose bytes are durable under `key`.
    public func addAsset(
        _ id: AssetID, user: UserID, key: String, contentType: String, bytes: Int64, sha256: String
    ) async throws -> Asset {
        let values: [Value] = [.id(user), .id(id), .text(key), .text(contentType), .int(bytes), .text(sha256)]
        return try await one(MediaStatements.addAsset, values) { try Asset($0) }
    }

    private func one<T: Sendable>(
        _ statement: Statement, _ values: [Value], _ read: @escaping @Sendable (Row) throws -> T
    ) async throws -> T {
        let found = try await pool.run { try $0.execute(statement, values).first(read) }
        guard let found else { throw StoreError.notFound }
        return found
    }
}
