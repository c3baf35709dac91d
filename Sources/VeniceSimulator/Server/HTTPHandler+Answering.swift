import Foundation
import NIOCore
import NIOHTTP1

/// Writing an answer the way it wants to be written.
extension HTTPHandler {
    /// Closes with RST, so that the client sees a broken connection and not an orderly end.
    func reset(_ context: ChannelHandlerContext, _ endpoint: Endpoint) {
        phase = .closed
        service.countUnanswered(endpoint)
        cut(context)
    }

    func cut(_ context: ChannelHandlerContext) {
        guard let socket = context.channel as? any SocketOptionProvider else { return context.close(promise: nil) }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in bound.value.close(promise: nil) }
    }

    func send(_ answer: Answer, keepAlive: Bool, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else {
            report(answer, whole: false)
            return
        }
        phase = .answering
        switch answer.delivery {
        case .plain, .chunked: writeWhole(answer, keepAlive: keepAlive, context)
        case .late(let milliseconds):
            writeLate(answer, milliseconds, keepAlive: keepAlive, context)
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

    /// Whoever hangs up meanwhile has not been answered.
    private func writeLate(_ answer: Answer, _ milliseconds: Int, keepAlive: Bool, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let hungUp = context.eventLoop.makePromise(of: Bool.self)
        context.channel.closeFuture.whenComplete { _ in hungUp.succeed(true) }
        context.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) { hungUp.succeed(false) }
        hungUp.futureResult.whenSuccess { isGone in
            let (handler, context) = bound.value
            if isGone { return handler.report(answer, whole: false) }
            handler.writeWhole(answer, keepAlive: keepAlive, context)
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
