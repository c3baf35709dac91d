import Foundation
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// A double of the Venice video API on a real socket.
///
/// It is as strict as the service is known to be, keeps books that tests can read, and goes wrong on request. It shares no
/// code with the client that it tests, so that both are readings of the protocol of their own.
public final class Simulator: Sendable {
    /// `http://HOST:PORT`, without the API's base path `/api/v1`.
    public let baseURL: String

    private let service: Service
    private let listener: any Channel
    private let connections: Connections
    private let group: MultiThreadedEventLoopGroup
    private let pool: NIOThreadPool

    private init(
        _ service: Service, _ listener: any Channel, _ connections: Connections, _ group: MultiThreadedEventLoopGroup,
        _ pool: NIOThreadPool
    ) {
        self.service = service
        self.listener = listener
        self.connections = connections
        self.group = group
        self.pool = pool
        baseURL = service.baseURL
    }

    /// Listens, and answers once it does. Throws when the configuration is wrong, ffmpeg is missing, the state cannot be
    /// read or the address is taken.
    public static func start(
        _ configuration: Configuration,
        log: Logger = Logger(label: "venice-simulator", factory: { _ in SwiftLogNoOpLogHandler() })
    ) async throws -> Simulator {
        let service = try Service(configuration, log: log)
        let connections = Connections()
        // One loop: an answer's last byte is booked before the next request is looked at.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        do {
            let listener = try await bootstrap(group, service, pool, connections)
                .bind(host: configuration.host, port: configuration.port).get()
            service.baseURL = "http://\(authority(configuration.host, listener.localAddress?.port))"
            return Simulator(service, listener, connections, group, pool)
        } catch {
            try? await group.shutdownGracefully()
            try? await pool.shutdownGracefully()
            throw error
        }
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup, _ service: Service, _ pool: NIOThreadPool, _ connections: Connections
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(ChannelOptions.backlog, value: 1024)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    let patience = TimeAmount.nanoseconds(Int64(service.configuration.patienceSeconds * 1e9))
                    try pipeline.addHandler(IdleStateHandler(readTimeout: patience, allTimeout: .minutes(15)))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(HTTPHandler(service: service, pool: pool, connections: connections))
                }
            }
    }

    private static func authority(_ host: String, _ port: Int?) -> String {
        "\(host.contains(":") ? "[\(host)]" : host):\(port ?? 0)"
    }

    /// The books, with every answer entered whose last byte has left.
    public func ledger() async throws -> Ledger {
        try await group.next().submit { [service] in service.ledger() }.get()
    }

    /// Adds faults after those that are there.
    public func inject(_ faults: [Fault]) throws(InvalidFault) { try service.inject(faults) }

    public func clearFaults() { service.clearFaults() }

    /// The hash of a job's file; nil while there is none.
    public func sha256(ofJob queueID: String) -> String? { service.sha256(ofJob: queueID) }

    /// Returns once every video that was asked for has been made. A test that moves a `HandClock` waits for this first,
    /// since no job is done before its file is there.
    public func waitForMedia() async { await service.media.waitUntilIdle() }

    /// Stops listening, lets answers under way go out for a moment, cuts the rest and ends all threads.
    public func shutdown() async throws {
        service.media.close()
        try await listener.close()
        await connections.drain()
        try await pool.shutdownGracefully()
        try await group.shutdownGracefully()
        await service.media.waitUntilIdle()
    }
}
