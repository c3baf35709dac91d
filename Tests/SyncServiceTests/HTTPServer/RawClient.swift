import Foundation

@testable import SyncService

/// A plain TCP connection that says exactly what a test wants to be said. Blocking, on a thread of its own for each call; no
/// call waits longer than ten seconds.
final class RawClient: @unchecked Sendable {
    private let descriptor: Int32

    init(_ server: HTTPServer, receiveBuffer: Int32? = nil) throws {
        let port = server.address.port
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        // A bound on a hang, not a measure: the machine may be busy with other tests.
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw ClientError.failed("connect: \(errno)") }
    }

    deinit { _ = close(descriptor) }

    /// Goes away without a word.
    func hangUp() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await blocking { [descriptor] in
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Foundation.send(
                        descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw ClientError.failed("send: \(errno)") }
                sent += count
            }
        }
    }

    /// Up to so many bytes; empty when the server has closed.
    func receive(_ count: Int = 65_536) async throws -> [UInt8] {
        try await blocking { [descriptor] in
            var bytes = [UInt8](repeating: 0, count: count)
            let got = recv(descriptor, &bytes, count, 0)
            guard got >= 0 else { throw ClientError.failed("recv: \(errno)") }
            return Array(bytes[..<got])
        }
    }

    /// Everything until the server closes.
    func receiveAll() async throws -> String {
        var all: [UInt8] = []
        while case let bytes = try await receive(), !bytes.isEmpty { all += bytes }
        return String(decoding: all, as: UTF8.self)
    }

    private var pending: [UInt8] = []

    /// One answer, its body framed by Content-Length or chunks; the start of the next one is kept.
    func response(toHead isHead: Bool = false) async throws -> RawResponse {
        let head = String(decoding: try await take(until: Array("\r\n\r\n".utf8)), as: UTF8.self)
        var response = RawResponse(head: head)
        if isHead || response.status == 204 || response.status == 304 || response.status == 100 { return response }
        if let length = response.headers["content-length"].flatMap(Int.init) {
            response.body = try await take(length)
        } else if response.headers["transfer-encoding"] == "chunked" {
            while case let chunk = try await chunk(), !chunk.isEmpty { response.body += chunk }
        }
        return response
    }

    /// One chunk of a chunked body; empty for the last.
    func chunk() async throws -> [UInt8] {
        let line = String(decoding: try await take(until: [13, 10]).dropLast(2), as: UTF8.self)
        guard let size = Int(line, radix: 16) else { throw ClientError.failed("chunk size \(line)") }
        return try await take(size + 2).dropLast(2)
    }

    func head() async throws -> RawResponse {
        RawResponse(head: String(decoding: try await take(until: Array("\r\n\r\n".utf8)), as: UTF8.self))
    }

    private func take(until end: [UInt8]) async throws -> [UInt8] {
        while true {
            if let range = pending.firstRange(of: end) {
                defer { pending.removeFirst(range.upperBound) }
                return Array(pending[..<range.upperBound])
            }
            try await more()
        }
    }

    private func take(_ count: Int) async throws -> [UInt8] {
        while pending.count < count { try await more() }
        defer { pending.removeFirst(count) }
        return Array(pending[..<count])
    }

    private func more() async throws {
        let bytes = try await receive()
        guard !bytes.isEmpty else { throw ClientError.closed(after: String(decoding: pending, as: UTF8.self)) }
        pending += bytes
    }

    private func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
        }
    }
}

enum ClientError: Error {
    case failed(String)
    case closed(after: String)
}

struct RawResponse {
    var status: Int
    var headers = APIHeaders()
    var body: [UInt8] = []

    var text: String { String(decoding: body, as: UTF8.self) }
    var isClosing: Bool { headers["connection"] == "close" }

    init(head: String) {
        let lines = head.split(separator: "\r\n")
        status = lines.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        for line in lines.dropFirst() {
            let halves = line.split(separator: ":", maxSplits: 1)
            headers.add(String(halves[0]), String(trimmed(halves.count > 1 ? halves[1] : "")))
        }
    }
}

extension ListenAddress {
    static let anyPort = ListenAddress(host: "127.0.0.1", port: 0)
}

/// A server on a free port for the length of a test.
@discardableResult
func withServer<Result>(
    limits: HTTPServerLimits = .patient, trustedProxies: Set<String> = [],
    _ handle: @escaping APIHandler, _ body: (HTTPServer) async throws -> Result
) async throws -> Result {
    let server = try await HTTPServer.start(
        on: .anyPort, limits: limits, trustedProxies: trustedProxies, handle: handle)
    do {
        let result = try await body(server)
        await server.shutdown(grace: .zero)
        return result
    } catch {
        await server.shutdown(grace: .zero)
        throw error
    }
}

extension HTTPServerLimits {
    /// Waits as long as any test may take: on a busy machine a well-behaved client can be slower than a phone ever is. The
    /// tests of slow clients set the waits that they mean.
    static let patient: HTTPServerLimits = {
        var limits = HTTPServerLimits()
        limits.idle = .seconds(3600)
        limits.header = .seconds(3600)
        limits.bodyProgress = .seconds(3600)
        limits.writeProgress = .seconds(3600)
        return limits
    }()
}

/// Says what it was asked.
@Sendable func echo(_ request: APIRequest) async -> APIResponse {
    do {
        let body = try await request.body.collect(upTo: 1 << 20)
        return .text("\(request.method) \(request.path) \(String(buffer: body))")
    } catch {
        return .text("refused", status: 500)
    }
}
