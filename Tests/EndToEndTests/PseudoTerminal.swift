import Foundation
import Synchronization

/// Both ends of a terminal: a program has the one, the test the other.
final class PseudoTerminal: Sendable {
    struct Mode: Hashable {
        var input: UInt32
        var output: UInt32
        var local: UInt32

        var echoes: Bool { local & UInt32(ECHO) != 0 }
    }

    /// TIOCSPTLCK and TIOCGPTN.
    private static let (setLock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))

    private let near: Int32
    private let far: Int32
    private let chunks: AsyncStream<String>
    private let isOver = Atomic(false)

    init(rows: UInt16, columns: UInt16) throws {
        near = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        // What unlockpt(3) and ptsname(3) do, which Swift's Glibc does not show.
        var (locked, number) = (CInt(0), CInt(0))
        guard near >= 0, ioctl(near, Self.setLock, &locked) == 0, ioctl(near, Self.getNumber, &number) == 0 else {
            throw POSIXError(.ENODEV)
        }
        // Open here as well, so that the near end stays readable when the program is gone.
        far = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        let (chunks, continuation) = AsyncStream.makeStream(of: String.self)
        self.chunks = chunks
        resize(rows: rows, columns: columns)
        Thread { [self] in listen(continuation) }.start()
    }

    private func listen(_ continuation: AsyncStream<String>.Continuation) {
        var bytes = [UInt8](repeating: 0, count: 65536)
        while !isOver.load(ordering: .acquiring) {
            var descriptor = pollfd(fd: near, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 100) > 0 else { continue }
            let count = Foundation.read(near, &bytes, bytes.count)
            if count <= 0 { break }
            continuation.yield(String(decoding: bytes.prefix(count), as: UTF8.self))
        }
        continuation.finish()
    }

    /// What is to be a program's input and output.
    var device: FileHandle { FileHandle(fileDescriptor: far, closeOnDealloc: false) }

    /// All that is written until this text has come.
    func read(until end: String) async -> String {
        var text = ""
        for await chunk in chunks {
            text += chunk
            if text.contains(end) { break }
        }
        return text
    }

    func type(_ text: String) { _ = Foundation.write(near, text, text.utf8.count) }

    func resize(rows: UInt16, columns: UInt16) {
        var size = winsize()
        (size.ws_row, size.ws_col) = (rows, columns)
        _ = ioctl(near, UInt(TIOCSWINSZ), &size)
    }

    var mode: Mode {
        var mode = termios()
        tcgetattr(far, &mode)
        return Mode(input: mode.c_iflag, output: mode.c_oflag, local: mode.c_lflag)
    }

    func close() { isOver.store(true, ordering: .releasing) }

    deinit {
        Foundation.close(near)
        Foundation.close(far)
    }
}

/// Takes connections and never says a word.
final class SilentServer: Sendable {
    private let socket: Int32
    let port: UInt16

    init() throws {
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        (address.sin_family, address.sin_addr.s_addr) = (sa_family_t(AF_INET), inet_addr("127.0.0.1"))
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = socket
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 128) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isListening else { throw POSIXError(.EADDRINUSE) }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { Foundation.close(socket) }
}
