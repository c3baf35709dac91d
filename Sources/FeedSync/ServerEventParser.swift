/// One event of a stream of server-sent events.
public enum ServerEvent: Hashable, Sendable {
    /// `id` is the last one that the stream has named, here or before; empty if none.
    case message(event: String, data: String, id: String)
    /// A line that carries nothing: the sender is alive.
    case comment(String)
    /// How long to wait before a new connection, in milliseconds.
    case retry(Int)
}

/// Reads `text/event-stream` as the HTML standard has it (§9.2.6), in pieces cut anywhere.
///
/// A line and an event have at most `limit` bytes: a sender that never ends one is an error, not memory.
public struct ServerEventParser: Sendable {
    /// A line or an event that is longer than what was agreed.
    public struct TooLong: Error, Hashable, Sendable {}

    private let limit: Int
    private var line: [UInt8] = []
    private var isAtStart = true
    private var endsWithReturn = false
    private var event = ""
    private var data: [UInt8]?
    private var id = ""

    /// - Parameter limit: The most bytes of a line, and of an event's data.
    public init(limit: Int = 32 << 20) { self.limit = limit }

    /// Takes the next bytes and returns what they complete. After an error the stream is of no more use.
    public mutating func append(_ bytes: [UInt8]) throws(TooLong) -> [ServerEvent] {
        var events: [ServerEvent] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(where: { $0 == Self.newline || $0 == Self.carriageReturn }) {
            try take(rest[..<end])
            // The second byte of a line end that came in two pieces, or in one.
            let isSecond = endsWithReturn && line.isEmpty && end == rest.startIndex && rest[end] == Self.newline
            endsWithReturn = rest[end] == Self.carriageReturn
            if !isSecond { try endLine(&events) }
            rest = rest[(end + 1)...]
        }
        if !rest.isEmpty { endsWithReturn = false }
        try take(rest)
        return events
    }

    private static let newline = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    private mutating func take(_ bytes: ArraySlice<UInt8>) throws(TooLong) {
        guard line.count + bytes.count <= limit else { throw TooLong() }
        line += bytes
    }

    private mutating func endLine(_ events: inout [ServerEvent]) throws(TooLong) {
        defer { line.removeAll(keepingCapacity: true) }
        if isAtStart, line.starts(with: [0xef, 0xbb, 0xbf]) { line.removeFirst(3) }
        isAtStart = false
        guard !line.isEmpty else { return dispatch(&events) }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[min(colon + 1, line.endIndex)...]
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "": events.append(.comment(String(decoding: value, as: UTF8.self)))
        case "event": event = String(decoding: value, as: UTF8.self)
        case "data": try append(data: value)
        case "id" where !value.contains(0): id = String(decoding: value, as: UTF8.self)
        case "retry" where !value.isEmpty && value.allSatisfy { (48...57).contains($0) }:
            if let milliseconds = Int(String(decoding: value, as: UTF8.self)) { events.append(.retry(milliseconds)) }
        default: break
        }
    }

    private mutating func append(data value: ArraySlice<UInt8>) throws(TooLong) {
        guard (data?.count ?? -1) + 1 + value.count <= limit else { throw TooLong() }
        if data == nil { data = Array(value) } else { data? += [Self.newline] + value }
    }

    /// An empty line ends an event; one without data never was one.
    private mutating func dispatch(_ events: inout [ServerEvent]) {
        if let data {
            let name = event.isEmpty ? "message" : event
            events.append(.message(event: name, data: String(decoding: data, as: UTF8.self), id: id))
        }
        (event, data) = ("", nil)
    }
}
