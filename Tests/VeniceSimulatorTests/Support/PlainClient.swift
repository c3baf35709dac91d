import Foundation

@testable import VeniceSimulator

/// A small HTTP client over one blocking socket a call, so that a test sees exactly how a connection ends.
struct PlainClient: Sendable {
    enum Ending: Equatable, Sendable {
        /// The whole body that was announced has come.
        case whole
        /// The connection was closed before that.
        case closedEarly
        /// The connection was reset.
        case reset
    }

    struct Reply: Sendable {
        /// 0 when not even a head has come.
        var status = 0
        var headers: [String: String] = [:]
        var body = Data()
        var ending = Ending.closedEarly

        var json: JSONValue { JSONValue.parse(body) ?? .null }
    }

    struct Broken: Error { var what: String }

    let host: String
    let port: UInt16
    /// The address to call from; any when it is nil.
    var source: String?

    init(_ baseURL: String) throws {
        guard let parts = URLComponents(string: baseURL), let host = parts.host, let port = parts.port else {
            throw Broken(what: "no address: \(baseURL)")
        }
        self.host = host
        self.port = UInt16(port)
    }

    func call(_ method: String, _ target: String, headers: [String: String] = [:], body: Data = Data()) async throws
        -> Reply
    {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if method == "POST" { head += "Content-Length: \(body.count)\r\n" }
        return try await raw(Data((head + "\r\n").utf8) + body)
    }

    /// Sends these bytes and reads until the connection ends.
    func raw(_ request: Data) async throws -> Reply {
        // Its own thread: a blocked socket must not take one from the test runner's few.
        return try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try exchange(request) }) }.start()
        }
    }

    private func exchange(_ request: Data) throws -> Reply {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw Broken(what: "socket") }
        defer { close(socket) }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        try bindSource(socket)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Broken(what: "connect: \(String(cString: strerror(errno)))") }
        let wasReset = write(request, socket)
        let (bytes, isReset) = try readToEnd(socket)
        return parse(bytes, isReset: wasReset || isReset)
    }

    private func bindSource(_ socket: Int32) throws {
        guard let source else { return }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, source, &address.sin_addr)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0 else { throw Broken(what: "bind: \(String(cString: strerror(errno)))") }
    }

    /// A peer that resets makes this stop early; what it sent before is still read. Whoever sees a reset first takes it: a
    /// later read finds only the end.
    private func write(_ request: Data, _ socket: Int32) -> Bool {
        var rest = request[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return errno == ECONNRESET }
            rest = rest.dropFirst(count)
        }
        return false
    }

    private func readToEnd(_ socket: Int32) throws -> (Data, isReset: Bool) {
        var bytes = Data()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            if count == 0 { return (bytes, false) }
            if count < 0 && errno == ECONNRESET { return (bytes, true) }
            guard count > 0 else { throw Broken(what: "recv: \(String(cString: strerror(errno)))") }
            bytes += buffer[0..<count]
        }
    }

    private func parse(_ bytes: Data, isReset: Bool) -> Reply {
        var reply = Reply()
        reply.ending = isReset ? .reset : .closedEarly
        guard let gap = bytes.range(of: Data("\r\n\r\n".utf8)) else { return reply }
        let lines = String(decoding: bytes[..<gap.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        reply.status = Int(lines[0].split(separator: " ")[1]) ?? 0
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            reply.headers[line[..<colon].lowercased()] = value
        }
        reply.body = Data(bytes[gap.upperBound...])
        if reply.headers["transfer-encoding"] == "chunked" {
            if let body = Self.unchunked(reply.body) { (reply.body, reply.ending) = (body, .whole) }
        } else if Int(reply.headers["content-length"] ?? "0") == reply.body.count {
            reply.ending = .whole
        }
        return reply
    }

    private static func unchunked(_ bytes: Data) -> Data? {
        var (body, rest) = (Data(), bytes[...])
        while let line = rest.range(of: Data("\r\n".utf8)) {
            guard let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16) else {
                return nil
            }
            if size == 0 { return body }
            guard rest.endIndex - line.upperBound >= size + 2 else { return nil }
            body += rest[line.upperBound..<line.upperBound + size]
            rest = rest[(line.upperBound + size + 2)...]
        }
        return nil
    }
}
