import Foundation
import VideoModels

/// How many secrets a key has sealed.
public struct SealedSecrets: Hashable, Sendable, Codable {
    /// Eight hexadecimal digits; nil for values from before keys had ids.
    public var keyID: String?
    public var secrets: Int

    public init(keyID: String?, secrets: Int) {
        self.keyID = keyID
        self.secrets = secrets
    }

    enum CodingKeys: String, CodingKey {
        case secrets
        case keyID = "key_id"
    }
}

extension PostgresStore {
    /// Whether one of this store's keys is the one that the database's secrets are sealed with. The first store to ask leaves
    /// its key's mark.
    public func sharesSealingKey() async throws -> Bool {
        guard let secrets else { return false }
        let values = [Value.bytes(secrets.mark), .texts(secrets.marks) { $0 }]
        return try await pool.run { connection in
            try connection.execute(SecretStatements.markKey, values).first { try $0.bool("fits") } ?? false
        }
    }

    /// The id of the key that a process must have to start on this database; nil before the first has.
    public func sealingKeyID() async throws -> String? {
        try await pool.run { connection in
            try connection.execute(SecretStatements.mark).first { try $0.optional("mark", Row.text) }?
                .map { String($0.prefix(8)) }
        }
    }

    /// What is sealed, by key.
    public func sealedSecrets() async throws -> [SealedSecrets] {
        let counts = try await pool.run { connection in
            try connection.execute(SecretStatements.heads).map { row in
                (SecretBox.keyID(of: try row.bytes("head")), try row.int("secrets"))
            }
        }
        return Dictionary(counts, uniquingKeysWith: +).map { SealedSecrets(keyID: $0, secrets: $1) }
            .sorted { $0.keyID ?? "" < $1.keyID ?? "" }
    }

    /// Seals everything anew that another key than the first has sealed, a transaction for so many at a time, and has new
    /// processes need the first key from now on. May be stopped and repeated; jobs go on meanwhile.
    ///
    /// Throws where one does not open, and then has left it as it is. Returns how many were sealed anew.
    public func resealSecrets(batch: Int = 500, progress: (Int) -> Void = { _ in }) async throws -> Int {
        guard let secrets else { return 0 }
        try await pool.run { _ = try $0.execute(SecretStatements.remarkKey, [.bytes(secrets.mark)]) }
        var (done, place) = (0, (user: Self.lowest, job: Self.lowest))
        while true {
            let (from, limit) = (place, batch)
            let part = try await pool.transaction { try Self.reseal(after: from, limit, secrets, on: $0) }
            done += part.resealed
            progress(done)
            guard let last = part.last else { return done }
            place = last
        }
    }

    private static let lowest = "00000000-0000-0000-0000-000000000000"

    private static func reseal(
        after place: (user: String, job: String), _ limit: Int, _ secrets: SecretBox, on connection: Connection
    ) throws -> (resealed: Int, last: (user: String, job: String)?) {
        let rows = try connection.execute(
            SecretStatements.sealedOtherwise,
            [.text(place.user), .text(place.job), .bytes(secrets.head), .int(limit)]
        ).map { (user: try $0.text("user_id"), job: try $0.text("id"), sealed: try $0.bytes("sealed_link")) }
        var resealed = 0
        for row in rows {
            let secret = try secrets.open(row.sealed, for: row.job)
            let anew = try secrets.seal(secret, for: row.job)
            resealed += try connection.execute(
                SecretStatements.reseal, [.text(row.user), .text(row.job), .bytes(row.sealed), .bytes(anew)]
            ).count
        }
        return (resealed, rows.last.map { ($0.user, $0.job) })
    }
}
