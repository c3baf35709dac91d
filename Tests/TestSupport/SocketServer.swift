import Foundation
import Synchronization

/// A server on a loopback socket that does to each connection exactly what a test says. One thread a connection.
public final class SocketServer: Sendable {
    public enum Family: Sendable { case ipv4, ipv6 }

    public let port: Int
    private let family: Family
    private let listener: CInt
    private let accepted = Mutex(0)

    /// - Parameter serve: Called with each connection and its number, counted from 0. The connection closes when it returns.
    public init(_ family: Family = .ipv4, _ serve: @escaping @Sendable (Connection, Int) -> Void) throws {
        self.family = family
        (listener, port) = try family.listen(backlog: 512)
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

    /// Its host and port, as they stand in a URL.
    public var authority: String { (family == .ipv4 ? "127.0.0.1" : "[::1]") + ":\(port)" }
    public var url: String { "http://\(authority)/path" }
    /// How many connections came.
    public var connections: Int { accepted.withLock { $0 } }

    public func stop() { shutdown(listener, Int32(SHUT_RDWR)) }
}

extension SocketServer.Family {
    /// A listening socket on a port that was free.
    func listen(backlog: CInt) throws -> (listener: CInt, port: Int) {
        let listener = socket(self == .ipv4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let port = try withUnsafeMutablePointer(to: &storage) { storage in
            let used = fill(storage)
            return try storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener, address, used) == 0, Foundation.listen(listener, backlog) == 0,
                    getsockname(listener, address, &size) == 0
                else { throw POSIXError(.EADDRNOTAVAIL) }
                return storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    Int(UInt16(bigEndian: $0.pointee.sin_port))  // in the same place in both families
                }
            }
        }
        return (listener, port)
    }

    /// Writes the loopback address with port 0.
    private func fill(_ storage: UnsafeMutablePointer<sockaddr_storage>) -> socklen_t {
        switch self {
        case .ipv4:
            storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                $0.pointee.sin_family = sa_family_t(AF_INET)
                $0.pointee.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            }
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        case .ipv6:
            storage.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                $0.pointee.sin6_family = sa_family_t(AF_INET6)
                $0.pointee.sin6_addr = in6addr_loopback
            }
            return socklen_t(MemoryLayout<sockaddr_in6>.size)
        }
    }
}

/// A listener whose queue is full and never emptied: a further connection gets no answer at all.
public final class SilentListener: Sendable {
    public let port: Int
    private let sockets: [CInt]

    public init() throws {
        let (listener, port) = try SocketServer.Family.ipv4.listen(backlog: 0)
        self.port = port
        // The kernel holds one or two for a backlog of 0 and drops what comes after them.
        sockets = [listener] + (0..<4).map { _ in SocketServer.Connection.begin(toPort: port) }
    }

    deinit { for socket in sockets { close(socket) } }
}

extension SocketServer {
    /// One connection. For one thread, or for one that reads and one that writes.
    public final class Connection: @unchecked Sendable {
        private let socket: CInt
        private var isOpen = true

        public init(_ socket: CInt) {
            self.socket = socket
            var patience = timeval(tv_sec: 120, tv_usec: 0)  // no test hangs for ever, and a busy machine is no failure
            setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        }

        /// What one `recv` gives; empty at the end or after an error.
        public func receive(atMost count: Int = 65536) -> [UInt8] {
            var buffer = [UInt8](repeating: 0, count: count)
            let got = recv(socket, &buffer, count, 0)
            return got > 0 ? Array(buffer[..<got]) : []
        }

        /// A whole request with a `Content-Length`, or what came of it.
        public func receiveRequest() -> (head: String, body: [UInt8]) {
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
        public func send(_ bytes: [UInt8]) -> Bool {
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
        public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        /// Answers 200 with `body`, keeping the connection.
        public func answer(_ body: String, headers: String = "") {
            send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        }

        /// Returns once there is something to read, and leaves it there.
        public func awaitBytes() {
            var byte: UInt8 = 0
            _ = recv(socket, &byte, 1, Int32(MSG_PEEK))
        }

        /// A connection to `port` on this machine; nil when it is refused.
        public static func open(toPort port: Int) -> Connection? {
            let descriptor = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard connect(descriptor, port) == 0 else {
                Foundation.close(descriptor)
                return nil
            }
            return Connection(descriptor)
        }

        /// A connection that is begun and not waited for.
        static func begin(toPort port: Int) -> CInt {
            let descriptor = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            _ = connect(descriptor, port)
            return descriptor
        }

        private static func connect(_ descriptor: CInt, _ port: Int) -> CInt {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            address.sin_port = UInt16(port).bigEndian
            return withUnsafePointer(to: address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }

        /// Hands everything that `other` sends to this side's peer, until it ends.
        public func relay(from other: Connection) {
            while case let bytes = other.receive(), !bytes.isEmpty, send(bytes) {}
            shutdown(socket, Int32(SHUT_WR))
        }

        /// Reads as far as the empty line after the headers, and leaves what follows.
        public func receiveHead() {
            var last: [UInt8] = []
            while last != Array("\r\n\r\n".utf8), case let byte = receive(atMost: 1), !byte.isEmpty {
                last = last.suffix(3) + byte
            }
        }

        /// Sends `piece` over and over, a few times a second, until the other side has closed.
        public func drip(_ piece: String) {
            var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            while poll(&waiting, 1, 50) == 0, send(piece) {}
        }

        /// Returns once the other side has closed.
        public func awaitEnd() { while !receive().isEmpty {} }

        /// Ends with a reset instead of an orderly end.
        public func reset() {
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
            close()
        }

        public func close() {
            guard isOpen else { return }
            isOpen = false
            Foundation.close(socket)
        }
    }
}
