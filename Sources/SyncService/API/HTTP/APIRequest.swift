import NIOCore

/// One request, its body still to come.
struct APIRequest: Sendable {
    var method: APIMethod
    /// As it came, percent-encoded; for matching use the router's decoded segments.
    var path: String
    /// Decoded names and values in their order; `+` is a space here.
    var query: [QueryItem]
    var headers: APIHeaders
    /// The client, as told by the connection or by a trusted proxy.
    var remoteAddress: String
    /// Names this request in logs and answers.
    var id: String
    var body: RequestBody
    /// Told when the server is about to stop: whoever waits or streams ends then.
    var drain: DrainSignal
    /// What a path template's `{names}` matched, decoded; filled by the router.
    var parameters: [String: String] = [:]

    struct QueryItem: Hashable, Sendable {
        var name: String
        var value: String
    }

    /// The first value of this name in the query.
    func query(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }
}

extension APIRequest {
    /// Reads `a=1&b`, decoding each part once; nil if a part cannot be decoded.
    static func query(parsing text: String) -> [QueryItem]? {
        var items: [QueryItem] = []
        for pair in text.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = percentDecoded(halves[0], plusIsSpace: true),
                let value = percentDecoded(halves.count > 1 ? halves[1] : "", plusIsSpace: true)
            else { return nil }
            items.append(QueryItem(name: name, value: value))
        }
        return items
    }

    /// A request id from outside if it is a harmless word, otherwise a new one.
    static func id(given: String?) -> String {
        if let given, (1...128).contains(given.utf8.count), given.utf8.allSatisfy(isIDByte) { return given }
        return randomID()
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)

    /// 32 hexadecimal digits.
    private static func randomID() -> String {
        String(unsafeUninitializedCapacity: 32) { text in
            for half in 0..<2 {
                var bits = UInt64.random(in: 0 ... .max)
                for place in 0..<16 {
                    text[16 * half + place] = hexDigits[Int(bits & 15)]
                    bits >>= 4
                }
            }
            return 32
        }
    }

    private static func isIDByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

/// Undoes percent-encoding; nil if that is malformed, or hides something that is no UTF-8 or a NUL.
func percentDecoded(_ text: Substring, plusIsSpace: Bool = false) -> String? {
    guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%") {
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        } else {
            bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
        }
    }
    return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) }
}
