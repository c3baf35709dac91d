import Foundation

/// Recognises media by their bytes, never by what they are called.
enum MediaSniffer {
    /// Reads the size of a PNG, JPEG or WebP picture from its header; nil for anything else and for a broken header.
    static func pictureSize(_ data: Data) -> (width: Int, height: Int)? {
        let bytes = [UInt8](data.prefix(1 << 20))
        if starts(bytes, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return png(bytes) }
        if starts(bytes, [0xFF, 0xD8, 0xFF]) { return jpeg(bytes) }
        if text(bytes, at: 0, "RIFF") && text(bytes, at: 8, "WEBP") { return webp(bytes) }
        return nil
    }

    /// BMP, GIF, TIFF and HEIF, which some models take as well. Their size is not read.
    static func isOtherPicture(_ data: Data) -> Bool {
        let bytes = [UInt8](data.prefix(16))
        if text(bytes, at: 4, "ftyp") { return ["heic", "heif", "mif1"].contains { text(bytes, at: 8, $0) } }
        return text(bytes, at: 0, "GIF8") || text(bytes, at: 0, "BM") || starts(bytes, [0x49, 0x49, 0x2A, 0])
            || starts(bytes, [0x4D, 0x4D, 0, 0x2A])
    }

    static func isAudio(_ data: Data) -> Bool {
        let bytes = [UInt8](data.prefix(16))
        if text(bytes, at: 0, "RIFF") && text(bytes, at: 8, "WAVE") { return true }
        return text(bytes, at: 0, "ID3") || (bytes.count > 1 && bytes[0] == 0xFF && bytes[1] & 0xE0 == 0xE0)
    }

    static func isVideo(_ data: Data) -> Bool {
        let bytes = [UInt8](data.prefix(16))
        return text(bytes, at: 4, "ftyp") || starts(bytes, [0x1A, 0x45, 0xDF, 0xA3])
            || (text(bytes, at: 0, "RIFF") && text(bytes, at: 8, "AVI "))
    }

    private static func png(_ bytes: [UInt8]) -> (Int, Int)? {
        guard bytes.count >= 24, text(bytes, at: 12, "IHDR") else { return nil }
        return (big(bytes, 16, 4), big(bytes, 20, 4))
    }

    /// Walks the segments to the first start of frame.
    private static func jpeg(_ bytes: [UInt8]) -> (Int, Int)? {
        var position = 2
        while position + 9 <= bytes.count, bytes[position] == 0xFF {
            let marker = bytes[position + 1]
            if (0xC0...0xCF).contains(marker) && ![0xC4, 0xC8, 0xCC].contains(marker) {
                return (big(bytes, position + 7, 2), big(bytes, position + 5, 2))
            }
            position += 2 + big(bytes, position + 2, 2)
        }
        return nil
    }

    private static func webp(_ bytes: [UInt8]) -> (Int, Int)? {
        guard bytes.count >= 30 else { return nil }
        if text(bytes, at: 12, "VP8X") { return (1 + little(bytes, 24, 3), 1 + little(bytes, 27, 3)) }
        if text(bytes, at: 12, "VP8L") {
            let bits = little(bytes, 21, 4)
            return (1 + bits & 0x3FFF, 1 + (bits >> 14) & 0x3FFF)
        }
        guard text(bytes, at: 12, "VP8 ") else { return nil }
        return (little(bytes, 26, 2) & 0x3FFF, little(bytes, 28, 2) & 0x3FFF)
    }

    private static func starts(_ bytes: [UInt8], _ prefix: [UInt8]) -> Bool { bytes.starts(with: prefix) }

    private static func text(_ bytes: [UInt8], at offset: Int, _ text: String) -> Bool {
        bytes.dropFirst(offset).starts(with: text.utf8)
    }

    private static func big(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
        bytes[offset..<offset + count].reduce(0) { $0 << 8 | Int($1) }
    }

    private static func little(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
        bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
}
