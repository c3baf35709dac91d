import Foundation

/// A server on a loopback port, a thread a connection, with one small buffer each.
final class LoopbackServer: Sendable {
    let port: Int
    private let listener: CInt

    init(_ serve: @escaping @Sendable (LoopbackConnection) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener, address, size) == 0, listen(listener, 16) == 0,
                    getsockname(listener, address, &size) == 0
                else { throw POSIXError(.EADDRNOTAVAIL) }
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        self.listener = listener
        Thread {
            while case let client = accept(listener, nil, nil), client >= 0 {
                Thread {
                    serve(LoopbackConnection(socket: client))
                    close(client)
                }.start()
            }
        }.start()
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    var url: String { "http://127.0.0.1:\(port)" }
}

struct LoopbackConnection {
    let socket: CInt

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// False when the other side is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Reads one request with a `Content-Length` and keeps none of it but the head.
    func drainRequest() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var head: [UInt8] = []
        while head.count < 1 << 20, case let count = recv(socket, &buffer, buffer.count, 0), count > 0 {
            head += buffer[..<count]
            let text = String(decoding: head, as: UTF8.self)
            guard let end = text.range(of: "\r\n\r\n") else { continue }
            let line = text[..<end.lowerBound].split(separator: "\r\n").first {
                $0.lowercased().hasPrefix("content-length")
            }
            let length = line?.split(separator: ":").last.flatMap { Int($0.trimmingCharacters(in: .whitespaces)) } ?? 0
            var left = length - (head.count - text[..<end.upperBound].utf8.count)
            while left > 0, case let count = recv(socket, &buffer, buffer.count, 0), count > 0 { left -= count }
            return
        }
    }
}
