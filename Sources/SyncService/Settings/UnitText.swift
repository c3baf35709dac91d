public import Foundation

/// Durations as people write them: `500ms`, `15s`, `5m`, `24h`, `30d`, or plain seconds.
public enum DurationText {
    private static let units: [(name: String, seconds: Double)] =
        [("ms", 0.001), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)]

    /// Seconds, or nil for what is no duration.
    public static func parse(_ text: String) -> TimeInterval? {
        let unit = units.first { text.hasSuffix($0.name) }
        return plainNumber(text.dropLast(unit?.name.count ?? 0)).map { $0 * (unit?.seconds ?? 1) }
    }

    /// The shortest exact way to write it, in hours at most: `24h`, `90s`.
    public static func show(_ seconds: TimeInterval) -> String {
        let milliseconds = (seconds * 1000).rounded()
        guard milliseconds.magnitude < 1e15 else { return "\(seconds)s" }
        let whole = Int(milliseconds)
        for (name, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] where whole != 0 && whole % length == 0 {
            return "\(whole / length)\(name)"
        }
        return whole == 0 ? "0s" : "\(whole)ms"
    }
}

/// Sizes as people write them: `25MB` (a million each), `8GiB` (2³⁰ each), or plain bytes.
public enum SizeText {
    private static let units: [(name: String, bytes: Int64)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
        ("kB", 1000), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
    ]

    /// Bytes, or nil for what is no size.
    public static func parse(_ text: String) -> Int64? {
        let unit = units.first { text.hasSuffix($0.name) }
        guard let number = plainNumber(text.dropLast(unit?.name.count ?? 0)) else { return nil }
        let bytes = (number * Double(unit?.bytes ?? 1)).rounded()
        return bytes < 0x1p62 ? Int64(bytes) : nil
    }

    /// Exact: `8GiB`, `25MiB`, `1500B`.
    public static func show(_ bytes: Int64) -> String {
        let unit = units.prefix(4).last { bytes != 0 && bytes % $0.bytes == 0 }
        return "\(bytes / (unit?.bytes ?? 1))\(unit?.name ?? "B")"
    }

    /// For people, rounded to three figures: `1.25 MB`.
    public static func rounded(_ bytes: Int64) -> String {
        guard bytes >= 1000 else { return "\(bytes) B" }
        let names = ["kB", "MB", "GB", "TB", "PB", "EB"]
        var value = Double(bytes) / 1000
        var name = 0
        while value >= 999.5, name + 1 < names.count {
            value /= 1000
            name += 1
        }
        let format = value < 9.995 ? "%.2f %@" : value < 99.95 ? "%.1f %@" : "%.0f %@"
        return String(format: format, value, names[name] as NSString)
    }
}

/// A number in plain decimal digits; no sign, no exponent, no `inf`.
private func plainNumber(_ text: Substring) -> Double? {
    guard text.utf8.first.map({ (48...57).contains($0) }) == true, text.utf8.count <= 18,
        text.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ".") })
    else { return nil }
    return Double(text)
}
