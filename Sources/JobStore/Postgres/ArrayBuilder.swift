import Foundation
import VideoModels

/// Builds one column of many rows as an array in binary form, for `unnest`. An array of nulls only is sent empty: `unnest`
/// fills up the shorter columns with nulls.
struct ArrayBuilder {
    /// The types' numbers, which never change (pg_type.dat).
    enum Element: UInt32 {
        case bool = 16
        case bytes = 17
        case bigint = 20
        case integer = 23
        case text = 25
        case json = 114
        case double = 701
        case time = 1184
        case uuid = 2950
        case jsonb = 3802
    }

    private let element: Element
    private var body: [UInt8] = []
    private var count: UInt32 = 0
    private var nulls: UInt32 = 0

    init(_ element: Element, capacity: Int) {
        self.element = element
        body.reserveCapacity(capacity * 12)
    }

    mutating func append(_ value: UUID?) { fixed(value?.uuid) }
    mutating func append(_ value: Int64?) { fixed(value?.bigEndian) }
    mutating func append(_ value: Int32?) { fixed(value?.bigEndian) }
    mutating func append(_ value: Bool?) { fixed(value.map { $0 ? 1 : 0 as UInt8 }) }
    mutating func append(_ value: Double?) { fixed(value?.bitPattern.bigEndian) }
    mutating func append(_ value: Date?) { append(value?.microsecondsSince2000) }

    /// Postgres keeps no zero in a text. What came from outside with one is kept without, rather than refused for ever.
    mutating func append(_ value: String?) {
        guard var value else { return appendNull() }
        if value.utf8.contains(0) { value = value.replacing("\0", with: "\u{FFFD}") }
        append(bytes: value.utf8, prefix: nil)
    }

    mutating func append(_ value: [UInt8]?) {
        if let value { append(bytes: value, prefix: nil) } else { appendNull() }
    }

    /// JSON as text; `jsonb` has a version before it.
    mutating func append(json: Data?) {
        if let json { append(bytes: json, prefix: element == .jsonb ? 1 : nil) } else { appendNull() }
    }

    var value: Value {
        let isEmpty = nulls == count
        let head = isEmpty ? [0, 0, element.rawValue] : [1, nulls > 0 ? 1 : 0, element.rawValue, count, 1]
        return .binary(head.flatMap { Self.bytes(of: $0) } + (isEmpty ? [] : body))
    }

    static func bytes(of value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }

    private mutating func fixed<Bits: BitwiseCopyable>(_ bits: Bits?) {
        guard let bits else { return appendNull() }
        length(MemoryLayout<Bits>.size)
        withUnsafeBytes(of: bits) { body.append(contentsOf: $0) }
    }

    private mutating func append(bytes: some Collection<UInt8>, prefix: UInt8?) {
        length(bytes.count + (prefix == nil ? 0 : 1))
        if let prefix { body.append(prefix) }
        body.append(contentsOf: bytes)
    }

    private mutating func appendNull() {
        length(-1)
        nulls += 1
    }

    private mutating func length(_ length: Int) {
        withUnsafeBytes(of: Int32(length).bigEndian) { body.append(contentsOf: $0) }
        count += 1
    }
}

extension Value {
    static func array<Row>(_ element: ArrayBuilder.Element, _ rows: [Row], _ add: (inout ArrayBuilder, Row) -> Void)
        -> Value
    {
        var builder = ArrayBuilder(element, capacity: rows.count)
        for row in rows { add(&builder, row) }
        return builder.value
    }

    static func uuids<Row>(_ rows: [Row], _ get: (Row) -> UUID?) -> Value {
        array(.uuid, rows) { $0.append(get($1)) }
    }
    static func bigints<Row>(_ rows: [Row], _ get: (Row) -> Int64?) -> Value {
        array(.bigint, rows) { $0.append(get($1)) }
    }
    static func integers<Row>(_ rows: [Row], _ get: (Row) -> Int?) -> Value {
        array(.integer, rows) { $0.append(get($1).map(Int32.init(clamping:))) }
    }
    static func bools<Row>(_ rows: [Row], _ get: (Row) -> Bool?) -> Value {
        array(.bool, rows) { $0.append(get($1)) }
    }
    static func doubles<Row>(_ rows: [Row], _ get: (Row) -> Double?) -> Value {
        array(.double, rows) { $0.append(get($1)) }
    }
    static func texts<Row>(_ rows: [Row], _ get: (Row) -> String?) -> Value {
        array(.text, rows) { $0.append(get($1)) }
    }
    static func times<Row>(_ rows: [Row], _ get: (Row) -> Date?) -> Value {
        array(.time, rows) { $0.append(get($1)) }
    }
    static func blobs<Row>(_ rows: [Row], _ get: (Row) -> [UInt8]?) -> Value {
        array(.bytes, rows) { $0.append(get($1)) }
    }
    static func json<Row>(_ rows: [Row], _ get: (Row) -> Data?) -> Value {
        array(.json, rows) { $0.append(json: get($1)) }
    }
    static func documents<Row>(_ rows: [Row], _ get: (Row) -> Data?) -> Value {
        array(.jsonb, rows) { $0.append(json: get($1)) }
    }
    /// Amounts are text: exact, and nothing in them needs quoting.
    static func amounts<Row>(_ rows: [Row], _ get: (Row) -> Money?) -> Value {
        let texts = rows.map { get($0)?.text }
        let isEmpty = texts.allSatisfy { $0 == nil }
        return .text("{" + (isEmpty ? "" : texts.map { $0 ?? "NULL" }.joined(separator: ",")) + "}")
    }
}
