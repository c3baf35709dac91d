import Crypto
import Foundation

/// A stream of numbers that depends on nothing but its seed (SplitMix64): the same seed plays the same day again.
struct Dice: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A stream of its own for one named thing, for instance one job: what happens to others does not shift its numbers.
    init(seed: UInt64, _ name: String) {
        let digest = SHA256.hash(data: Data("\(seed)|\(name)".utf8))
        state = digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Evenly spread over [0, 1).
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Standard normal, by Box and Muller.
    mutating func normal() -> Double {
        let radius = (-2 * log(1 - unit())).squareRoot()
        return radius * cos(2 * .pi * unit())
    }

    /// A random-looking version 4 UUID in lower case.
    mutating func uuid() -> String {
        let (high, low) = (next(), next())
        let digits = Array(hex(high) + hex(low))
        let version = "4" + String(digits[13...15])
        let variant = String("89ab".randomElement(using: &self) ?? "8") + String(digits[17...19])
        return [String(digits[0...7]), String(digits[8...11]), version, variant, String(digits[20...31])]
            .joined(separator: "-")
    }

    private func hex(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
