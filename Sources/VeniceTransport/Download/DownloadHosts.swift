import HTTPTransport

/// The hosts that a `download_url` may point to. Such a link comes from outside and is fetched from inside.
///
/// An entry is a domain (`venice.ai`, which covers its subdomains on the scheme's own port), a host with a port
/// (`cdn.example:8443`), or a whole origin (`http://simulator:8090`). Links must be `https`, with two exceptions: an
/// entry that begins with `http://`, and a loopback host, which is allowed only when an entry names it.
public struct DownloadHosts: Sendable, Hashable {
    public let entries: [String]

    public static let venice = DownloadHosts(["venice.ai"])

    public init(_ entries: [String]) { self.entries = entries.map { $0.lowercased() } }

    /// Whether `link` may be fetched.
    public func allows(_ link: String) -> Bool {
        guard let url = try? HTTPURL(link), ["https", "http"].contains(url.scheme) else { return false }
        return entries.contains { Entry($0).allows(url) }
    }

    private struct Entry {
        let host: String
        let port: Int?
        let allowsPlain: Bool

        init(_ text: String) {
            allowsPlain = text.hasPrefix("http://")
            let authority = text.split(separator: "://", maxSplits: 1).last.map(String.init) ?? text
            let digits =
                authority.hasSuffix("]") ? nil : authority.split(separator: ":").dropFirst().last.flatMap { Int($0) }
            port = digits
            host = digits.map { String(authority.dropLast("\($0)".count + 1)) } ?? authority
        }

        func allows(_ url: HTTPURL) -> Bool {
            guard !host.isEmpty else { return false }
            if url.isLoopback { return url.host == host && (port == nil || port == url.effectivePort) }
            guard url.scheme == "https" || allowsPlain else { return false }
            guard url.effectivePort == port ?? (url.scheme == "https" ? 443 : 80) else { return false }
            return url.host == host || (!url.isAddress && !allowsPlain && url.host.hasSuffix("." + host))
        }
    }
}

extension HTTPURL {
    fileprivate var effectivePort: Int { port ?? (scheme == "https" ? 443 : 80) }

    /// A numeric address rather than a name.
    fileprivate var isAddress: Bool {
        host.hasPrefix("[") || host.split(separator: ".").last.map { Int($0) != nil } ?? false
    }

    fileprivate var isLoopback: Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]" || (isAddress && host.hasPrefix("127."))
    }
}
