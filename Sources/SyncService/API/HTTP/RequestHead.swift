/// A request's method; any token, compared exactly.
struct APIMethod: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    let description: String

    init(stringLiteral value: String) { description = value }
    init(_ text: some StringProtocol) { description = String(text) }

    static let get: Self = "GET"
    static let head: Self = "HEAD"
    static let post: Self = "POST"
    static let put: Self = "PUT"
    static let patch: Self = "PATCH"
    static let delete: Self = "DELETE"
    static let options: Self = "OPTIONS"
}

/// A request up to its body, as it came: nothing in the target is decoded yet.
struct RequestHead: Hashable, Sendable {
    enum Framing: Hashable, Sendable {
        case none
        case length(Int64)
        case chunked
    }

    var method: APIMethod
    var path: String
    var query: String?
    var headers: APIHeaders
    var isHTTP10: Bool
    var framing: Framing
    var expectsContinue: Bool

    /// Whether the client would send another request on this connection. HTTP/1.0 clients get a connection each.
    var wantsKeepAlive: Bool {
        !isHTTP10 && !headers.list(of: "connection").contains { APIHeaders.isSame(String($0), "close") }
    }
}

extension RequestHead {
    /// Reads a request line and header fields; each line ends in CRLF, the last is empty.
    ///
    /// Stricter than the standard must be: whatever two readers could understand differently is refused, since the other
    /// reader may be a proxy in front of us (request smuggling).
    init(parsing bytes: UnsafeRawBufferPointer, limits: HTTPServerLimits) throws(RequestRefusal) {
        var lines = HeadLines(bytes)
        guard let first = lines.next() else { throw .malformed("There is no request line.") }
        let line = try RequestLine(first, limits: limits)
        var headers = APIHeaders()
        while let line = lines.next(), !line.isEmpty {
            guard headers.fields.count < limits.headerFields else { throw .headersTooLarge(limit: limits.headerFields) }
            try headers.add(parsing: line)
        }
        (method, path, query, isHTTP10) = (line.method, line.path, line.query, line.isHTTP10)
        self.headers = headers
        framing = try Self.framing(headers, isHTTP10: line.isHTTP10)
        expectsContinue = try Self.expectation(headers, isHTTP10: line.isHTTP10)
        let hosts = headers.values(of: "host").count
        guard hosts == 1 || hosts == 0 && line.isHTTP10 else {
            throw .malformed("A request has exactly one Host field.")
        }
    }

    private static func framing(_ headers: APIHeaders, isHTTP10: Bool) throws(RequestRefusal) -> Framing {
        let (codings, lengths) = (headers.values(of: "transfer-encoding"), headers.values(of: "content-length"))
        if !codings.isEmpty {
            guard lengths.isEmpty else { throw .malformed("Content-Length and Transfer-Encoding exclude each other.") }
            guard !isHTTP10, codings.count == 1, APIHeaders.isSame(codings[0], "chunked") else {
                throw .malformed("The only transfer coding is chunked.")
            }
            return .chunked
        }
        guard let text = lengths.first else { return .none }
        let isNumber = (1...18).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard lengths.count == 1, isNumber, let length = Int64(text) else {
            throw .malformed("Content-Length is one number.")
        }
        return length == 0 ? .none : .length(length)
    }

    private static func expectation(_ headers: APIHeaders, isHTTP10: Bool) throws(RequestRefusal) -> Bool {
        guard let expectation = headers["expect"], !isHTTP10 else { return false }
        guard APIHeaders.isSame(expectation, "100-continue") else { throw .unsupportedExpectation }
        return true
    }
}

/// Lines that end in CRLF; a bare CR or LF stays in its line, where it is refused as a control character.
private struct HeadLines {
    private var rest: Slice<UnsafeRawBufferPointer>

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes[...] }

    mutating func next() -> Slice<UnsafeRawBufferPointer>? {
        var from = rest.startIndex
        while let end = rest[from...].firstIndex(of: 0x0a) {
            if end > rest.startIndex, rest[end - 1] == 0x0d {
                defer { rest = rest[(end + 1)...] }
                return rest[..<(end - 1)]
            }
            from = end + 1
        }
        return nil
    }
}

private struct RequestLine {
    let method: APIMethod
    let path: String
    let query: String?
    let isHTTP10: Bool

    init(_ line: Slice<UnsafeRawBufferPointer>, limits: HTTPServerLimits) throws(RequestRefusal) {
        let parts = line.split(separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, (1...32).contains(parts[0].count), parts[0].allSatisfy(isTokenByte) else {
            throw .malformed("The request line is not method, target and version.")
        }
        guard parts[1].count <= limits.targetBytes else { throw .targetTooLong(limit: limits.targetBytes) }
        method = APIMethod(String(decoding: parts[0], as: UTF8.self))
        isHTTP10 = try Self.version(parts[2])
        (path, query) = try Self.target(parts[1])
    }

    private static func version(_ text: Slice<UnsafeRawBufferPointer>) throws(RequestRefusal) -> Bool {
        if text.elementsEqual("HTTP/1.1".utf8) { return false }
        if text.elementsEqual("HTTP/1.0".utf8) { return true }
        guard text.starts(with: "HTTP/".utf8) else { throw .malformed("The request line is not that of HTTP.") }
        throw .unsupportedVersion
    }

    /// `/path?query`, also after `http://host` as proxies write it.
    private static func target(_ bytes: Slice<UnsafeRawBufferPointer>) throws(RequestRefusal) -> (String, String?) {
        guard bytes.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw .malformed("The target has characters that must be percent-encoded.")
        }
        var text = String(decoding: bytes, as: UTF8.self)[...]
        if text.utf8.first != UInt8(ascii: "/") { text = withoutOrigin(text) }
        guard text.first == "/" else { throw .malformed("The target is not a path.") }
        guard let mark = text.utf8.firstIndex(of: UInt8(ascii: "?")) else { return (String(text), nil) }
        return (String(text[..<mark]), String(text[text.index(after: mark)...]))
    }

    private static func withoutOrigin(_ target: Substring) -> Substring {
        var text = target
        for scheme in ["http://", "https://"] where text.lowercased().hasPrefix(scheme) {
            text = text.dropFirst(scheme.count)
            text = text[(text.firstIndex { $0 == "/" || $0 == "?" } ?? text.endIndex)...]
            if text.first != "/" { text = "/" + text }
        }
        return text
    }
}

extension APIHeaders {
    /// `Name: value`, no space before the colon, no folded lines, no control characters.
    fileprivate mutating func add(parsing line: Slice<UnsafeRawBufferPointer>) throws(RequestRefusal) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(isTokenByte)
        else { throw .malformed("A header field is not a name, a colon and a value.") }
        var value = line[(colon + 1)...]
        while let first = value.first, first == 0x20 || first == 0x09 { value = value.dropFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value = value.dropLast() }
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
            throw .malformed("A header field has control characters.")
        }
        add(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
    }
}

/// The characters of methods and field names.
private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
