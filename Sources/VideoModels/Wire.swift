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
        // Cut off, so without the half a time read from text could be written a millisecond earlier.
        let moment = date.addingTimeInterval(0.0005)
        let milliseconds = (moment.timeIntervalSince1970 * 1000).rounded(.down)
        // The years 1600 to 9999 by hand (before, the calendar was another): the format takes ten times as long, and a feed
        // has two times an object.
        guard (-11_676_096_000_000..<253_402_300_800_000).contains(milliseconds) else {
            return moment.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        }
        return text(milliseconds: Int64(milliseconds))
    }

    private static func text(milliseconds: Int64) -> String {
        let time = (milliseconds % 86_400_000 + 86_400_000) % 86_400_000
        let days = (milliseconds - time) / 86_400_000
        let (year, month, day) = civil(days: days)
        return String(unsafeUninitializedCapacity: 24) { text in
            func write(_ number: Int64, at place: Int, digits: Int) {
                var number = number
                for offset in (0..<digits).reversed() {
                    text[place + offset] = UInt8(ascii: "0") + UInt8(number % 10)
                    number /= 10
                }
            }
            (text[4], text[7], text[10]) = (UInt8(ascii: "-"), UInt8(ascii: "-"), UInt8(ascii: "T"))
            (text[13], text[16], text[19]) = (UInt8(ascii: ":"), UInt8(ascii: ":"), UInt8(ascii: "."))
            text[23] = UInt8(ascii: "Z")
            write(year, at: 0, digits: 4)
            write(month, at: 5, digits: 2)
            write(day, at: 8, digits: 2)
            write(time / 3_600_000, at: 11, digits: 2)
            write(time / 60_000 % 60, at: 14, digits: 2)
            write(time / 1000 % 60, at: 17, digits: 2)
            write(time % 1000, at: 20, digits: 3)
            return 24
        }
    }

    /// The proleptic Gregorian calendar, counted in years that begin in March so that the leap day comes last.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let place = (5 * dayOfYear + 2) / 153
        let month = place < 10 ? place + 3 : place - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * place + 2) / 5 + 1)
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
