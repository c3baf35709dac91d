public import Foundation
public import VideoModels

/// A table that holds something of users, and what becomes of it. Every such table is in the list: a test compares it with
/// the catalogue.
public struct UserTable: Hashable, Sendable {
    public var name: String
    /// The column that says whose a row is.
    var owner = "user_id"
    /// Not for the user to have: what opens something, or what only this database understands. Nil for a table of which
    /// nothing is exported.
    var hidden: [String]? = []
    /// Whether rows outlive an erasure.
    var outlivesErasure = false

    /// In the order in which rows can be deleted.
    public static let all = [
        UserTable(name: "upload_pieces"), UserTable(name: "uploads", hidden: ["writer", "writer_until"]),
        UserTable(name: "video_pictures"), UserTable(name: "videos"), UserTable(name: "assets"),
        UserTable(name: "idempotency_keys"), UserTable(name: "attempts", hidden: ["lease_token"]),
        UserTable(name: "job_steps"),
        UserTable(name: "jobs", hidden: ["sealed_link", "lease_token", "submitting_token", "leased_by", "revision"]),
        UserTable(name: "devices", hidden: ["token_hash"]),
        // Sums over the rows above.
        UserTable(name: "feed_digest_entries", hidden: nil), UserTable(name: "feed_digest_nodes", hidden: nil),
        UserTable(name: "feed_digests", hidden: nil),
        // Never changed, by the database's own word; the counters are its sums, and those of the deployment's caps.
        UserTable(name: "spending", outlivesErasure: true), UserTable(name: "ledger", outlivesErasure: true),
        // Without the name: what the ledger refers to.
        UserTable(name: "users", owner: "id", outlivesErasure: true),
    ]
}

extension PostgresStore {
    /// Hands out every row of a user as JSON, table by table, as all of them stand at one moment. `receive` is called on a
    /// thread that may block; what it throws ends the reading.
    public func export(
        _ user: UserID, to receive: @escaping @Sendable (_ table: String, _ row: Data) throws -> Void
    ) async throws {
        try await pool.transaction("begin isolation level repeatable read read only") { connection in
            try connection.run("set local statement_timeout = 0")
            for table in UserTable.all {
                guard let hidden = table.hidden else { continue }
                // Words of ours and a UUID: nothing to be escaped.
                let columns = hidden.map { "'\($0)'" }.joined(separator: ", ")
                let query = Statement(
                    "export_\(table.name)",
                    """
                    select to_jsonb(owned) - array[\(columns)]::text[] as row from \(table.name) as owned
                    where \(table.owner) = '\(user)'
                    """)
                var cursor = try Cursor(query, on: connection, batch: 200) { try $0.data("row") }
                while let row = try cursor.next(where: { _ in true }) { try receive(table.name, row) }
            }
        }
    }
}
