import NIOCore

/// One client's connection: reads requests one at a time, has them handled, and writes the answers in order.
///
/// A request that follows another waits in the socket until the one before is answered; reading happens only when
/// somebody needs the bytes, so a connection holds at most one read's worth. When the client goes away, in whatever state,
/// the handler's task is cancelled. A client that only closes its sending side counts as gone, too.
///
/// Unchecked: all state belongs to the event loop. What other threads may call hops to it and says so.
final class HTTPConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = IOData

    enum Phase {
        /// Waiting for a request, or in the middle of its head.
        case head
        /// A request is being handled or answered.
        case exchange
        /// It is answered; what is left of its body is read past.
        case discarding(bytes: Int64)
        /// The last answer is sent; listening for the client to close.
        case lingering(bytes: Int)
        case closed
    }

    let core: HTTPServerCore
    let eventLoop: any EventLoop
    private(set) var address = ""
    var context: ChannelHandlerContext?
    var phase = Phase.head
    var exchange: HTTPExchange?
    var outgoing = OutgoingPieces()
    var timing: ConnectionTiming

    private var parser: RequestParser
    private var unparsed = ByteBuffer()
    private(set) var hasBegunHead = false
    private var isReading = false
    private var isAdvancing = false
    private var exchanges = 0
    private var isRegistered = false
    /// Tasks that have not ended yet, be it that their answer is no longer wanted.
    private var running = 0

    init(core: HTTPServerCore, eventLoop: any EventLoop) {
        (self.core, self.eventLoop) = (core, eventLoop)
        parser = RequestParser(limits: core.limits)
        timing = ConnectionTiming(limits: core.limits)
    }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { opened(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        opened(context)
    }

    private func opened(_ context: ChannelHandlerContext) {
        guard !isRegistered else { return }
        isRegistered = true
        address = context.remoteAddress?.ipAddress ?? ""
        switch core.register(self) {
        case .welcome:
            timing.wait(core.limits.idle)
            advance()
        case .refused: refuse(.tooManyConnections)
        case .dropped: close()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Bytes that nobody asked for come only when the client has closed its side: we are about to be told so.
        guard isReading else { return }
        var bytes = unwrapInboundIn(data)
        if unparsed.readableBytes == 0 { unparsed = bytes } else { unparsed.writeBuffer(&bytes) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard isReading else { return }
        isReading = false
        advance()
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        timing.stop()
        exchange?.abandon()
        exchange = nil
        outgoing.fail(RequestRefusal.clientGone)
        unparsed = ByteBuffer()
        self.context = nil
        unregisterIfOver()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close()
    }

    func close() {
        context?.close(promise: nil)
    }

    // MARK: Reading

    /// Does everything that the bytes at hand allow, then asks for more if somebody needs them.
    func advance() {
        // An answer that was taken at once leads back here: whoever is at it already goes on, however many requests lie
        // behind one another.
        guard !isAdvancing else { return }
        isAdvancing = true
        do throws(RequestRefusal) {
            while try step() {}
            isAdvancing = false
        } catch {
            isAdvancing = false
            refuse(error)
        }
        rearmTimer()
    }

    /// Returns whether there may be more to do without further bytes.
    private func step() throws(RequestRefusal) -> Bool {
        switch phase {
        case .head:
            guard let head = try parser.head(from: &unparsed) else {
                awaitHead()
                return false
            }
            begin(head)
            return true
        case .exchange:
            guard let exchange, !exchange.isBodyOver else { return false }
            return try feed(exchange)
        case .discarding(let bytes):
            return try discard(after: bytes)
        case .lingering(let bytes):
            let total = bytes + unparsed.readableBytes
            unparsed = ByteBuffer()
            phase = .lingering(bytes: total)
            if total > core.limits.lingerBytes { close() } else { read() }
            return false
        case .closed:
            return false
        }
    }

    private func awaitHead() {
        if unparsed.readableBytes > 0, !hasBegunHead {
            hasBegunHead = true
            timing.wait(core.limits.header)
        } else if unparsed.readableBytes == 0 {
            // A resting connection holds no buffer.
            unparsed = ByteBuffer()
            if core.drain.isSet { return close() }
        }
        read()
    }

    private func read() {
        guard !isReading, let context else { return }
        isReading = true
        context.read()
    }

    private func feed(_ exchange: HTTPExchange) throws(RequestRefusal) -> Bool {
        switch try parser.bodyPart(from: &unparsed) {
        case .bytes(let bytes)?:
            timing.bodyCame(bytes.readableBytes)
            exchange.body.push(bytes)
            return true
        case .end?:
            timing.bodyEnded()
            exchange.isBodyOver = true
            exchange.body.end(.success(()))
        case nil where exchange.body.isAwaited:
            timing.awaitBody()
            read()
        case nil: break
        }
        return false
    }

    private func discard(after bytes: Int64) throws(RequestRefusal) -> Bool {
        switch try parser.bodyPart(from: &unparsed) {
        case .bytes(let part)?:
            timing.bodyCame(part.readableBytes)
            let total = bytes + Int64(part.readableBytes)
            phase = .discarding(bytes: total)
            // Then the next step reads on, which lingering asks for.
            if total > core.limits.discardedBodyBytes { linger() }
            return true
        case .end?:
            timing.bodyEnded()
            rest()
            return true
        case nil:
            timing.awaitBody()
            read()
            return false
        }
    }

    /// What is left of the body that is being read; nil if nobody knows.
    var bodyBytesLeft: Int64? { parser.bodyBytesLeft }

    /// Ready for the next request.
    func rest() {
        exchange = nil
        hasBegunHead = false
        phase = .head
        timing.wait(core.limits.idle)
    }

    // MARK: Handling

    private func begin(_ head: RequestHead) {
        let exchange = newExchange(id: APIRequest.id(given: head.headers["x-request-id"]), head: head)
        self.exchange = exchange
        phase = .exchange
        timing.waitNoMore()
        guard let query = APIRequest.query(parsing: head.query ?? "") else {
            return refuse(.malformed("The query is not percent-encoded UTF-8."))
        }
        let client = core.client(of: head.headers, from: address)
        if client != address {
            exchange.place = core.enter(client)
            if exchange.place == nil { return refuse(.tooManyConnections) }
        }
        let isBodyless = exchange.isBodyOver
        let length: Int64? = parser.bodyBytesLeft
        // What has come of the body is handed over before the handler starts, which then need not wait for it.
        while !exchange.isBodyOver, exchange.answer == .none {
            do throws(RequestRefusal) {
                if try !feed(exchange) { break }
            } catch {
                return refuse(error)
            }
        }
        // Whoever waits or streams holds no buffer.
        if unparsed.readableBytes == 0 { unparsed = ByteBuffer() }
        let request = APIRequest(
            method: head.method, path: head.path, query: query, headers: head.headers,
            remoteAddress: client, id: exchange.requestID,
            body: RequestBody(length: length, limit: core.limits.bodyBytes, pipe: exchange.body), drain: core.drain)
        if isBodyless, let response = core.handleAtOnce(request) {
            answer(response, exchange.number)
        } else {
            start(request, exchange)
        }
    }

    func newExchange(id: String, head: RequestHead?) -> HTTPExchange {
        exchanges += 1
        let number = exchanges
        let body = BodyPipe(isEmpty: head.map { $0.framing == .none } ?? true) { [self] in
            eventLoop.execute { [self] in bodyIsAwaited(number) }
        } refuse: { [self] refusal in
            eventLoop.execute { [self] in if exchange?.number == number { refuse(refusal) } }
        }
        return HTTPExchange(number: number, requestID: id, head: head, body: body)
    }

    private func bodyIsAwaited(_ number: Int) {
        guard let exchange, exchange.number == number, case .exchange = phase, !exchange.isBodyOver else { return }
        if exchange.owesContinue, exchange.answer == .none {
            exchange.owesContinue = false
            outgoing.add(.bytes(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")))
            pump()
        }
        advance()
    }

    /// A task of its own, since the event loop that calls has none: it ends when the handler does, the connection cancels it
    /// when the client leaves, and the server waits for it when it stops.
    private func start(_ request: APIRequest, _ exchange: HTTPExchange) {
        running += 1
        let number = exchange.number
        // A stream goes on for hours after its request was read, and need not keep it.
        let given = Handover(request)
        exchange.task = Task { [self] in
            guard let request = given.take() else { return }
            let response = await core.handle(request)
            if let produce = response.body.producer {
                await stream(response, produce, number)
                eventLoop.execute { [self] in taskEnded() }
            } else {
                eventLoop.execute { [self] in
                    answer(response, number)
                    taskEnded()
                }
            }
        }
    }

    private func taskEnded() {
        running -= 1
        unregisterIfOver()
    }

    private func unregisterIfOver() {
        guard isRegistered, running == 0, case .closed = phase else { return }
        isRegistered = false
        core.unregister(self)
    }

    // MARK: Stopping

    /// From any thread: finish what is at work, then close.
    func drain() {
        eventLoop.execute { [self] in
            if case .head = phase, !hasBegunHead { close() }
        }
    }

    /// From any thread: close now.
    func abort() {
        eventLoop.execute { [self] in close() }
    }
}
