import Foundation

/// The text of EIP-4361, taken apart line by line.
struct SignInText: Hashable {
    var domain = ""
    var address = ""
    var statement: String?
    var uri: String?
    var version: String?
    var chain: String?
    var nonce: String?
    var issuedAt: Date?
    var expiresAt: Date?
    var notBefore: Date?

    private static let opening = " wants you to sign in with your Ethereum account:"
    private static let names = [
        "URI", "Version", "Chain ID", "Nonce", "Issued At", "Expiration Time", "Not Before", "Request ID", "Resources",
    ]

    /// Nil where the layout is another one.
    init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 5, lines[0].hasSuffix(Self.opening), lines[2].isEmpty else { return nil }
        domain = String(lines[0].dropLast(Self.opening.count))
        address = lines[1]
        let hasStatement = !lines[3].isEmpty
        if hasStatement { statement = lines[3] }
        guard !hasStatement || lines[4].isEmpty, !domain.isEmpty else { return nil }
        guard read(fields: lines.dropFirst(hasStatement ? 5 : 4)) else { return nil }
    }

    /// The lines with a name, in their order; those that may be missing may be missing.
    private mutating func read(fields lines: ArraySlice<String>) -> Bool {
        var next = 0
        for line in lines {
            if next == Self.names.count, line.hasPrefix("- ") { continue }
            guard let colon = line.firstIndex(of: ":"),
                let place = Self.names[next...].firstIndex(of: String(line[..<colon]))
            else { return false }
            let value = String(line[line.index(after: colon)...].drop { $0 == " " })
            guard take(value, Self.names[place]) else { return false }
            next = place + 1
        }
        return true
    }

    private mutating func take(_ value: String, _ name: String) -> Bool {
        func time() -> Date? { Self.time(value) }
        switch name {
        case "URI": uri = value
        case "Version": version = value
        case "Chain ID": chain = value
        case "Nonce": nonce = value
        case "Issued At":
            issuedAt = time()
            return issuedAt != nil
        case "Expiration Time":
            expiresAt = time()
            return expiresAt != nil
        case "Not Before":
            notBefore = time()
            return notBefore != nil
        default: break
        }
        return true
    }

    /// ISO 8601 with or without parts of a second.
    static func time(_ text: String) -> Date? {
        (try? Date(text, strategy: .iso8601)) ?? (try? Date(text, strategy: Ledger.time))
    }

    /// The text that the service rebuilds where a payload carries the fields instead of a message.
    static func rebuilt(from fields: JSONValue, chain: String) -> String? {
        guard let domain = fields["domain"]?.string, let address = fields["address"]?.string,
            let uri = fields["uri"]?.string, let version = fields["version"]?.string,
            let nonce = fields["nonce"]?.string, let issued = fields["issuedAt"]?.string
        else { return nil }
        var text = "\(domain)\(opening)\n\(address)\n\n"
        if let statement = fields["statement"]?.string { text += "\(statement)\n" }
        text += "\nURI: \(uri)\nVersion: \(version)\nChain ID: \(chain)\nNonce: \(nonce)\nIssued At: \(issued)"
        if let expires = fields["expirationTime"]?.string { text += "\nExpiration Time: \(expires)" }
        if let notBefore = fields["notBefore"]?.string { text += "\nNot Before: \(notBefore)" }
        if let resources = fields["resources"]?.array {
            text += "\nResources:" + resources.compactMap(\.string).map { "\n- \($0)" }.joined()
        }
        return text
    }
}
