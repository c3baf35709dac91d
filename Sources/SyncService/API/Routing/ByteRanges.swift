/// What a `Range` header asks of something that has so many bytes (RFC 9110, 14).
enum ByteRanges: Hashable, Sendable {
    /// 200: no range, or one that the standard lets us pass over.
    case whole
    /// 206: never empty; in the client's order, unless some overlapped and were joined.
    case partial([Range<Int64>])
    /// 416: well-formed, and nothing of it is there.
    case unsatisfiable

    /// A client that asks for more pieces than this gets the whole.
    static let maximumRanges = 16

    init(_ header: String?, length: Int64) {
        guard let header, let specs = Self.specs(header) else {
            self = .whole
            return
        }
        // Of nothing there is no last byte, and no way to say "206, nothing".
        if length == 0, specs.contains(where: { if case .last(1...) = $0 { true } else { false } }) {
            self = .whole
            return
        }
        let ranges = specs.compactMap { $0.range(length: length) }
        self = ranges.isEmpty ? .unsatisfiable : .partial(Self.joiningOverlaps(ranges))
    }

    /// A range for a client whose copy may be of another state: only if `If-Range` names this one.
    init(_ headers: APIHeaders, _ state: Validators, length: Int64) {
        if let condition = headers["if-range"], !state.areNamed(by: condition) {
            self = .whole
        } else {
            self.init(headers["range"], length: length)
        }
    }

    private enum Spec {
        case from(Int64, to: Int64?)
        case last(Int64)

        /// Nil if there is no such byte.
        func range(length: Int64) -> Range<Int64>? {
            switch self {
            case .from(let first, let last):
                first < length ? first..<(min(last ?? .max, length - 1) + 1) : nil
            case .last(let count):
                count > 0 && length > 0 ? max(0, length - count)..<length : nil
            }
        }
    }

    /// Nil if the header is malformed, of another unit, or too long.
    private static func specs(_ header: String) -> [Spec]? {
        let halves = header.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, APIHeaders.isSame(String(trimmed(halves[0])), "bytes") else { return nil }
        let texts = halves[1].split(separator: ",").map(trimmed).filter { !$0.isEmpty }
        let specs = texts.compactMap(spec)
        return (1...maximumRanges).contains(texts.count) && specs.count == texts.count ? specs : nil
    }

    private static func spec(_ text: Substring) -> Spec? {
        guard let dash = text.firstIndex(of: "-") else { return nil }
        let (first, last) = (text[..<dash], text[text.index(after: dash)...])
        if first.isEmpty { return position(last).map { .last($0) } }
        guard let first = position(first) else { return nil }
        if last.isEmpty { return .from(first, to: nil) }
        guard let last = position(last), last >= first else { return nil }
        return .from(first, to: last)
    }

    /// Digits only; more than any file has stays that.
    private static func position(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text) ?? .max - 1
    }

    private static func joiningOverlaps(_ ranges: [Range<Int64>]) -> [Range<Int64>] {
        let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
        guard zip(sorted, sorted.dropFirst()).contains(where: { $0.upperBound > $1.lowerBound }) else { return ranges }
        return sorted.reduce(into: []) { joined, range in
            if let last = joined.last, last.upperBound >= range.lowerBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
    }
}
