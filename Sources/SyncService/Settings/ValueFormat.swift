import Foundation
import VideoModels

/// How the text of a setting becomes a value and back, and what to tell someone whose text does not.
struct ValueFormat<Value: Sendable>: Sendable {
    /// Stands for the value in a line of help: `DURATION`.
    let placeholder: String
    /// Completes "expected …".
    let expected: String
    let parse: @Sendable (String) -> Value?
    let show: @Sendable (Value) -> String
}

extension ValueFormat where Value == String {
    static let databaseAddress = nonEmpty("ADDRESS", "an address that libpq takes, such as postgres://user@host/name")
    static let path = nonEmpty("PATH", "a path")
    static let text = nonEmpty("TEXT", "a text")
    static let word = Self(
        placeholder: "NAME", expected: "a name of at most 100 letters, digits, dots, dashes and underscores",
        parse: { text in
            let isName = text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789.-_".unicodeScalars.contains($0))
            }
            return isName && (1...100).contains(text.count) ? text : nil
        }, show: { $0 })
    static let webAddress = Self(
        placeholder: "URL", expected: "an http or https address without a user name or a query",
        parse: { text in
            guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased()),
                parts.host?.isEmpty == false, parts.user == nil, parts.query == nil, parts.fragment == nil
            else { return nil }
            return text.hasSuffix("/") ? String(text.dropLast()) : text
        }, show: { $0 })

    /// What libcurl takes for a proxy; it may hold a password.
    static let proxy = Self(
        placeholder: "URL", expected: "none, or a proxy's http, https or socks5 address with its port",
        parse: { text in
            if text == "none" { return text }
            guard let parts = URLComponents(string: text), parts.host?.isEmpty == false, parts.port != nil,
                ["http", "https", "socks5", "socks5h"].contains(parts.scheme?.lowercased()),
                ["", "/"].contains(parts.path), parts.query == nil, parts.fragment == nil
            else { return nil }
            return text
        }, show: { $0 })

    private static func nonEmpty(_ placeholder: String, _ expected: String) -> Self {
        Self(
            placeholder: placeholder, expected: expected,
            parse: { $0.isEmpty || $0.contains("\0") ? nil : $0 }, show: { $0 })
    }
}

extension ValueFormat where Value == [String] {
    static let addresses = Self(
        placeholder: "ADDRESS,…", expected: "addresses separated by commas, such as 127.0.0.1,::1, or nothing",
        parse: { text in
            let addresses = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
            let letters = Set("abcdef0123456789.:")
            return addresses.allSatisfy { !$0.isEmpty && $0.allSatisfy(letters.contains) } ? addresses : nil
        }, show: { $0.joined(separator: ",") })

    static let hosts = Self(
        placeholder: "HOST,…", expected: "host names separated by commas, such as venice.ai,cdn.example.com",
        parse: { text in
            let hosts = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
            let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789.-_:[]")
            return !hosts.isEmpty && hosts.allSatisfy { !$0.isEmpty && $0.allSatisfy(letters.contains) } ? hosts : nil
        }, show: { $0.joined(separator: ",") })
}

extension ValueFormat where Value == Int {
    static func count(_ range: ClosedRange<Int>) -> Self {
        Self(
            placeholder: "NUMBER", expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            parse: { text in
                guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else { return nil }
                return range.contains(number) ? number : nil
            }, show: { String($0) })
    }
}

extension ValueFormat where Value == Int64 {
    static func size(upTo most: Int64) -> Self {
        Self(
            placeholder: "SIZE",
            expected: "a size such as 25MB, 8GiB or a number of bytes, at most \(SizeText.show(most))",
            parse: { SizeText.parse($0).flatMap { (1...most).contains($0) ? $0 : nil } }, show: SizeText.show)
    }
}

extension ValueFormat where Value == Money {
    static let amount = Self(
        placeholder: "USD", expected: "an amount in US dollars such as 25 or 0.50, not negative",
        parse: { Money($0).flatMap { $0 >= .zero ? $0 : nil } }, show: { $0.text })
}

extension ValueFormat where Value == Double {
    static func duration(_ range: ClosedRange<TimeInterval>) -> Self {
        let from = DurationText.show(range.lowerBound)
        let to = DurationText.show(range.upperBound)
        return Self(
            placeholder: "DURATION", expected: "a duration such as 500ms, 15s, 5m or 24h, from \(from) to \(to)",
            parse: { DurationText.parse($0).flatMap { range.contains($0) ? $0 : nil } }, show: DurationText.show)
    }

    static let factor = Self(
        placeholder: "FACTOR", expected: "a number above 0 and at most 1000, such as 1 or 0.02",
        parse: { text in
            let isPlain = text.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
            return isPlain ? Double(text).flatMap { $0 > 0 && $0 <= 1000 ? $0 : nil } : nil
        }, show: { $0 == $0.rounded() ? String(Int($0)) : String($0) })
}

extension ValueFormat where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    static func oneOf(_ placeholder: String) -> Self {
        Self(
            placeholder: placeholder, expected: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            parse: { Value(rawValue: $0) }, show: { $0.rawValue })
    }
}

extension ValueFormat where Value == ListenAddress {
    static let listenAddress = Self(
        placeholder: "HOST:PORT", expected: "HOST:PORT such as 127.0.0.1:8080 or [::1]:8080",
        parse: { ListenAddress($0) }, show: { $0.description })
}

extension ValueFormat {
    /// A setting that has no value unless one is given.
    func optional() -> ValueFormat<Value?> {
        ValueFormat<Value?>(
            placeholder: placeholder, expected: expected, parse: { parse($0).map(Optional.some) },
            show: { $0.map(show) ?? "" })
    }

    /// A setting that is never shown.
    func redacted() -> ValueFormat<Redacted<Value>> {
        ValueFormat<Redacted<Value>>(
            placeholder: placeholder, expected: expected, parse: { parse($0).map(Redacted.init) },
            show: { show($0.reveal()) })
    }
}

extension ListenAddress {
    /// Reads `HOST:PORT`; an IPv6 address stands in brackets. Port 0 takes any that is free.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.allSatisfy({ $0.isASCII && !$0.isWhitespace && !"/@[]".contains($0) }) else {
            return nil
        }
        self.init(host: String(host), port: Int(port))
    }
}
