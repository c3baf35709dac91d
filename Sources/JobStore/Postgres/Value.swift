import Foundation
import VideoModels

/// A parameter of a statement; its type is inferred by the server from where it stands.
enum Value: Hashable, Sendable {
    case null
    /// In Postgres's text form.
    case text(String)
    /// In the protocol's binary form.
    case binary([UInt8])

    static func bytes(_ bytes: some Sequence<UInt8>) -> Value { .binary(Array(bytes)) }
    static func int(_ value: some BinaryInteger) -> Value { .text(String(value)) }
    static func double(_ value: Double) -> Value { .text("\(value)") }
    static func bool(_ value: Bool) -> Value { .text(value ? "t" : "f") }
    static func id(_ value: Identifier<some Any>) -> Value { .text(value.description) }
    static func money(_ value: Money) -> Value { .text(value.text) }
    static func date(_ value: Date) -> Value { .binary(ArrayBuilder.bytes(of: value.microsecondsSince2000)) }

    static func optional<Wrapped>(_ value: Wrapped?, _ make: (Wrapped) -> Value) -> Value {
        value.map(make) ?? .null
    }
}

/// A statement by name. Names are for people and logs; the text is what runs.
struct Statement: Sendable {
    var name: String
    var sql: String
    /// Parsed and planned once a connection, and answered in binary form. For what runs all the time: names its columns
    /// and casts its parameters.
    var isHot: Bool

    init(_ name: String, isHot: Bool = false, _ sql: String) {
        self.name = name
        self.isHot = isHot
        self.sql = sql
    }
}

extension Date {
    /// What Postgres keeps of a time.
    var microsecondsSince2000: Int64 { Int64((timeIntervalSince1970 * 1_000_000).rounded()) - Cell.epoch2000 }
}
