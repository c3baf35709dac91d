/// Makes words from outside fit for logs: short, on one line, without keys, links or embedded files.
enum Scrubber {
    static let longest = 500

    static func clean(_ text: String) -> String {
        var words: [Substring] = []
        var hidesNext = false
        for word in text.prefix(8 * longest).split(whereSeparator: { $0.isWhitespace || $0.isNewline }) {
            words.append(hidesNext ? "‹redacted›" : clean(word: word))
            hidesNext = word.lowercased() == "bearer"
        }
        let line = words.joined(separator: " ").unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }
        return String(String(String.UnicodeScalarView(line)).prefix(longest))
    }

    /// A link keeps its host, so that one can tell whose it was.
    private static func clean(word: Substring) -> Substring {
        if let key = word.firstRange(of: "VENICE_INFERENCE_KEY_") ?? word.firstRange(of: "VENICE_ADMIN_KEY_") {
            return word[..<key.upperBound] + "‹redacted›"
        }
        if let data = word.firstRange(of: "data:"), word.contains(";base64") {
            return word[..<data.upperBound] + "‹redacted›"
        }
        // In JSON that is quoted as it came, slashes may be escaped.
        guard let scheme = word.firstRange(of: "://") ?? word.firstRange(of: #":\/\/"#) else { return word }
        let rest = word[scheme.upperBound...]
        guard let path = rest.firstIndex(where: { #"/?#\"#.contains($0) }) else { return word }
        return word[..<path] + "/‹redacted›"
    }
}
