/// Where a server listens: `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`, or `unix:/run/gondola.sock`.
enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// Port 0 leaves the choice to the system.
    case tcp(host: String, port: Int)
    case unix(path: String)

    /// Nil if the text is no such address.
    init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // The system's own limit on such paths.
            guard path.hasPrefix("/"), path.utf8.count <= 103 else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self = .tcp(host: String(host), port: Int(port))
    }

    var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    var port: Int? {
        if case .tcp(_, let port) = self { port } else { nil }
    }

    var isTCP: Bool { port != nil }

    func bound(to port: Int?) -> ListenAddress {
        if case .tcp(let host, _) = self, let port { .tcp(host: host, port: port) } else { self }
    }
}
