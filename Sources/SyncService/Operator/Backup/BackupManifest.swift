public import Foundation
import JobStore
import VideoModels

/// What one generation of a backup holds. `SHA256SUMS` beside it has its hash, and those of the other files.
struct BackupManifest: Codable, Hashable, Sendable {
    static let format = 1

    var format = Self.format
    /// The moment that database and objects are of, by the database's clock.
    var madeAt: Date
    var databaseBytes: Int64
    var serverVersion: String
    var epoch: String
    var migrations: [String]
    var objects = 0
    var objectBytes: Int64 = 0
    /// Objects that were deleted while the backup was made: a restore deletes their rows, too.
    var absent: [ExpectedObject.Place] = []
    /// Objects that the storage did not have as the rows say.
    var damaged: [BackupDamage] = []
    /// The key that the secrets in the database are sealed with.
    var sealingKeyID: String?
    /// Whether `secret.key` lies beside it.
    var hasKeys = false

    enum CodingKeys: String, CodingKey {
        case format, epoch, migrations, objects, absent, damaged
        case madeAt = "made_at"
        case databaseBytes = "database_bytes"
        case serverVersion = "server_version"
        case objectBytes = "object_bytes"
        case sealingKeyID = "sealing_key_id"
        case hasKeys = "has_keys"
    }
}

/// An object that is not what it should be, and why.
public struct BackupDamage: Codable, Hashable, Sendable {
    public var key: String
    public var reason: String
}

/// A generation in a list of them.
public struct BackupGeneration: Codable, Hashable, Sendable {
    public var name: String
    /// Nil where its description cannot be read.
    public var madeAt: Date?
    public var databaseBytes: Int64
    public var objects: Int
    public var objectBytes: Int64
    /// Damaged in the storage already when the backup was made.
    public var damaged: Int
    public var hasKeys: Bool
    /// Why it cannot be restored as it is, as far as a look at its description and its list tells.
    public var problem: String?

    init(_ name: String, _ manifest: BackupManifest?) {
        (self.name, madeAt, databaseBytes) = (name, manifest?.madeAt, manifest?.databaseBytes ?? 0)
        (objects, objectBytes) = (manifest?.objects ?? 0, manifest?.objectBytes ?? 0)
        (damaged, hasKeys) = (manifest?.damaged.count ?? 0, manifest?.hasKeys ?? false)
    }

    enum CodingKeys: String, CodingKey {
        case name, objects, damaged, problem
        case madeAt = "made_at"
        case databaseBytes = "database_bytes"
        case objectBytes = "object_bytes"
        case hasKeys = "has_keys"
    }
}

/// A line of a generation's list: an object that rows name, by the key that it has in storage.
struct BackupEntry: Codable, Hashable, Sendable {
    var key: String
    var sha256: String
    var bytes: Int64
    var place: ExpectedObject.Place

    init(_ object: ExpectedObject) {
        (key, sha256, bytes, place) = (object.key, object.sha256, object.bytes, object.place)
    }
}
