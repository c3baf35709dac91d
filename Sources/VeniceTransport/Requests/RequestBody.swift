import HTTPTransport

/// A JSON value of a request. Media may be files, which stay on disk until they are sent.
indirect enum BodyValue: Hashable, Sendable {
    case text(String)
    case bool(Bool)
    case int(Int)
    /// Finite; whoever makes one sees to that.
    case number(Double)
    case media(VeniceMedia)
    case list([BodyValue])
    case record([BodyField])
}

/// A member of an object.
struct BodyField: Hashable, Sendable {
    var key: String
    var value: BodyValue
}

/// Writes one JSON object in the order its fields are added. Nothing absent or empty is ever written.
struct RequestBody: Hashable, Sendable {
    private(set) var fields: [BodyField] = []

    mutating func add(_ key: String, _ value: BodyValue?) {
        guard let value, value != .list([]), value != .text("") else { return }
        fields.append(BodyField(key: key, value: value))
    }

    mutating func add(_ key: String, _ text: String?) { add(key, text.map(BodyValue.text)) }
    mutating func add(_ key: String, _ flag: Bool?) { add(key, flag.map(BodyValue.bool)) }
    mutating func add(_ key: String, _ list: [BodyValue]) { add(key, .list(list)) }

    /// The text, with files in between.
    var parts: [HTTPRequest.Part] {
        var writer = BodyWriter()
        writer.write(.record(fields))
        return writer.finish()
    }
}

private struct BodyWriter {
    private var parts: [HTTPRequest.Part] = []
    private var text = ""

    mutating func write(_ value: BodyValue) {
        switch value {
        case .text(let words): text += JSON.quoted(words)
        case .bool(let flag): text += flag ? "true" : "false"
        case .int(let number): text += "\(number)"
        // Without a fraction where there is none.
        case .number(let number): text += Int(exactly: number).map { "\($0)" } ?? "\(number)"
        case .media(.url(let url)): text += JSON.quoted(url)
        case .media(.file(let path, let mimeType, _)):
            // The opening quote and what follows stay one string; base64 needs no escapes.
            text += JSON.quoted("data:\(mimeType);base64,").dropLast()
            flush()
            parts.append(.file(path: path, encoding: .base64))
            text = "\""
        case .list(let elements): enclose("[", elements, "]") { $0.write($1) }
        case .record(let fields):
            enclose("{", fields, "}") {
                $0.text += JSON.quoted($1.key) + ":"
                $0.write($1.value)
            }
        }
    }

    private mutating func enclose<Element>(
        _ opening: String, _ elements: [Element], _ closing: String, _ write: (inout Self, Element) -> Void
    ) {
        text += opening
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            write(&self, element)
        }
        text += closing
    }

    mutating func finish() -> [HTTPRequest.Part] {
        flush()
        return parts
    }

    private mutating func flush() {
        parts.append(.bytes(Array(text.utf8)))
        text = ""
    }
}
