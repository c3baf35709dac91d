/// Sums up a set of objects at their versions in 24 bytes, so that two copies of a feed can be compared without being sent.
///
/// The digest of a set is the sum of its objects' digests, so one that changes is taken off and put on again in its new
/// version, whatever the order. It finds what went wrong by accident; it is no proof against somebody who means harm.
///
/// An object's digest, in unsigned 64-bit arithmetic that wraps: `name` is FNV-1a (64 bits) of the UTF-8 of `kind/id`,
/// `low = mix(name ^ mix(sequence))`, `high = mix(low ^ name)`, with `mix` the finalizer of SplitMix64. Source of the
/// constants: Fowler, Noll and Vo, IETF draft-eastlake-fnv; Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
public struct FeedDigest: Hashable, Sendable {
    public private(set) var count: Int
    private var high: UInt64
    private var low: UInt64

    /// The digest of nothing.
    public init() { (count, high, low) = (0, 0, 0) }

    /// The digest of one object at one version.
    public init(of key: Change.ObjectKey, sequence: Int64) {
        let name = Self.name(of: key)
        count = 1
        low = Self.mix(name ^ Self.mix(UInt64(bitPattern: sequence)))
        high = Self.mix(low ^ name)
    }

    /// Reads what `text` wrote; nil where it is not 32 hexadecimal digits or the count is negative.
    public init?(count: Int, text: String) {
        guard count >= 0, text.utf8.count == 32, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }),
            let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        (self.count, self.high, self.low) = (count, high, low)
    }

    /// 32 hexadecimal digits in lower case: `high`, then `low`. Says nothing of the count.
    public var text: String { Self.hex(high) + Self.hex(low) }

    public static func + (one: FeedDigest, other: FeedDigest) -> FeedDigest {
        var sum = FeedDigest()
        (sum.count, sum.high, sum.low) = (one.count + other.count, one.high &+ other.high, one.low &+ other.low)
        return sum
    }

    public static func - (one: FeedDigest, other: FeedDigest) -> FeedDigest {
        var sum = FeedDigest()
        (sum.count, sum.high, sum.low) = (one.count - other.count, one.high &- other.high, one.low &- other.low)
        return sum
    }

    /// Adds the digest of other objects.
    public static func += (one: inout FeedDigest, other: FeedDigest) { one = one + other }

    /// Takes the digest of some of the objects off.
    public static func -= (one: inout FeedDigest, other: FeedDigest) { one = one - other }

    /// Where an object stands in the tree of digests, whatever its version: 16 hexadecimal digits, `mix(name)`. The objects
    /// whose place begins with the same digits make one node.
    public static func place(of key: Change.ObjectKey) -> String { hex(mix(name(of: key))) }

    private static func name(of key: Change.ObjectKey) -> UInt64 { fnv1a("\(key.kind)/\(key.id)".utf8) }

    /// FNV-1a of 64 bits. No byte of equally many can change alone without changing it.
    package static func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    package static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
