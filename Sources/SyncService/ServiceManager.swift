import Foundation
import Logging

/// Tells the service manager how the process is, where one started it and wants to know.
///
/// systemd's protocol (sd_notify(3)): datagrams of `NAME=value` lines to the socket that `NOTIFY_SOCKET` names. A message that
/// cannot be sent is lost: nothing of Gondola's own depends on one.
struct ServiceManager: Sendable {
    private let path: String
    /// How long the manager waits for a sign of life before it restarts the process; nil if it does not.
    let watchdog: Duration?

    /// Nil where nobody wants to know.
    init?(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
        guard let path = environment["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@"),
            (2..<108).contains(path.utf8.count)
        else { return nil }
        self.path = path
        let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        watchdog = isMeant ? environment["WATCHDOG_USEC"].flatMap(Int64.init).map { .microseconds($0) } : nil
    }

    enum Message {
        case ready(String)
        case waiting(String)
        case stopping
        case alive

        var text: String {
            switch self {
            case .ready(let status): "READY=1\nSTATUS=\(status)"
            case .waiting(let status): "STATUS=\(status)"
            case .stopping: "STOPPING=1\nSTATUS=draining"
            case .alive: "WATCHDOG=1"
            }
        }
    }

    func tell(_ message: Message) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var (address, length) = Self.address(path)
        let text = Array(message.text.utf8)
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(
                    descriptor, text, text.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT), $0, length)
            }
        }
    }

    /// Says that the process lives for as long as it is healthy, twice in each of the manager's waits.
    func keepAlive(while isHealthy: @Sendable () -> Bool) async {
        guard let watchdog else { return }
        while !Task.isCancelled {
            if isHealthy() { tell(.alive) }
            try? await Task.sleep(for: watchdog / 2)
        }
    }

    /// A name that begins with `@` stands for one in the abstract space, which begins with a zero byte.
    private static func address(_ path: String) -> (sockaddr_un, socklen_t) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return (address, socklen_t(MemoryLayout<sa_family_t>.size + bytes.count))
    }
}
