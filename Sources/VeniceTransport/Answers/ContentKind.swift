import HTTPTransport

/// What a body is, judged by its first bytes: headers of this API have been seen to be wrong (PROTOCOL §5).
enum ContentKind: Hashable {
    case video(contentType: String)
    case json
    case markup
    case empty
    case unknown

    /// Enough to tell.
    static let bytesNeeded = 12

    init(_ bytes: [UInt8], declared: String?) {
        let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
        let first = text.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }
        let declaredType = declared?.split(separator: ";").first.map { $0.trimmed.lowercased() }
        if bytes.isEmpty {
            self = .empty
        } else if let known = Self.container(bytes) {
            self = .video(contentType: known)
        } else if first == UInt8(ascii: "{") || Gzip.begins(bytes) {
            // gzip that no header announced is undone by whoever reads the JSON; no video begins like it.
            self = .json
        } else if first == UInt8(ascii: "<") {
            self = .markup
        } else if let declaredType, declaredType.hasPrefix("video/") {
            // Some other container: whether it is whole is for the one who stores it to find out.
            self = .video(contentType: declaredType)
        } else {
            self = .unknown
        }
    }

    /// MP4 and MOV begin with a box, Matroska with its magic number.
    private static func container(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0x1a, 0x45, 0xdf, 0xa3]) { return "video/webm" }
        guard bytes.count >= 8 else { return nil }
        switch String(decoding: bytes[4..<8], as: UTF8.self) {
        case "ftyp":
            let brand = bytes.count >= 12 ? String(decoding: bytes[8..<12], as: UTF8.self) : ""
            return brand == "qt  " ? "video/quicktime" : "video/mp4"
        case "moov", "mdat", "wide", "free", "skip": return "video/quicktime"
        default: return nil
        }
    }
}

extension Substring {
    fileprivate var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
