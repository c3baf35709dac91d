public import Foundation

/// The JSON that phone and server speak: snake_case keys, RFC 3339 times in UTC with milliseconds, sorted keys.
public enum Wire {
    /// The value as JSON, on one line.
    public static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(text(of: date))
        }
        return try encoder.encode(value)
    }

    /// Reads JSON; keys that it does not know are passed over.
    public static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let text = try decoder.singleValueContainer().decode(String.self)
            guard let date = date(from: text) else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "not an RFC 3339 time"))
            }
            return date
        }
        return try decoder.decode(type, from: data)
    }

    /// `2026-11-21T09:30:00.125Z`, rounded to the millisecond.
    public static func text(of date: Date) -> String {
        // The format cuts off, so without the half a time read from text could be written a millisecond earlier.
        date.addingTimeInterval(0.0005).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// Reads a time with or without a fraction of a second.
    public static func date(from text: String) -> Date? {
        guard isTime(text) else { return nil }
        return (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
            ?? (try? Date.ISO8601FormatStyle().parse(text))
    }

    /// Whether the text has the shape of RFC 3339; the parser alone takes hour 25 and anything behind the `Z`.
    private static func isTime(_ text: String) -> Bool {
        let shape = /\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)/
        return text.wholeMatch(of: shape.asciiOnlyDigits()) != nil
    }
}
