public import Foundation

/// The answer to a deletion: the tombstone as the feed tells it, and until when it can be taken back.
///
/// A device may apply it like the change of the feed that it is.
public struct Deletion: Hashable, Sendable, Codable {
    /// The user's sequence of the tombstone.
    public var sequence: Int64
    public var kind: Open<Change.Kind>
    public var id: String
    /// Until then `POST …/undelete` brings it back.
    public var undeleteUntil: Date

    public init(sequence: Int64, kind: Open<Change.Kind>, id: String, undeleteUntil: Date) {
        self.sequence = sequence
        self.kind = kind
        self.id = id
        self.undeleteUntil = undeleteUntil
    }

    /// What the feed says of it.
    public var change: Change { Change(sequence: sequence, object: .deleted(kind: kind, id: id)) }

    enum CodingKeys: String, CodingKey {
        case sequence, kind, id, deleted
        case undeleteUntil = "undelete_until"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        sequence = try container.decode(Int64.self, forKey: .sequence)
        kind = try container.decode(Open<Change.Kind>.self, forKey: .kind)
        id = try container.decode(String.self, forKey: .id)
        undeleteUntil = try container.decode(Date.self, forKey: .undeleteUntil)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(sequence, forKey: .sequence)
        try container.encode(kind, forKey: .kind)
        try container.encode(id, forKey: .id)
        try container.encode(true, forKey: .deleted)
        try container.encode(undeleteUntil, forKey: .undeleteUntil)
    }
}
