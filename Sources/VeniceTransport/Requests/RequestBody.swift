import HTTPTransport

/// Writes one flat JSON object in the order its fields are added. Large media stays on disk until it is sent.
struct RequestBody {
    private(set) var parts: [HTTPRequest.Part] = []
    private var text = "{"
    private var isFirst = true

    mutating func add(_ key: String, _ value: String?) {
        if let value { begin(key, JSON.quoted(value)) }
    }

    mutating func add(_ key: String, _ value: Bool?) {
        if let value { begin(key, value ? "true" : "false") }
    }

    mutating func add(_ key: String, _ value: Int?) {
        if let value { begin(key, "\(value)") }
    }

    mutating func add(_ key: String, _ media: VeniceMedia?) {
        guard let media else { return }
        begin(key, "")
        write(media)
    }

    mutating func add(_ key: String, _ media: [VeniceMedia]) {
        guard !media.isEmpty else { return }
        begin(key, "[")
        for (index, one) in media.enumerated() {
            if index > 0 { text += "," }
            write(one)
        }
        text += "]"
    }

    mutating func finish() -> [HTTPRequest.Part] {
        text += "}"
        flush()
        return parts
    }

    private mutating func begin(_ key: String, _ value: String) {
        text += (isFirst ? "" : ",") + JSON.quoted(key) + ":" + value
        isFirst = false
    }

    private mutating func write(_ media: VeniceMedia) {
        switch media {
        case .url(let url): text += JSON.quoted(url)
        case .file(let path, let mimeType, _):
            // The opening quote and what follows stay one string; base64 needs no escapes.
            text += JSON.quoted("data:\(mimeType);base64,").dropLast()
            flush()
            parts.append(.file(path: path, encoding: .base64))
            text = "\""
        }
    }

    private mutating func flush() {
        parts.append(.bytes(Array(text.utf8)))
        text = ""
    }
}
