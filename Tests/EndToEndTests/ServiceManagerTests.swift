import Foundation
import StackSupport
import TestSupport
import Testing

/// What a service manager hears of a process, on a real socket.
@Suite(.timeLimit(.minutes(5))) struct ServiceManagerTests {
    @Test func `the service manager hears that it serves, lives and drains`() async throws {
        try await Stack.with { stack in
            let socket = try NotifySocket(stack.directory.appending(path: "notify").path)
            let process = try await stack.start([
                "NOTIFY_SOCKET": socket.path, "WATCHDOG_USEC": "200000",
            ])
            #expect(try await socket.next().hasPrefix("STATUS="))
            #expect(try await socket.next().hasPrefix("READY=1\nSTATUS="))
            for _ in 0..<3 { #expect(try await socket.next() == "WATCHDOG=1") }
            process.askToEnd()
            var last = "WATCHDOG=1"
            while last == "WATCHDOG=1" { last = try await socket.next() }
            #expect(last.hasPrefix("STOPPING=1"))
            #expect(await process.waitUntilGone() == 0)
        }
    }

    @Test func `a socket that nobody reads, or that is no socket, does no harm`() async throws {
        try await Stack.with { stack in
            for path in [stack.directory.appending(path: "none").path, "relative", ""] {
                let process = try await stack.start(["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "x"])
                #expect(await process.terminate() == 0)
            }
        }
    }
}

/// The manager's end. Each call waits on a thread of its own, a minute at most.
private final class NotifySocket: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0, "bind: \(errno)")
    }

    deinit { close(descriptor) }

    func next() async throws -> String {
        let descriptor = descriptor
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = recv(descriptor, &bytes, bytes.count, 0)
                guard count >= 0 else { return continuation.resume(throwing: POSIXError(.ETIMEDOUT)) }
                continuation.resume(returning: String(decoding: bytes[..<count], as: UTF8.self))
            }
        }
    }
}
