import Foundation
import VideoModels

/// JSON in the making, as `Wire` writes it: fields are to be given in the order of their names.
struct JSONText {
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

    mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// What is JSON already.
    mutating func raw(_ json: some Collection<UInt8>) { bytes.append(contentsOf: json) }

    /// `"name":`, after a comma unless it is the first of its object.
    mutating func key(_ name: StaticString) {
        if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        raw(name)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func field(_ name: StaticString, _ text: String?) {
        guard let text else { return }
        key(name)
        string(text)
    }

    mutating func field(_ name: StaticString, _ number: (some BinaryInteger)?) {
        guard let number else { return }
        key(name)
        raw(String(number).utf8)
    }

    /// The shortest digits that name the number, as everywhere; `5` where Swift says `5.0`.
    mutating func field(_ name: StaticString, _ number: Double?) {
        guard let number else { return }
        key(name)
        let text = number.description
        raw(text.hasSuffix(".0") ? text.dropLast(2).utf8 : text[...].utf8)
    }

    mutating func field(_ name: StaticString, _ isTrue: Bool?) {
        guard let isTrue else { return }
        key(name)
        raw(isTrue ? "true" : "false")
    }

    mutating func field(_ name: StaticString, _ date: Date) {
        key(name)
        bytes.append(UInt8(ascii: "\""))
        raw(Wire.text(of: date).utf8)
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func field(_ name: StaticString, _ id: Identifier<some Any>?) {
        guard let id else { return }
        key(name)
        bytes.append(UInt8(ascii: "\""))
        var place = 0
        withUnsafeBytes(of: id.uuid.uuid) { digits in
            for byte in digits {
                if [4, 6, 8, 10].contains(place) { bytes.append(UInt8(ascii: "-")) }
                bytes.append(Self.digit(byte >> 4))
                bytes.append(Self.digit(byte & 15))
                place += 1
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// By the slow way, for what is rare.
    mutating func field(_ name: StaticString, encoding value: (some Encodable)?) throws {
        guard let value else { return }
        key(name)
        raw(try Wire.encode(value))
    }

    private static func digit(_ number: UInt8) -> UInt8 {
        number < 10 ? UInt8(ascii: "0") + number : UInt8(ascii: "a") + number - 10
    }

    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { signs in
            if signs.contains(where: Self.isEscaped) {
                for sign in signs { append(sign) }
            } else {
                bytes.append(contentsOf: signs)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ sign: UInt8) -> Bool {
        sign < 0x20 || sign == UInt8(ascii: "\"") || sign == UInt8(ascii: "\\")
    }

    private mutating func append(_ sign: UInt8) {
        switch sign {
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        case 0x08: raw("\\b")
        case 0x0c: raw("\\f")
        case 0x0a: raw("\\n")
        case 0x0d: raw("\\r")
        case 0x09: raw("\\t")
        case 0..<0x20:
            raw("\\u00")
            bytes.append(Self.digit(sign >> 4))
            bytes.append(Self.digit(sign & 15))
        default: bytes.append(sign)
        }
    }
}
