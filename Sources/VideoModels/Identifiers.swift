public import Foundation

/// The name of one thing of a kind: a UUID of version 7 (RFC 9562 §5.7), written in lower case.
///
/// The first 48 bits are the Unix time in milliseconds, so identifiers sort by when they were made. `Entity` only
/// keeps the kinds apart: a `JobID` is not a `VideoID`.
public struct Identifier<Entity>: Hashable, Sendable {
    public let uuid: UUID

    public init(_ uuid: UUID) { self.uuid = uuid }

    /// A new identifier for something that comes to be at `now`.
    public init(at now: Date, using generator: inout some RandomNumberGenerator) {
        // Rounded: most whole milliseconds have no exact binary fraction, and half of them would lose one.
        let milliseconds = UInt64((max(0, now.timeIntervalSince1970) * 1000).rounded())
        var bytes = withUnsafeBytes(of: (milliseconds << 16).bigEndian, Array.init)
        withUnsafeBytes(of: generator.next() as UInt64) { bytes.replaceSubrange(6..., with: $0.prefix(2)) }
        withUnsafeBytes(of: generator.next() as UInt64) { bytes.append(contentsOf: $0) }
        bytes[6] = bytes[6] & 0x0F | 0x70
        bytes[8] = bytes[8] & 0x3F | 0x80
        self.uuid = bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    public init(at now: Date) {
        var generator = SystemRandomNumberGenerator()
        self.init(at: now, using: &generator)
    }
}

extension Identifier: LosslessStringConvertible {
    public init?(_ description: String) {
        guard description.utf8.count == 36, let uuid = UUID(uuidString: description) else { return nil }
        self.uuid = uuid
    }

    public var description: String { uuid.uuidString.lowercased() }
}

extension Identifier: Comparable {
    public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "not a UUID"))
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// A person with an account at this deployment. Only its identifier is shared.
public enum User {}
/// A phone or tablet of a user. Only its identifier is shared.
public enum Device {}

/// The name of a user.
public typealias UserID = Identifier<User>
/// The name of a device.
public typealias DeviceID = Identifier<Device>
/// The name of a job.
public typealias JobID = Identifier<Job>
/// The name of a finished video.
public typealias VideoID = Identifier<Video>
/// The name of an upload.
public typealias AssetID = Identifier<Asset>
