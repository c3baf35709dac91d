import Foundation
import HTTPTransport

/// A JSON value read without expectations: numbers keep their digits, and text stands in for numbers where it can.
///
/// The upstream's answers vary in spelling and type between its versions, so they are looked through, not decoded.
enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// As written.
    case number(String)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// What gzip without a header may expand to; as much as the longest answer, the list of models.
    private static let expansionLimit = VeniceClient.modelsLimit

    /// Nil when `bytes` hold anything but one JSON value. Broken UTF-8 is repaired, not refused, and gzip is undone.
    init?(_ bytes: some Collection<UInt8>) {
        if Gzip.begins(bytes) {
            guard let expanded = Gzip.expand(Array(bytes), atMost: Self.expansionLimit), !Gzip.begins(expanded) else {
                return nil
            }
            self.init(expanded)
            return
        }
        var parser = JSONParser(String(decoding: bytes, as: UTF8.self).utf8)
        guard let value = parser.document() else { return nil }
        self = value
    }

    /// What an object holds under the first of `keys` that is there and not null.
    subscript(keys: String...) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return keys.lazy.compactMap { members[$0] }.first { $0 != .null }
    }

    /// Text, or a number's digits. Empty text counts as nothing.
    var text: String? {
        switch self {
        case .string(let text), .number(let text): text.isEmpty ? nil : text
        case .null, .bool, .array, .object: nil
        }
    }

    /// A number, or text that is one.
    var decimal: Decimal? {
        // `Decimal` itself would be content with a number at the beginning of the text.
        guard let text, text.utf8.count <= 40, case .number = JSON(text.utf8) else { return nil }
        return Decimal(string: text, locale: nil).flatMap { $0.isNaN ? nil : $0 }
    }

    var double: Double? { text.flatMap(Double.init).flatMap { $0.isFinite ? $0 : nil } }
    var int: Int? { double.flatMap { Int(exactly: $0) } }

    /// `true`, `"true"`, a number above 0; and their opposites.
    var bool: Bool? {
        switch self {
        case .bool(let value): value
        case .string("true"), .string("TRUE"): true
        case .string("false"), .string("FALSE"): false
        default: double.map { $0 > 0 }
        }
    }

    var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }
    var object: [String: JSON]? { if case .object(let members) = self { members } else { nil } }

    /// A list of texts; one text alone counts as a list of one.
    var texts: [String]? { array.map { $0.compactMap(\.text) } ?? text.map { [$0] } }

    /// `text` as a JSON string, quotes included.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
