import Foundation

/// Codes a body as gzip with stored blocks: valid for every decoder, and as long as the original.
enum Gzip {
    static func code(_ bytes: Data) -> Data {
        var coded = Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(65_535)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            coded.append(rest.isEmpty ? 1 : 0)
            coded += little(length) + little(~length) + block
        } while !rest.isEmpty
        return coded + little(checksum(bytes)) + little(UInt32(truncatingIfNeeded: bytes.count))
    }

    /// Whether a request's `Accept-Encoding` allows it.
    static func isAccepted(_ field: String?) -> Bool {
        (field ?? "").lowercased().split(separator: ",").contains { coding in
            let parts = coding.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
            return parts.first == "gzip" && !parts.dropFirst().contains { ["q=0", "q=0.0"].contains($0) }
        }
    }

    /// CRC-32 as gzip wants it.
    static func checksum(_ bytes: Data) -> UInt32 {
        ~bytes.reduce(UInt32.max) { sum, byte in table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ (sum >> 8) }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }

    private static func little(_ value: some FixedWidthInteger) -> Data {
        withUnsafeBytes(of: value.littleEndian) { Data($0) }
    }
}
