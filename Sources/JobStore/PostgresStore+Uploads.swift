public import Foundation
public import VideoModels

/// An upload as the database has it.
public struct UploadRecord: Hashable, Sendable {
    /// The asset's, too.
    public var id: AssetID
    public var user: UserID
    public var bytes: Int64
    /// How many of them are durable.
    public var received: Int64
    public var pieces: Int
    public var metadata: String?
    public var isFinished: Bool
    public var isExpired: Bool
    public var expiresAt: Date
    /// How long its writer may still say nothing before another takes over; nil where there is none.
    public var lockedSeconds: Int?
}

/// A durable part of an upload that is not whole yet.
public struct UploadPiece: Hashable, Sendable {
    public var start: Int64
    public var bytes: Int64
    public var key: String

    public init(start: Int64, bytes: Int64, key: String) {
        self.start = start
        self.bytes = bytes
        self.key = key
    }
}

/// What a user may have in uploads, finished or not.
public struct AssetQuota: Hashable, Sendable {
    public var bytes: Int64
    public var count: Int

    public init(bytes: Int64, count: Int) {
        self.bytes = bytes
        self.count = count
    }
}

/// Names whoever appends to an upload or ends it. Another token takes over only when this one's time is over.
public struct UploadWriter: Hashable, Sendable {
    let token: UUID
    /// Seconds from each sign of life.
    public let lease: TimeInterval

    public init(lease: TimeInterval) {
        token = UUID()
        self.lease = lease
    }

    var value: Value { .text(token.uuidString) }
}

/// Why an upload or an asset cannot be had or changed.
public enum UploadRefusal: Error, Hashable, Sendable {
    /// With what the user has already.
    case quotaExceeded(bytes: Int64, count: Int)
    case expired
    /// Another writer has it, for so many seconds at most.
    case locked(seconds: Int)
    /// A job under way names it.
    case assetInUse
}

extension PostgresStore {
    /// Takes an upload in, before any of it is kept.
    ///
    /// - Parameters:
    ///   - writer: nil where nobody writes yet.
    ///   - lifetime: seconds without a new byte until it expires.
    public func addUpload(
        _ id: AssetID, user: UserID, bytes: Int64, metadata: String?, writer: UploadWriter?, lifetime: TimeInterval,
        quota: AssetQuota
    ) async throws -> UploadRecord {
        let values: [Value] = [
            .id(user), .id(id), .int(bytes), .optional(metadata, Value.text), writer?.value ?? .null,
            .double(writer?.lease ?? 0), .double(lifetime), .int(quota.bytes), .int(quota.count),
        ]
        return try await pool.transaction(Connection.begin(as: user)) { connection in
            try connection.execute(UploadStatements.lockOwner, [.id(user)])
            let added = try connection.execute(UploadStatements.add, values).first { row in
                guard let expiry = try row.optional("expires_at", Row.date) else {
                    throw UploadRefusal.quotaExceeded(
                        bytes: try row.int64("kept_bytes"), count: try row.int("kept_things"))
                }
                return UploadRecord(
                    id: id, user: user, bytes: bytes, received: 0, pieces: 0, metadata: metadata, isFinished: false,
                    isExpired: false, expiresAt: expiry)
            }
            guard let added else { throw PostgresError.unexpectedRow("an upload was not answered") }
            return added
        }
    }

    /// Also one that has expired and is not cleared away yet.
    public func upload(_ id: AssetID, user: UserID) async throws -> UploadRecord {
        guard let found = try await upload(UploadStatements.get, [.id(user), .id(id)], as: user) else {
            throw StoreError.notFound
        }
        return found
    }

    /// Makes `writer` the one who may write; nobody else may until its lease is over. Throws where that is impossible.
    public func takeUpload(_ id: AssetID, user: UserID, writer: UploadWriter) async throws -> UploadRecord {
        let values: [Value] = [.id(user), .id(id), writer.value, .double(writer.lease)]
        if let taken = try await upload(UploadStatements.take, values, as: user) { return taken }
        let found = try await upload(id, user: user)
        if found.isFinished { return found }
        throw found.isExpired ? UploadRefusal.expired : UploadRefusal.locked(seconds: max(1, found.lockedSeconds ?? 1))
    }

