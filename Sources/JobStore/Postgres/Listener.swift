import Foundation
import Logging
import Synchronization

/// One LISTEN connection on a thread of its own. Notifications are hints: while it is down, callers poll.
final class Listener: Sendable {
    private let isStopping = Atomic(false)
    private let connected = Atomic(false)
    private let finished = DispatchSemaphore(value: 0)

    /// `receive` gets each payload, on the listener's thread; nil after a connection came up, when hints may be missing.
    init(
        conninfo: String, channel: String, log: Logger, receive: @escaping @Sendable (String?) -> Void
    ) {
        let thread = Thread { [self] in
            var isKnown = false
            while !isStopping.load(ordering: .acquiring) {
                do {
                    try listen(conninfo, channel, receive)
                } catch {
                    if connected.exchange(false, ordering: .releasing) || !isKnown {
                        isKnown = true
                        log.warning("no notification connection; waiters poll", metadata: ["error": "\(error)"])
                    }
                    pause(milliseconds: 1000)
                }
            }
            finished.signal()
        }
        thread.name = "postgres listen"
        thread.start()
    }

    /// False while wake-ups come by polling only.
    var isConnected: Bool { connected.load(ordering: .acquiring) }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        finished.wait()
        finished.signal()  // for whoever stops it again
    }

    private func listen(
        _ conninfo: String, _ channel: String, _ receive: @Sendable (String?) -> Void
    ) throws {
        let connection = try Self.connection(conninfo)
        try connection.run("listen \(channel)")
        connected.store(true, ordering: .releasing)
        receive(nil)
        while !isStopping.load(ordering: .acquiring) {
            var descriptor = pollfd(fd: connection.socket, events: Int16(POLLIN), revents: 0)
            _ = poll(&descriptor, 1, 250)  // bounds how long stop() waits
            for payload in try connection.notifications() { receive(payload) }
        }
    }

    static func connection(_ conninfo: String) throws(PostgresError) -> Connection {
        let connection = try Connection(conninfo, applicationName: "gondola listen")
        if connection.isPooled {
            throw .unavailable(
                "notifications do not come through a pooler; GONDOLA_DATABASE_DIRECT_URL can name the way around it")
        }
        return connection
    }

    /// Waits before the next try to connect, in steps that notice `stop()`.
    private func pause(milliseconds: Int32) {
        var left = milliseconds
        while left > 0, !isStopping.load(ordering: .acquiring) {
            poll(nil, 0, min(left, 100))
            left -= 100
        }
    }
}
