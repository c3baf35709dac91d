/// JSON as Postgres writes it, rewritten as `Wire` would write the same: keys in order, no white space. Nothing is decoded,
/// which for a request would take longer than all else that a feed does for its job.
struct CompactJSON {
    private let text: UnsafeRawBufferPointer
    private var at = 0
    private var out: [UInt8] = []

    private init(_ text: UnsafeRawBufferPointer) {
        self.text = text
        out.reserveCapacity(text.count)
    }

    /// Nil where the bytes alone do not tell how `Wire` would write it: numbers that could be spelt otherwise, nulls, and
    /// what is nested deeper than anything here. `text` is valid JSON.
    static func rewrite(_ text: some Sequence<UInt8>) -> [UInt8]? {
        Array(text).withUnsafeBytes { bytes in
            var json = CompactJSON(bytes)
            return json.value(depth: 0) && json.next() == nil ? json.out : nil
        }
    }

    private static let deepest = 32

    private mutating func value(depth: Int) -> Bool {
        guard depth < Self.deepest, let first = next() else { return false }
        switch first {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return word(4)
        case UInt8(ascii: "f"): return word(5)
        case UInt8(ascii: "n"): return false
        default: return number()
        }
    }

    /// The next byte that is no white space; it stays the next.
    private mutating func next() -> UInt8? {
        while at < text.count, [0x20, 0x0a, 0x0d, 0x09].contains(text[at]) { at += 1 }
        return at < text.count ? text[at] : nil
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next() == UInt8(ascii: byte) else { return false }
        at += 1
        return true
    }

    private mutating func word(_ length: Int) -> Bool {
        guard at + length <= text.count else { return false }
        out.append(contentsOf: text[at..<(at + length)])
        at += length
        return true
    }

    /// Both escape the same signs in the same way.
    private mutating func string() -> Bool {
        let start = at
        at += 1
        while at < text.count, text[at] != UInt8(ascii: "\"") { at += text[at] == UInt8(ascii: "\\") ? 2 : 1 }
        guard at < text.count else { return false }
        at += 1
        out.append(contentsOf: text[start..<at])
        return true
    }

    /// A short decimal has one spelling; a long or a tiny one may have had an exponent.
    private mutating func number() -> Bool {
        let start = at
        while at < text.count, Self.isOfNumber(text[at]) { at += 1 }
        let digits = text[start..<at]
        let isFraction = digits.contains(UInt8(ascii: "."))
        guard (1...15).contains(digits.count), !isFraction || digits.last != UInt8(ascii: "0"),
            !digits.drop(while: { $0 == UInt8(ascii: "-") }).starts(with: "0.000".utf8)
        else { return false }
        out.append(contentsOf: digits)
        return true
    }

    private static func isOfNumber(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    private mutating func array(depth: Int) -> Bool {
        at += 1
        out.append(UInt8(ascii: "["))
        if next() == UInt8(ascii: "]") { return close("]") }
        guard value(depth: depth + 1) else { return false }
        while take(",") {
            out.append(UInt8(ascii: ","))
            guard value(depth: depth + 1) else { return false }
        }
        return close("]")
    }

    private mutating func close(_ sign: Unicode.Scalar) -> Bool {
        guard take(sign) else { return false }
        out.append(UInt8(ascii: sign))
        return true
    }

    /// Members as they come, one behind the other; then in order, with commas between them.
    private mutating func object(depth: Int) -> Bool {
        at += 1
        out.append(UInt8(ascii: "{"))
        if next() == UInt8(ascii: "}") { return close("}") }
        let start = out.count
        var members: [(key: Range<Int>, all: Range<Int>)] = []
        repeat {
            let begin = out.count
            guard next() == UInt8(ascii: "\""), string(), take(":") else { return false }
            let key = begin..<out.count
            out.append(UInt8(ascii: ":"))
            guard value(depth: depth + 1) else { return false }
            members.append((key, begin..<out.count))
        } while take(",")
        let written = Array(out[start...])
        func piece(_ range: Range<Int>) -> ArraySlice<UInt8> {
            written[(range.lowerBound - start)..<(range.upperBound - start)]
        }
        members.sort { piece($0.key.dropLast()).lexicographicallyPrecedes(piece($1.key.dropLast())) }
        out.removeSubrange(start...)
        for (place, member) in members.enumerated() {
            if place > 0 { out.append(UInt8(ascii: ",")) }
            out.append(contentsOf: piece(member.all))
        }
        return close("}")
    }
}
