import Foundation
import Synchronization

/// A server on a loopback socket that does to each connection exactly what a test says. One thread a connection.
final class SocketServer: Sendable {
    let port: Int
    private let listener: CInt
    private let accepted = Mutex(0)

    /// - Parameter serve: Called with each connection and its number, counted from 0. The connection closes when it returns.
    init(_ serve: @escaping @Sendable (Connection, Int) -> Void) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        port = try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener, address, size) == 0, listen(listener, 512) == 0,
                    getsockname(listener, address, &size) == 0
                else { throw POSIXError(.EADDRNOTAVAIL) }
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        Thread { [self] in
            while case let client = accept(listener, nil, nil), client >= 0 {
                let number = accepted.withLock { count in
                    defer { count += 1 }
                    return count
                }
                let thread = Thread {
                    let connection = Connection(client)
                    serve(connection, number)
                    connection.close()
                }
                thread.start()
            }
        }.start()
    }

    deinit { stop() }

    var url: String { "http://127.0.0.1:\(port)/path" }
    /// How many connections came.
    var connections: Int { accepted.withLock { $0 } }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }
}

/// One accepted connection. Used by its own thread.
final class Connection {
    private let socket: CInt
    private var isOpen = true

    init(_ socket: CInt) {
        self.socket = socket
        var patience = timeval(tv_sec: 120, tv_usec: 0)  // no test hangs for ever, and a busy machine is no failure
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    /// What one `recv` gives; empty at the end or after an error.
    func receive(atMost count: Int = 65536) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let received = recv(socket, &buffer, count, 0)
        return received > 0 ? Array(buffer[..<received]) : []
    }

    /// A whole request with a `Content-Length`, or what came of it.
    func receiveRequest() -> (head: String, body: [UInt8]) {
        var bytes: [UInt8] = []
        let end = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        while headEnd == nil {
            let more = receive(atMost: 4096)
            if more.isEmpty { return (String(decoding: bytes, as: UTF8.self), []) }
            bytes += more
            headEnd = bytes.indices.first { bytes[$0...].starts(with: end) }
        }
        let head = String(decoding: bytes[..<headEnd!], as: UTF8.self)
        var body = Array(bytes[(headEnd! + 4)...])
        let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: ":")[1].trimmingCharacters(in: .whitespaces)) }
        while body.count < length ?? 0 {
            let more = receive()
            if more.isEmpty { break }
            body += more
        }
        return (head, body)
    }

    /// False when the other side is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.send(socket, $0.baseAddress! + offset, bytes.count - offset, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Answers 200 with `body`, keeping the connection.
    func answer(_ body: String, headers: String = "") {
        send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// Returns once the other side has closed.
    func awaitEnd() { while !receive().isEmpty {} }

    /// Ends with a reset instead of an orderly end.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        close()
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        Foundation.close(socket)
    }
}