    /// A sign of life of a writer; false where another has taken over.
    public func keepUpload(_ id: AssetID, user: UserID, writer: UploadWriter) async throws -> Bool {
        let values: [Value] = [.id(user), .id(id), writer.value, .double(writer.lease)]
        return try await pool.run { try $0.execute(as: user, [(UploadStatements.keep, values)])[0].affected == 1 }
    }

    public func releaseUpload(_ id: AssetID, user: UserID, writer: UploadWriter) async throws {
        let values: [Value] = [.id(user), .id(id), writer.value]
        try await pool.run { _ = try $0.execute(as: user, [(UploadStatements.release, values)]) }
    }

    /// Records a piece whose bytes are durable; nil where the writer has lost the upload: then the piece is nobody's.
    public func addPiece(
        _ piece: UploadPiece, to id: AssetID, user: UserID, writer: UploadWriter, lifetime: TimeInterval
    ) async throws -> UploadRecord? {
        try await upload(
            UploadStatements.addPiece,
            [
                .id(user), .id(id), writer.value, .int(piece.start), .int(piece.bytes), .text(piece.key),
                .double(writer.lease), .double(lifetime),
            ], as: user)
    }

    /// The pieces of an upload in their order.
    public func pieces(of id: AssetID, user: UserID) async throws -> [UploadPiece] {
        try await pool.run { connection in
            try connection.execute(as: user, [(UploadStatements.pieces, [.id(user), .id(id)])])[0].map { row in
                UploadPiece(
                    start: try row.int64("starts_at"), bytes: try row.int64("bytes"), key: try row.text("storage_key"))
            }
        }
    }

    /// Makes an asset of an upload whose bytes are whole and durable under `key`; nil where the writer has lost it, be it
    /// that another has finished it.
    public func finishUpload(
        _ id: AssetID, user: UserID, writer: UploadWriter, key: String, contentType: String, sha256: String,
        keptFor time: TimeInterval
    ) async throws -> Asset? {
        let values: [Value] = [
            .id(user), .id(id), writer.value, .text(key), .text(contentType), .text(sha256), .double(time),
        ]
        return try await pool.run { connection in
            try connection.execute(as: user, [(UploadStatements.finish, values)])[0].first { try Asset($0) }
        }
    }

    /// From now on nobody goes on with it; its bytes are the writer's to remove, and then its row. False where it is not
    /// the writer's, or is an asset already: then its bytes are not to be touched.
    public func endUpload(_ id: AssetID, user: UserID, writer: UploadWriter) async throws -> Bool {
        let values: [Value] = [.id(user), .id(id), writer.value]
        return try await pool.run { try $0.execute(as: user, [(UploadStatements.end, values)])[0].affected == 1 }
    }

    /// Hands at most `limit` expired uploads to one who clears them away.
    public func takeExpiredUploads(writer: UploadWriter, limit: Int) async throws -> [UploadRecord] {
        let values: [Value] = [writer.value, .double(writer.lease), .int(limit)]
        return try await pool.run { try $0.execute(UploadStatements.takeExpired, values).map { try UploadRecord($0) } }
    }

    /// Forgets an upload that is finished, or of which nothing is left.
    public func removeUpload(_ id: AssetID, user: UserID, writer: UploadWriter) async throws {
        let values: [Value] = [.id(user), .id(id), writer.value]
        try await pool.run { _ = try $0.execute(as: user, [(UploadStatements.remove, values)]) }
    }

    private func upload(
        _ statement: Statement, _ values: [Value], as user: UserID
    ) async throws -> UploadRecord? {
        try await pool.run { try $0.execute(as: user, [(statement, values)])[0].first { try UploadRecord($0) } }
    }
}

extension UploadRecord {
    fileprivate init(_ row: Row) throws {
        id = try row.id("id")
        user = try row.id("user_id")
        bytes = try row.int64("bytes")
        received = try row.int64("received")
        pieces = try row.int("pieces")
        metadata = try row.optionalText("metadata")
        isFinished = try !row.isNull("finished_at")
        isExpired = try row.bool("is_expired")
        expiresAt = try row.date("expires_at")
        lockedSeconds = try row.optional("locked_seconds", Row.int)
    }
}
