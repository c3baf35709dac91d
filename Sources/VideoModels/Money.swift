public import Foundation

/// An amount in US dollars, exact to the millionth; never a binary fraction.
///
/// On the wire it is text such as `"0.55"`, since JSON numbers pass through binary floating point in many clients.
public struct Money: Hashable, Sendable {
    public var usd: Decimal

    public init(usd: Decimal) { self.usd = usd }

    /// Reads plain decimal notation (`12`, `0.55`, `-0.1`): at most 12 digits before the point and 6 after it.
    public init?(_ text: String) {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), (1...12).contains(parts[0].count),
            parts.count == 1 || (1...6).contains(parts[1].count),
            parts.allSatisfy({ $0.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } }),
            let value = Decimal(string: text, locale: nil)
        else { return nil }
        self.usd = value
    }

    /// Nothing.
    public static let zero = Money(usd: 0)
    public static func + (left: Self, right: Self) -> Self { Self(usd: left.usd + right.usd) }
    public static func - (left: Self, right: Self) -> Self { Self(usd: left.usd - right.usd) }

    /// The amount alone: `0.55`.
    public var text: String { NSDecimalNumber(decimal: usd).description(withLocale: nil) }
}

extension Money: Comparable {
    public static func < (left: Self, right: Self) -> Bool { left.usd < right.usd }
}

extension Money: CustomStringConvertible {
    /// For people: `$0.55`, at least two digits after the point.
    public var description: String {
        var digits = text
        let sign = digits.hasPrefix("-") ? "-" : ""
        if !sign.isEmpty { digits.removeFirst() }
        let decimals = digits.firstIndex(of: ".").map { digits.distance(from: $0, to: digits.endIndex) - 1 }
        switch decimals {
        case nil: digits += ".00"
        case 1: digits += "0"
        default: break
        }
        return "\(sign)$\(digits)"
    }
}

extension Money: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not an amount such as \"0.55\""))
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
