import Foundation

/// Decodes what people write by hand: a key that means nothing is an error and not a silence. Times are ISO 8601.
enum StrictJSON {
    struct UnknownKey: Error, CustomStringConvertible {
        var path: [String]
        var description: String { "unknown key '\(path.joined(separator: "."))'" }
    }

    struct NotJSON: Error, CustomStringConvertible {
        var description: String { "not valid JSON" }
    }

    static func decode<Value: Codable>(_ type: Value.Type, from bytes: Data) throws -> Value {
        guard let given = JSONValue.parse(bytes) else { throw NotJSON() }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { try time($0) }
        let value = try decoder.decode(type, from: bytes)
        // What was understood is written again; whatever is missing then was not understood.
        if let understood = JSONValue.parse(try JSONEncoder().encode(value)) { try compare(given, understood, at: []) }
        return value
    }

    private static func compare(_ given: JSONValue, _ understood: JSONValue, at path: [String]) throws {
        if let values = given.array, let others = understood.array {
            for (index, pair) in zip(values, others).enumerated() {
                try compare(pair.0, pair.1, at: path + ["\(index)"])
            }
        }
        guard let fields = given.object, let others = understood.object else { return }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) where value != .null {
            guard let other = others[key] else { throw UnknownKey(path: path + [key]) }
            try compare(value, other, at: path + [key])
        }
    }

    private static func time(_ decoder: any Decoder) throws -> Date {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        if let date = (try? Date(text, strategy: Ledger.time)) ?? (try? Date(text, strategy: .iso8601)) { return date }
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected ISO 8601, not '\(text)'")
    }
}
