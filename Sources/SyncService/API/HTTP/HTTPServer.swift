import NIOCore
import NIOPosix

/// An HTTP/1.1 server on one address. TLS and HTTP/2 are a reverse proxy's business.
final class HTTPServer: Sendable {
    private let core: HTTPServerCore
    private let listener: any Channel
    /// Where it listens; with the port that the system chose where 0 was asked for.
    let address: ListenAddress

    private init(core: HTTPServerCore, listener: any Channel, address: ListenAddress) {
        (self.core, self.listener, self.address) = (core, listener, address)
    }

    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - trustedProxies: addresses whose `X-Forwarded-For` is believed and which may open any number of connections.
    ///   - handleAtOnce: asked first, about requests without a body.
    static func start(
        on address: ListenAddress, limits: HTTPServerLimits = HTTPServerLimits(), trustedProxies: Set<String> = [],
        sentBytes: MetricCounter? = nil,
        eventLoops: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        handleAtOnce: @escaping InstantHandler = { _ in nil }, handle: @escaping APIHandler
    ) async throws(ListenError) -> HTTPServer {
        let core = HTTPServerCore(
            limits: limits, trustedProxies: trustedProxies, sentBytes: sentBytes, handleAtOnce: handleAtOnce,
            handle: handle)
        do {
            let listener = try await bootstrap(core, eventLoops).bind(host: address.host, port: address.port).get()
            let port = listener.localAddress?.port ?? address.port
            return HTTPServer(
                core: core, listener: listener, address: ListenAddress(host: address.host, port: port))
        } catch {
            throw ListenError(address: address, reason: "\(error)")
        }
    }

    private static func bootstrap(_ core: HTTPServerCore, _ eventLoops: any EventLoopGroup) -> ServerBootstrap {
        let bootstrap = ServerBootstrap(group: eventLoops)
            .serverChannelOption(ChannelOptions.backlog, value: 4096)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(ChannelOptions.autoRead, value: false)
            .childChannelOption(ChannelOptions.maxMessagesPerRead, value: 1)
            .childChannelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                ChannelOptions.recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 1 << 10, initial: 1 << 10, maximum: 64 << 10))
        return bootstrap.childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    HTTPConnection(core: core, eventLoop: channel.eventLoop))
            }
        }
    }

    var connectionCount: Int { core.connectionCount }

    /// Set as soon as the server is told to stop.
    var drain: DrainSignal { core.drain }

    /// Stops: takes no new connections, lets requests at work come to their end, tells streams and waits to end theirs, and
    /// after the grace period cuts off what is left. Returns when nothing runs any more, or one second after that.
    ///
    /// - Returns: how many connections had to be cut off.
    @discardableResult
    func shutdown(grace: Duration, clock: some Clock<Duration> = ContinuousClock()) async -> Int {
        try? await listener.close().get()
        core.beginDrain()
        await wait(for: core.empty, atMost: grace, clock)
        let left = core.connections
        for connection in left { connection.abort() }
        if !left.isEmpty { await wait(for: core.empty, atMost: .seconds(1), clock) }
        return left.count
    }

    private func wait(for signal: DrainSignal, atMost time: Duration, _ clock: some Clock<Duration>) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signal.wait() }
            group.addTask { try? await clock.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
    }
}

/// A server could not begin to listen.
struct ListenError: Error, Hashable, Sendable, CustomStringConvertible {
    let address: ListenAddress
    let reason: String

    var description: String { "cannot listen on \(address): \(reason)" }
}
