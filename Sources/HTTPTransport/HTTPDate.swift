public import Foundation

/// The date form of HTTP headers: `Sun, 06 Nov 1994 08:49:37 GMT`.
public enum HTTPDate {
    /// Nil for anything else. The weekday is not looked at.
    public static func date(from text: String) -> Date? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = number(parts[1], 1...31),
            let month = months.firstIndex(of: String(parts[2])), let year = number(parts[3], 1970...9999)
        else { return nil }
        let time = parts[4].split(separator: ":").compactMap { number($0, 0...60) }
        guard time.count == 3, time[0] <= 23, time[1] <= 59 else { return nil }
        let digits: [String] = [(year, 4), (month + 1, 2), (day, 2), (time[0], 2), (time[1], 2), (min(time[2], 59), 2)]
            .map {
                padded($0, $1)
            }
        let iso = "\(digits[0])-\(digits[1])-\(digits[2])T\(digits[3]):\(digits[4]):\(digits[5])Z"
        // The 31st of February would be read as one of March.
        guard let date = try? Date.ISO8601FormatStyle().parse(iso),
            Self.text(of: date).dropFirst(5).hasPrefix(digits[2])
        else { return nil }
        return date
    }

    /// Whole seconds: what there is of a fraction is left out.
    public static func text(of date: Date) -> String {
        var seconds = time_t(date.timeIntervalSince1970.rounded(.down))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let time = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }.joined(separator: ":")
        let (day, year) = (padded(Int(parts.tm_mday), 2), padded(Int(parts.tm_year) + 1900, 4))
        return "\(days[Int(parts.tm_wday)]), \(day) \(months[Int(parts.tm_mon)]) \(year) \(time) GMT"
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else { return nil }
        return range.contains(number) ? number : nil
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let text = "\(value)"
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
