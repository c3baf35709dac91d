/// An amount of US dollars in whole cents. Quotes are rounded to cents, so that no sum ever drifts.
public struct Cents: Hashable, Comparable, Sendable, Codable {
    public var count: Int

    public init(_ count: Int) { self.count = count }

    /// Rounds millionths of a dollar half up.
    init(roundingMicros micros: Int) { count = (micros + 5_000) / 10_000 }

    /// The amount as the wire shows it, in dollars.
    public var dollars: Double { Double(count) / 100 }

    public init(from decoder: any Decoder) throws {
        count = Int((try decoder.singleValueContainer().decode(Double.self) * 100).rounded())
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(dollars)
    }

    public static func < (left: Cents, right: Cents) -> Bool { left.count < right.count }
    static func + (left: Cents, right: Cents) -> Cents { Cents(left.count + right.count) }
    static func - (left: Cents, right: Cents) -> Cents { Cents(left.count - right.count) }
}
