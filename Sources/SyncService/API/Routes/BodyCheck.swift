import Foundation
import VideoModels

/// Goes once through the parsed JSON of a body and collects everything that is not as it must be.
struct BodyCheck {
    private(set) var findings: [Finding] = []

    /// The findings in the order of the keys, at most `Problem.mostFindings`.
    static func findings(in fields: [String: Any], _ keys: KnownKeys) -> [Finding] {
        var check = BodyCheck()
        check.check(fields, keys, at: "")
        return check.findings
    }

    private mutating func check(_ fields: [String: Any], _ keys: KnownKeys, at place: String) {
        if keys.wantsOne, keys.shapes.keys.count(where: { !Self.isAbsent(fields[$0]) }) != 1 {
            add(place, .malformed, "give either \(keys.choice)")
        }
        for key in keys.needed.union(fields.keys).sorted() {
            guard findings.count < Problem.mostFindings else { return }
            check(fields[key], keys.shapes[key], isNeeded: keys.needed.contains(key), at: Self.path(place, key))
        }
    }

    private mutating func check(_ value: Any?, _ shape: BodyShape?, isNeeded: Bool, at place: String) {
        guard let shape else { return add(Self.shortened(place), .unknownField, "there is no such field") }
        if !Self.isAbsent(value), let value {
            check(value, shape, at: place)
        } else if isNeeded {
            add(place, .required, value == nil ? "is missing" : "must not be null")
        }
    }

    private mutating func check(_ value: Any, _ shape: BodyShape, at place: String) {
        switch (shape, value) {
        case (.object(let keys), let fields as [String: Any]): check(fields, keys, at: place)
        case (.list(let item), let values as [Any]):
            for (index, value) in values.enumerated() where findings.count < Problem.mostFindings {
                check(value, item, isNeeded: true, at: "\(place)[\(index)]")
            }
        case (.text, is String): break
        case (.id, let text as String):
            if AssetID(text) == nil { add(place, .malformed, "not a UUID", given: text) }
        case (.price, let text as String): checkPrice(text, at: place)
        case (.flag, let value as NSNumber) where Self.isFlag(value): break
        case (.number, let value as NSNumber) where !Self.isFlag(value): break
        case (.wholeNumber, let value as NSNumber) where !Self.isFlag(value) && Int(exactly: value) != nil: break
        default: add(place, .malformed, "must be \(shape.words)", given: Self.json(value))
        }
    }

    private mutating func checkPrice(_ text: String, at place: String) {
        guard let price = Money(text) else {
            return add(place, .malformed, "not an amount such as \"0.55\"", given: text)
        }
        if price < .zero { add(place, .malformed, "must not be negative", given: text) }
    }

    private mutating func add(_ field: String, _ code: Finding.Code, _ message: String, given: String? = nil) {
        findings.append(Finding(field: field, code: code, message: message, given: given))
    }

    private static func path(_ place: String, _ key: String) -> String { place.isEmpty ? key : "\(place).\(key)" }

    /// Somebody else's key may be of any length.
    private static func shortened(_ place: String) -> String {
        String(String.UnicodeScalarView(place.unicodeScalars.prefix(200)))
    }

    private static func isAbsent(_ value: Any?) -> Bool { value == nil || value is NSNull }

    /// Parsed JSON holds numbers and truth values alike as `NSNumber`; only the latter are single characters in C.
    private static func isFlag(_ value: NSNumber) -> Bool { String(cString: value.objCType) == "c" }

    /// Compact JSON: with its quotes, a text that looks like a number is told from a number.
    private static func json(_ value: Any) -> String? {
        let options: JSONSerialization.WritingOptions = [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? JSONSerialization.data(withJSONObject: value, options: options) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }
}
