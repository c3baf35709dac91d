/// The name of a stored object: the user it belongs to, then a path of that user's own.
///
/// Only `[A-Za-z0-9._-]` in each segment, none of them `.` or `..`: every key is a safe file path and a safe URL path
/// as it stands. A key that is also the folder of another key is refused by stores that keep folders.
public struct ObjectKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    public static let maximumLength = 512
    public static let maximumSegmentLength = 128
    public static let maximumSegments = 8

    /// The whole key, segments joined by `/`.
    public let description: String

    /// Reads a key as `description` writes it.
    public init(_ text: String) throws(InvalidObjectKey) {
        guard text.utf8.count <= Self.maximumLength else { throw .tooLong(bytes: text.utf8.count) }
        let segments = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (2...Self.maximumSegments).contains(segments.count) else { throw .segmentCount(segments.count) }
        for segment in segments {
            guard Self.isValid(segment: segment) else { throw .segment(String(segment)) }
        }
        description = text
    }

    /// The key of `path` among the objects of `user`.
    public init(user: String, _ path: String...) throws(InvalidObjectKey) {
        try self.init(([user] + path).joined(separator: "/"))
    }

    /// The first segment: whose object this is.
    public var user: Substring { segments[0] }

    public var segments: [Substring] { description.split(separator: "/") }

    public static func < (left: Self, right: Self) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }

    static func isValid(segment: Substring) -> Bool {
        guard (1...maximumSegmentLength).contains(segment.utf8.count), segment != ".", segment != ".." else {
            return false
        }
        return segment.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

/// Why a text is no object key.
public enum InvalidObjectKey: Error, Hashable, Sendable {
    case tooLong(bytes: Int)
    /// A key has at least a user and a name, and at most `ObjectKey.maximumSegments` segments.
    case segmentCount(Int)
    /// This segment is empty, too long, `.`, `..`, or has a character outside `[A-Za-z0-9._-]`.
    case segment(String)
}
