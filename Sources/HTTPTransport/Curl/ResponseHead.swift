/// Collects the header lines of an answer. `100 Continue` and its kin are passed over, trailers are left out.
struct ResponseHead {
    let limit: Int
    private var size = 0
    private var status = 0
    private var headers = HTTPHeaders()
    private(set) var isComplete = false
    private(set) var isTaken = false

    init(limit: Int) { self.limit = limit }

    /// Takes one line with its line end. False when all lines together are longer than the limit.
    mutating func append(_ line: UnsafeRawBufferPointer) -> Bool {
        size += line.count
        guard size <= limit else { return false }
        guard !isTaken else { return true }
        let text = String(decoding: line, as: UTF8.self).trimmingLineEnd
        if text.isEmpty {
            isComplete = status >= 200
        } else if text.hasPrefix("HTTP/") {
            let parts = text.split(separator: " ", maxSplits: 2)
            status = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
            (headers, isComplete) = (HTTPHeaders(), false)
        } else if let colon = text.firstIndex(of: ":") {
            headers.add(String(text[..<colon]), text[text.index(after: colon)...].trimmed)
        }
        return true
    }

    /// Status and headers, once, and only when all of them are here.
    mutating func takeResponse() -> (Int, HTTPHeaders)? {
        guard !isTaken, isComplete else { return nil }
        isTaken = true
        return (status, headers)
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    fileprivate var trimmingLineEnd: String {
        String(reversed().drop { $0 == "\r\n" || $0 == "\n" || $0 == "\r" }.reversed())
    }
}
