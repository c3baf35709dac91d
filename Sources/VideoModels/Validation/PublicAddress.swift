import Foundation

/// Whether an address is one that the upstream may fetch (PROTOCOL §14). Gondola itself never fetches it.
enum PublicAddress {
    static let longest = 8192

    /// Scheme and shape only. A name may still lead to a private host; that is the upstream's to find out.
    static func isPublic(_ url: String) -> Bool {
        guard url.utf8.count <= longest, url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }),
            let parts = URLComponents(string: url), ["https", "http"].contains(parts.scheme?.lowercased() ?? ""),
            parts.user == nil, parts.password == nil, let host = parts.host?.lowercased()
        else { return false }
        if host.contains(":") { return isPublic(sixth: host.trimmingCharacters(in: ["[", "]"])) }
        let labels = (host.hasSuffix(".") ? host.dropLast() : host[...]).split(
            separator: ".", omittingEmptySubsequences: false)
        guard labels.count > 1, !labels.contains(""), let last = labels.last else { return false }
        if last.allSatisfy(\.isNumber) { return isPublic(fourth: labels.map { UInt8($0) }) }
        return !["localhost", "local", "internal"].contains(last)
    }

    /// Version 4: neither private, loopback, link-local, shared nor multicast.
    private static func isPublic(fourth octets: [UInt8?]) -> Bool {
        guard octets.count == 4, let first = octets[0], let second = octets[1], !octets.contains(nil) else {
            return false
        }
        switch (first, second) {
        case (0, _), (10, _), (127, _), (169, 254), (192, 168), (224..., _): return false
        case (172, 16...31), (100, 64...127): return false
        default: return true
        }
    }

    /// Version 6: only global unicast addresses (2000::/3) are public.
    private static func isPublic(sixth host: String) -> Bool {
        host.hasPrefix("2") || host.hasPrefix("3")
    }
}
