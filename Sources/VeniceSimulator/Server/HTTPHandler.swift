import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// One connection: reads a request whole (within the limit), has the service answer it, and writes the answer the way the
/// answer wants to be written.
final class HTTPHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Bodies up to that length are answered on the event loop, except those that write to disk.
    private static let smallBody = 64 * 1024
    /// A body that is too long is read on and thrown away up to that length, so that the client gets to read the 413.
    private static let patience = 3 * Endpoint.bodyLimit

    enum Phase {
        case idle
        case reading(Reading)
        case answering
        case closed
    }

    struct Reading {
        var head: HTTPRequestHead
        var endpoint: Endpoint
        var ticket: FaultPlan.Ticket
        var resetAfter: Int?
        var received = 0

        var isTooLong: Bool { received > Endpoint.bodyLimit }
    }

    let service: Service
    private let pool: NIOThreadPool
    let connections: Connections
    var phase = Phase.idle
    /// The body that is being read. Not part of the phase: a second owner would make each piece copy all before it.
    private var body = ByteBuffer()
    /// What of the body is booked with `connections`.
    private var held = 0
    private var peer = ""
    /// Answers whose last byte has not been handed to the network yet.
    var unsent = 0

    init(service: Service, pool: NIOThreadPool, connections: Connections) {
        self.service = service
        self.pool = pool
        self.connections = connections
    }

    // MARK: Reading

    func channelActive(context: ChannelHandlerContext) {
        guard connections.add(context.channel) else { return context.close(promise: nil) }
        peer = context.remoteAddress?.ipAddress ?? ""
        if service.begin(.connection).action == .reset {
            reset(context, .connection)
        } else {
            context.fireChannelActive()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .reading(let reading) = phase { service.countUnanswered(reading.endpoint) }
        phase = .closed
        dropBody()
        connections.remove(context.channel)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch (event, phase) {
        // Nothing has come for a while: a request that is under way is given up, an open connection is not.
        case (IdleStateHandler.IdleStateEvent.read, .reading(let reading)): giveUp(reading, context)
        case (IdleStateHandler.IdleStateEvent.read, _), (IdleStateHandler.IdleStateEvent.write, _): break
        case (is IdleStateHandler.IdleStateEvent, _): context.close(promise: nil)
        case (is DrainEvent, .idle) where unsent == 0: context.close(promise: nil)
        case (is DrainEvent, _): break
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), phase) {
        case (.head(let head), .idle): start(head, context)
        case (.body(let bytes), .reading(let reading)): take(bytes, reading, context)
        case (.end, .reading(let reading)): finish(reading, context)
        // What still arrives after a reset or an early answer is of no interest.
        case (.head, _), (.body, _), (.end, _): break
        }
    }

    private func start(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = String(head.uri.prefix { $0 != "?" })
        let endpoint = Endpoint.route(method: head.method.rawValue, path: path)
        let isAdmin = path.hasPrefix("/_simulator/")
        let begun = isAdmin ? (ticket: .unfaulted, action: nil) : service.begin(endpoint)
        var reading = Reading(head: head, endpoint: endpoint, ticket: begun.ticket)
        switch begun.action {
        case .reset: return reset(context, endpoint)
        case .resetAfter(let bytes): reading.resetAfter = bytes
        default: break
        }
        phase = .reading(reading)
        dropBody()
        guard head.headers.first(name: "expect")?.lowercased() == "100-continue" else { return }
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > Endpoint.bodyLimit {
            return send(service.tooLarge(endpoint), keepAlive: false, context)
        }
        let interim = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(interim)), promise: nil)
    }

    private func take(_ bytes: ByteBuffer, _ reading: Reading, _ context: ChannelHandlerContext) {
        var (reading, bytes) = (reading, bytes)
        reading.received += bytes.readableBytes
        let count = bytes.readableBytes
        if reading.isTooLong {
            dropBody()
        } else if connections.hold(count) {
            held += count
            body.writeBuffer(&bytes)
        } else {
            dropBody()
            return send(.error(503, "Too many bodies are being read"), keepAlive: false, context)
        }
        phase = .reading(reading)
        if let limit = reading.resetAfter, reading.received >= limit {
            reset(context, reading.endpoint)
        } else if reading.received > Self.patience {
            send(service.tooLarge(reading.endpoint), keepAlive: false, context)
        }
    }

    private func finish(_ reading: Reading, _ context: ChannelHandlerContext) {
        if reading.resetAfter != nil { return reset(context, reading.endpoint) }
        if reading.isTooLong { return send(service.tooLarge(reading.endpoint), keepAlive: false, context) }
        phase = .answering
        let keepAlive = reading.head.isKeepAlive
        let request = request(reading, context)
        let ticket = reading.ticket
        let isHead = reading.head.method == .HEAD
        guard reading.endpoint == .queue || reading.received > Self.smallBody else {
            let answer = service.answer(request, ticket)
            return send(isHead ? answer.headOnly : answer, keepAlive: keepAlive, context)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        pool.runIfActive(eventLoop: context.eventLoop) { [service] in service.answer(request, ticket) }
            .whenComplete { result in
                let (handler, context) = bound.value
                switch result {
                case .success(let answer): handler.send(answer, keepAlive: keepAlive, context)
                case .failure: context.close(promise: nil)
                }
            }
    }

    /// 408 for whoever begins a request and does not go on with it.
    private func giveUp(_ reading: Reading, _ context: ChannelHandlerContext) {
        service.countUnanswered(reading.endpoint)
        phase = .answering
        dropBody()
        send(.error(408, "The request did not arrive in time"), keepAlive: false, context)
    }

    private func dropBody() {
        body = ByteBuffer()
        connections.release(held)
        held = 0
    }

    private func request(_ reading: Reading, _ context: ChannelHandlerContext) -> APIRequest {
        defer { dropBody() }
        let headers = reading.head.headers.map { ($0.name.lowercased(), $0.value) }
        var request = APIRequest(
            method: reading.head.method.rawValue, target: reading.head.uri,
            headers: Dictionary(headers, uniquingKeysWith: { _, last in last }),
            body: Data(body.readableBytesView))
        request.repeated = Set(Dictionary(grouping: headers, by: \.0).filter { $0.value.count > 1 }.keys)
        request.peer = peer
        return request
    }
}

extension FaultPlan.Ticket {
    /// For the simulator's own routes, which no fault meets.
    static let unfaulted = FaultPlan.Ticket(endpoint: .unknown, number: 0)
}
