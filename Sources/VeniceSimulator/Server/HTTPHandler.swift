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

    private enum Phase {
        case idle
        case reading(Reading)
        case answering
        case closed
    }

    private struct Reading {
        var head: HTTPRequestHead
        var endpoint: Endpoint
        var ticket: FaultPlan.Ticket
        var resetAfter: Int?
        var received = 0

        var isTooLong: Bool { received > Endpoint.bodyLimit }
    }

    private let service: Service
    private let pool: NIOThreadPool
    private let connections: Connections
    private var phase = Phase.idle
    /// The body that is being read. Not part of the phase: a second owner would make each piece copy all before it.
    private var body = ByteBuffer()
    private var peer = ""
    /// Answers whose last byte has not been handed to the network yet.
    private var unsent = 0

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
        body = ByteBuffer()
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
        if reading.isTooLong {
            body = ByteBuffer()
        } else {
            body.writeBuffer(&bytes)
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
        body = ByteBuffer()
        send(.error(408, "The request did not arrive in time"), keepAlive: false, context)
    }

    private func request(_ reading: Reading, _ context: ChannelHandlerContext) -> APIRequest {
        defer { body = ByteBuffer() }
        let headers = reading.head.headers.map { ($0.name.lowercased(), $0.value) }
        var request = APIRequest(
            method: reading.head.method.rawValue, target: reading.head.uri,
            headers: Dictionary(headers, uniquingKeysWith: { _, last in last }),
            body: Data(body.readableBytesView))
        request.repeated = Set(Dictionary(grouping: headers, by: \.0).filter { $0.value.count > 1 }.keys)
        request.peer = peer
        return request
    }

    // MARK: Answering

    /// Closes with RST, so that the client sees a broken connection and not an orderly end.
    private func reset(_ context: ChannelHandlerContext, _ endpoint: Endpoint) {
        phase = .closed
        service.countUnanswered(endpoint)
        cut(context)
    }

    private func cut(_ context: ChannelHandlerContext) {
        guard let socket = context.channel as? any SocketOptionProvider else { return context.close(promise: nil) }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in bound.value.close(promise: nil) }
    }

    private func send(_ answer: Answer, keepAlive: Bool, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else {
            report(answer, whole: false)
            return
        }
        phase = .answering
        switch answer.delivery {
        case .plain, .chunked: writeWhole(answer, keepAlive: keepAlive, context)
        case .late(let milliseconds):
            later(milliseconds, context) { $0.writeWhole(answer, keepAlive: keepAlive, $1) }
        case .lost:
            report(answer, whole: false)
            context.close(promise: nil)
        case .never:
            report(answer, whole: false)
            holdThenClose(context)
        case .truncated(let count):
            report(answer, whole: false)
            writePart(answer, upTo: count, context)
            context.close(promise: nil)
        case .stalled(let count):
            report(answer, whole: false)
            writePart(answer, upTo: count, context)
            holdThenClose(context)
        case .resetAfter(let count):
            report(answer, whole: false)
            writePart(answer, upTo: count, context)
            cut(context)
        case .drip(let bytes, let pause):
            writeHead(answer, keepAlive: keepAlive, context)
            drip(answer, from: 0, bytes: min(bytes, 1 << 20), pause: pause, keepAlive: keepAlive, context)
        }
    }

    private func writeWhole(_ answer: Answer, keepAlive: Bool, _ context: ChannelHandlerContext) {
        writeHead(answer, keepAlive: keepAlive, context)
        do {
            let pieces = answer.omitsBody ? [] : try BodyReader.pieces(of: answer.body, context.eventLoop)
            for piece in pieces {
                context.write(wrapOutboundOut(.body(piece.data)), promise: piece.written)
            }
        } catch {
            report(answer, whole: false)
            return context.close(promise: nil)
        }
        writeEnd(answer, keepAlive: keepAlive, context)
    }

    private func writeHead(_ answer: Answer, keepAlive: Bool, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders(answer.headers.map { ($0.name, $0.value) })
        if answer.delivery != .chunked && answer.status != 204 && !headers.contains(name: "content-length") {
            headers.add(name: "Content-Length", value: "\(answer.body.length)")
        }
        headers.add(name: "Date", value: HTTPDate.text(service.now))
        if !keepAlive || connections.isDraining { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func writeEnd(_ answer: Answer, keepAlive: Bool, _ context: ChannelHandlerContext) {
        // A request that waits in the pipeline comes in while the end is being written.
        if case .answering = phase { phase = .idle }
        unsent += 1
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { result in
            let (handler, context) = bound.value
            handler.unsent -= 1
            if case .success = result {
                handler.report(answer, whole: true)
            } else {
                handler.report(answer, whole: false)
            }
            if !keepAlive || handler.connections.isDraining { context.close(promise: nil) }
        }
    }

    private func writePart(_ answer: Answer, upTo count: Int, _ context: ChannelHandlerContext) {
        writeHead(answer, keepAlive: true, context)
        if let bytes = try? BodyReader.read(answer.body, from: 0, count: count), !bytes.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        }
        context.flush()
    }

    private func drip(
        _ answer: Answer, from position: Int, bytes: Int, pause: Int, keepAlive: Bool, _ context: ChannelHandlerContext
    ) {
        guard context.channel.isActive, let piece = try? BodyReader.read(answer.body, from: position, count: bytes)
        else { return report(answer, whole: false) }
        guard !piece.isEmpty else { return writeEnd(answer, keepAlive: keepAlive, context) }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        // The next piece waits until this one has left: who does not read makes nothing pile up here.
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: piece))))).whenComplete { _ in
            let (handler, context) = bound.value
            handler.later(pause, context) {
                $0.drip(answer, from: position + piece.count, bytes: bytes, pause: pause, keepAlive: keepAlive, $1)
            }
        }
    }

    private func holdThenClose(_ context: ChannelHandlerContext) {
        later(Int(service.configuration.silenceSeconds * 1000), context) { $1.close(promise: nil) }
    }

    private func later(
        _ milliseconds: Int, _ context: ChannelHandlerContext,
        _ body: @escaping @Sendable (HTTPHandler, ChannelHandlerContext) -> Void
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
            let (handler, context) = bound.value
            body(handler, context)
        }
    }

    private func report(_ answer: Answer, whole: Bool) {
        service.release(answer.slot)
        guard let receipt = answer.receipt else { return }
        var sha256: String?
        switch answer.body {
        case .video(let file), .part(let file, _): sha256 = file.sha256
        case .bytes, .filler: break
        }
        service.delivered(receipt, whole: whole, sha256: sha256)
    }
}

extension FaultPlan.Ticket {
    /// For the simulator's own routes, which no fault meets.
    static let unfaulted = FaultPlan.Ticket(endpoint: .unknown, number: 0)
}

/// The date as HTTP writes it.
enum HTTPDate {
    static func text(_ date: Date) -> String {
        var (seconds, parts) = (time_t(date.timeIntervalSince1970.rounded(.down)), tm())
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 40)
        let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
