import Foundation
import VideoModels

/// A parameter of a statement, in Postgres's text form; its type is inferred by the server from where it stands.
enum Value: Hashable, Sendable {
    case null
    case text(String)

    static func bytes(_ bytes: some Sequence<UInt8>) -> Value {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = Array("\\x".utf8)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return .text(String(decoding: text, as: UTF8.self))
    }

    static func int(_ value: some BinaryInteger) -> Value { .text(String(value)) }
    static func double(_ value: Double) -> Value { .text("\(value)") }
    static func bool(_ value: Bool) -> Value { .text(value ? "t" : "f") }
    static func id(_ value: Identifier<some Any>) -> Value { .text(value.description) }
    static func json(_ value: some Encodable) throws -> Value {
        .text(String(decoding: try Wire.encode(value), as: UTF8.self))
    }
    static func money(_ value: Money) -> Value { .text(value.text) }
    /// Microseconds, which is what Postgres keeps.
    static func date(_ value: Date) -> Value {
        let micros = Int64((value.timeIntervalSince1970 * 1_000_000).rounded())
        let (seconds, fraction) = micros.quotientAndRemainder(dividingBy: 1_000_000)
        let whole = Date(timeIntervalSince1970: Double(fraction < 0 ? seconds - 1 : seconds))
        let digits = String(fraction < 0 ? fraction + 1_000_000 : fraction)
        let padded = String(repeating: "0", count: 6 - digits.count) + digits
        return .text("\(whole.formatted(Date.ISO8601FormatStyle()).dropLast()).\(padded)+00")
    }

    static func optional<Wrapped>(_ value: Wrapped?, _ make: (Wrapped) -> Value) -> Value {
        value.map(make) ?? .null
    }
}

/// A statement by name. Names are for people and logs; the text is what runs.
struct Statement: Sendable {
    var name: String
    var sql: String

    init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }
}
