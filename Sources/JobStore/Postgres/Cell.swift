import Foundation
import VideoModels

/// Values in the binary form of the protocol: big-endian, as `…_send` of each type writes them.
enum Cell {
    static func integer(_ cell: UnsafeRawBufferPointer) -> Int64? {
        switch cell.count {
        case 2: Int64(Int16(bitPattern: UInt16(truncatingIfNeeded: bits(cell))))
        case 4: Int64(Int32(bitPattern: UInt32(truncatingIfNeeded: bits(cell))))
        case 8: Int64(bitPattern: bits(cell))
        default: nil
        }
    }

    static func integerText(_ cell: UnsafeRawBufferPointer) -> Int64? { Int64(String(decoding: cell, as: UTF8.self)) }

    static func double(_ cell: UnsafeRawBufferPointer) -> Double? {
        cell.count == 8 ? Double(bitPattern: bits(cell)) : nil
    }

    static func uuid(_ cell: UnsafeRawBufferPointer) -> UUID? {
        cell.count == 16 ? UUID(uuid: cell.loadUnaligned(as: uuid_t.self)) : nil
    }

    /// `timestamptz`: microseconds since 2000.
    static func date(_ cell: UnsafeRawBufferPointer) -> Date? {
        integer(cell).map { Date(timeIntervalSince1970: Double($0 + epoch2000) / 1_000_000) }
    }

    static let epoch2000: Int64 = 946_684_800_000_000

    /// `jsonb` has a version before its text, `json` is its text.
    static func json(_ cell: UnsafeRawBufferPointer) -> Data { Data(cell.first == 1 ? cell.dropFirst() : cell[...]) }

    /// `numeric`: how many digits to the base of 10,000, the weight of the first, sign, decimals shown, the digits. Read as
    /// millionths, which is all that an amount has.
    static func money(_ cell: UnsafeRawBufferPointer) -> Money? {
        guard cell.count >= 8, cell.count.isMultiple(of: 2) else { return nil }
        let words = stride(from: 0, to: cell.count, by: 2).map { Int64(Int16(cell[$0]) << 8 | Int16(cell[$0 + 1])) }
        let (weight, sign) = (words[1], words[2])
        guard words[0] == words.count - 4, sign == 0 || sign == 0x4000, weight <= 2 else { return nil }
        var millionths: Int64 = 0
        for (place, digit) in words.dropFirst(4).enumerated() {
            switch weight - Int64(place) {
            case let power where power >= 0: millionths += digit * 1_000_000 * [1, 10_000, 100_000_000][Int(power)]
            case -1: millionths += digit * 100
            case -2 where digit.isMultiple(of: 100): millionths += digit / 100
            case _ where digit == 0: break
            default: return nil
            }
        }
        return Money(millionths: sign == 0 ? millionths : -millionths)
    }

    private static func bits(_ cell: UnsafeRawBufferPointer) -> UInt64 { cell.reduce(0) { $0 << 8 | UInt64($1) } }
}

extension Money {
    fileprivate init(millionths: Int64) {
        var (digits, exponent) = (millionths, -6)
        while exponent < 0, digits.isMultiple(of: 10) { (digits, exponent) = (digits / 10, exponent + 1) }
        let size = Decimal(sign: .plus, exponent: exponent, significand: Decimal(digits.magnitude))
        self.init(usd: digits < 0 ? -size : size)
    }
}
