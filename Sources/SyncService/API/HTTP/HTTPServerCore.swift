import Synchronization

typealias APIHandler = @Sendable (APIRequest) async -> APIResponse
/// Answers at once what can be answered from memory, on the event loop: it waits for nothing and takes microseconds.
typealias InstantHandler = @Sendable (APIRequest) -> APIResponse?

/// What all connections of a server share.
final class HTTPServerCore: Sendable {
    enum Verdict {
        case welcome
        /// Gets an answer that says so.
        case refused
        /// Gets nothing: there are too many even to be refused politely.
        case dropped
    }

    private struct State {
        var connections: [ObjectIdentifier: HTTPConnection] = [:]
        var byAddress: [String: Int] = [:]
        /// Requests under way of clients that a proxy speaks for.
        var byClient: [String: Int] = [:]
    }

    /// A request under way of a client that a proxy speaks for.
    final class ClientPlace: Sendable {
        private let core: HTTPServerCore
        private let client: String

        fileprivate init(_ core: HTTPServerCore, _ client: String) {
            (self.core, self.client) = (core, client)
        }

        deinit { core.leave(client) }
    }

    let limits: HTTPServerLimits
    let handle: APIHandler
    let handleAtOnce: InstantHandler
    /// Bytes that connections have taken.
    let sentBytes: MetricCounter?
    let drain = DrainSignal()
    /// Set once the server drains and the last connection has ended, its handler's task included.
    let empty = DrainSignal()
    private let trustedProxies: Set<String>
    private let state = Mutex(State())

    init(
        limits: HTTPServerLimits, trustedProxies: Set<String>, sentBytes: MetricCounter? = nil,
        handleAtOnce: @escaping InstantHandler, handle: @escaping APIHandler
    ) {
        (self.limits, self.trustedProxies, self.sentBytes) = (limits, trustedProxies, sentBytes)
        (self.handle, self.handleAtOnce) = (handle, handleAtOnce)
    }

    var connections: [HTTPConnection] { state.withLock { Array($0.connections.values) } }
    var connectionCount: Int { state.withLock { $0.connections.count } }

    func register(_ connection: HTTPConnection) -> Verdict {
        let address = connection.address
        let (total, same) = state.withLock { state in
            state.connections[ObjectIdentifier(connection)] = connection
            state.byAddress[address, default: 0] += 1
            return (state.connections.count, trustedProxies.contains(address) ? 0 : state.byAddress[address]!)
        }
        if total > limits.connections + limits.connections / 4 + 8 || same > 2 * limits.connectionsPerAddress + 8 {
            return .dropped
        }
        return total > limits.connections || same > limits.connectionsPerAddress ? .refused : .welcome
    }

    func unregister(_ connection: HTTPConnection) {
        let isLast = state.withLock { state in
            state.connections[ObjectIdentifier(connection)] = nil
            let left = state.byAddress[connection.address, default: 1] - 1
            state.byAddress[connection.address] = left > 0 ? left : nil
            return state.connections.isEmpty
        }
        if isLast, drain.isSet { empty.set() }
    }

    /// A place among the requests under way of a client behind a trusted proxy, whose connections cannot be told apart; nil
    /// where it has as many as it could have connections.
    func enter(_ client: String) -> ClientPlace? {
        let isFree = state.withLock { state in
            guard state.byClient[client, default: 0] < limits.connectionsPerAddress else { return false }
            state.byClient[client, default: 0] += 1
            return true
        }
        return isFree ? ClientPlace(self, client) : nil
    }

    private func leave(_ client: String) {
        state.withLock { state in
            let left = state.byClient[client, default: 1] - 1
            state.byClient[client] = left > 0 ? left : nil
        }
    }

    /// Tells every connection to finish.
    func beginDrain() {
        drain.set()
        let connections = connections
        if connections.isEmpty { empty.set() }
        for connection in connections { connection.drain() }
    }

    /// Who the client is: the connection's other end, or whom a trusted proxy says it speaks for.
    func client(of headers: APIHeaders, from address: String) -> String {
        guard trustedProxies.contains(address) else { return address }
        return headers.list(of: "x-forwarded-for").last.map(String.init) ?? address
    }
}
