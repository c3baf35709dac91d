import Foundation

/// How a client is to call a file, and whether to show it or to keep it (RFC 6266).
struct ContentDisposition: Hashable, Sendable {
    /// Shown in place, unless it is to be kept.
    var isAttachment: Bool
    /// Readable, and safe as a name in any file system.
    let name: String

    /// - Parameters:
    ///   - title: for people, from anywhere; nil or nothing but signs for `fallback`.
    ///   - type: of the content, for the name's ending.
    init(title: String?, fallback: String, type: String, isAttachment: Bool = false) {
        let stem = [title ?? "", fallback].lazy.map(Self.stem).first { !$0.isEmpty } ?? "video"
        name = stem + Self.ending(of: type)
        self.isAttachment = isAttachment
    }

    /// The field's value: the name in ASCII for old clients, and in full (RFC 8187) where that says less.
    var value: String {
        let plain = String(
            decoding: name.unicodeScalars.map { Self.isPlain($0) ? UInt8($0.value) : 0x5F }, as: UTF8.self)
        let kind = isAttachment ? "attachment" : "inline"
        let field = "\(kind); filename=\"\(plain)\""
        return plain == name ? field : field + "; filename*=UTF-8''" + Self.encoded(name)
    }

    private static let longestStem = 60

    /// At most sixty characters, cut at a word where there is one: no path, no sign that a file system or a header could
    /// take for something else, nothing invisible.
    private static func stem(_ text: String) -> String {
        let kept = text.unicodeScalars.prefix(400).map { isNamely($0) ? Character($0) : " " }
        let words = String(kept).split(separator: " ")
        var stem = ""
        for word in words {
            let longer = stem.isEmpty ? String(word) : stem + " " + word
            guard longer.count <= longestStem else { break }
            stem = longer
        }
        if stem.isEmpty, let word = words.first { stem = String(word.prefix(longestStem)) }
        // A file system counts bytes, and one character may have many: 255 of them are the most, the ending included.
        while stem.utf8.count > 200 { stem.removeLast() }
        return stem.trimmingCharacters(in: CharacterSet(charactersIn: ". -_,;"))
    }

    private static func isNamely(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: !#"/\:*?"<>|%"#.unicodeScalars.contains(scalar)
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool { (0x20...0x7E).contains(scalar.value) }

    private static func ending(of type: String) -> String {
        switch type {
        case "video/mp4": ".mp4"
        case "video/quicktime": ".mov"
        case "video/webm": ".webm"
        case "image/jpeg": ".jpg"
        case "image/png": ".png"
        case "image/webp": ".webp"
        default: ""
        }
    }

    /// Everything but the characters that RFC 8187 lets stand.
    private static func encoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                if "!#$&+-.^_`|~".utf8.contains(byte) {
                    result.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
                }
            }
        }
    }
}
