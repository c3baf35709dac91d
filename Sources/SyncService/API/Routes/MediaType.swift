import Foundation

/// What a file is, by its first bytes. Names and headers are not asked.
enum MediaType {
    static let bytesNeeded = 16

    /// Pictures and sounds that come in the same boxes as a video, as phones make them, and that no model takes.
    private static let notVideo = [
        "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "avif", "avis", "M4A ", "M4B ", "M4P ", "crx ",
    ]

    static func sniff(_ bytes: [UInt8]) -> String? {
        func has(_ text: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: Array(text.utf8)) }
        switch bytes {
        case _ where bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]): return "image/png"
        case _ where bytes.starts(with: [0xFF, 0xD8, 0xFF]): return "image/jpeg"
        case _ where has("RIFF") && has("WEBP", at: 8): return "image/webp"
        case _ where has("GIF87a") || has("GIF89a"): return "image/gif"
        case _ where has("RIFF") && has("WAVE", at: 8): return "audio/wav"
        case _ where has("ID3") || (bytes.count > 1 && bytes[0] == 0xFF && bytes[1] & 0xE6 == 0xE2): return "audio/mpeg"
        case _ where has("ftypqt", at: 4): return "video/quicktime"
        case _ where has("ftyp", at: 4) && !notVideo.contains(where: { has($0, at: 8) }): return "video/mp4"
        case _ where bytes.starts(with: [0x1A, 0x45, 0xDF, 0xA3]): return "video/webm"
        default: return nil
        }
    }

    /// A few bytes of a file that was just written, so they come from memory.
    static func beginning(ofFileAt path: String) throws -> [UInt8] {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        return Array(try file.read(upToCount: bytesNeeded) ?? Data())
    }
}
