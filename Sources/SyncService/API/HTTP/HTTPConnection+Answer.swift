import NIOCore
import NIOPosix

/// Writing answers. All on the event loop, unless it says otherwise.
extension HTTPConnection {
    /// Bodies up to this size are sent in one piece with their head.
    private static let joinedBodySize = 16 << 10

    /// Sends a whole answer, unless the request is already answered (refused, or its client gone).
    func answer(_ response: APIResponse, _ number: Int) {
        guard let exchange, exchange.number == number, exchange.answer == .none else { return }
        var head = begin(response, exchange)
        switch response.body {
        case _ where exchange.isHead || !hasBody(response), .empty, .stream, .measuredStream:
            outgoing.add(.bytes(head), isLast: true)
        case .bytes(let bytes) where bytes.readableBytes <= Self.joinedBodySize:
            head.writeImmutableBuffer(bytes)
            outgoing.add(.bytes(head), isLast: true)
        case .bytes(let bytes):
            outgoing.add(.bytes(head))
            outgoing.add(.bytes(bytes), isLast: true)
        case .parts(let parts):
            outgoing.add(.bytes(head), isLast: parts.isEmpty)
            for (index, part) in parts.enumerated() { add(part, isLast: index == parts.count - 1) }
        }
        pump()
        watchClaim(of: exchange)
    }

    /// Answers in the server's own name and closes; an answer that has begun is cut off instead.
    func refuse(_ refusal: RequestRefusal) {
        switch phase {
        case .lingering, .closed: return
        case .discarding: return linger()
        case .head, .exchange: break
        }
        let exchange = exchange ?? newExchange(id: APIRequest.id(given: nil), head: nil)
        exchange.body.end(.failure(refusal))
        guard exchange.answer == .none else { return close() }
        self.exchange = exchange
        phase = .exchange
        exchange.isBodyOver = true
        exchange.keepsAlive = false
        timing.waitNoMore()
        timing.bodyEnded()
        var problem = refusal.problem
        problem.requestID = exchange.requestID
        answer(.problem(problem), exchange.number)
    }

    /// From the handler's task: sends the head, then what the closure writes.
    func stream(
        _ response: APIResponse, _ produce: @Sendable (ResponseWriter) async throws -> Void, _ number: Int
    ) async {
        let hasBegun = try? await eventLoop.submit { [self] in beginStream(response, number) }.get()
        guard hasBegun == true else { return }
        do {
            try await produce(ResponseWriter { [self] bytes in try await write(bytes, number) })
            eventLoop.execute { [self] in endStream(number) }
        } catch {
            // Without the last chunk, the client knows that something is missing.
            eventLoop.execute { [self] in if exchange?.number == number { close() } }
        }
    }

    /// Returns whether a body is to follow.
    private func beginStream(_ response: APIResponse, _ number: Int) -> Bool {
        guard let exchange, exchange.number == number, exchange.answer == .none else { return false }
        let isOver = exchange.isHead || !hasBody(response)
        outgoing.add(.bytes(begin(response, exchange)), isLast: isOver)
        pump()
        watchClaim(of: exchange)
        return !isOver
    }

    /// An answer that is not written yet is cut a moment after its device has lost its access, whatever its body is and
    /// whoever is stuck in writing it. The moment is for streams, which say goodbye.
    private func watchClaim(of exchange: HTTPExchange) {
        guard let session = exchange.claim?.session else { return }
        let (number, goodbye) = (exchange.number, core.limits.goodbye)
        exchange.watch = session.revoked.watch { [weak self, eventLoop] in
            _ = eventLoop.scheduleTask(in: TimeAmount(goodbye)) { [weak self] in
                if self?.exchange?.number == number, self?.exchange?.answer == .begun { self?.close() }
            }
        }
    }

    /// From the handler's task.
    private func write(_ bytes: ByteBuffer, _ number: Int) async throws {
        guard bytes.readableBytes > 0 else { return }
        try Task.checkCancellation()
        let written = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { [self] in
            guard let exchange, exchange.number == number, exchange.answer == .begun else {
                return written.fail(RequestRefusal.clientGone)
            }
            outgoing.add(.bytes(exchange.isChunked ? chunk(bytes) : bytes), written: written)
            pump()
        }
        try await written.futureResult.get()
    }

    private func chunk(_ bytes: ByteBuffer) -> ByteBuffer {
        var chunk = ByteBuffer()
        chunk.reserveCapacity(bytes.readableBytes + 20)
        chunk.writeChunk(bytes)
        return chunk
    }

    private func endStream(_ number: Int) {
        guard let exchange, exchange.number == number, exchange.answer == .begun else { return }
        outgoing.add(.bytes(ByteBuffer(string: exchange.isChunked ? "0\r\n\r\n" : "")), isLast: true)
        pump()
    }

    private func add(_ part: APIResponse.Part, isLast: Bool) {
        switch part {
        case .bytes(let bytes): outgoing.add(.bytes(bytes), isLast: isLast)
        case .file(let file, let range): outgoing.add(.file(file, range), isLast: isLast)
        }
    }

    private func hasBody(_ response: APIResponse) -> Bool {
        response.status >= 200 && response.status != 204 && response.status != 304
    }

    private func begin(_ response: APIResponse, _ exchange: HTTPExchange) -> ByteBuffer {
        let wantsClose = response.headers.list(of: "connection").contains { APIHeaders.isSame(String($0), "close") }
        exchange.answer = .begun
        exchange.claim = response.claim
        exchange.keepsAlive = exchange.keepsAlive && !wantsClose && !core.drain.isSet && canDiscardRest(exchange)
        let framing = framing(of: response, exchange)
        exchange.isChunked = framing == .chunked
        var head = ByteBuffer()
        head.reserveCapacity(512)
        head.writeHead(
            of: response, framing: framing, requestID: exchange.requestID, keepAlive: exchange.keepsAlive)
        return head
    }

    private func framing(of response: APIResponse, _ exchange: HTTPExchange) -> ResponseFraming {
        guard hasBody(response) else { return .none }
        if let length = response.contentLength { return .length(length) }
        return exchange.isHTTP10 ? .untilClose : .chunked
    }

    /// Whether it is worth while to read what the handler left of the body. A client that was never told to continue may
    /// or may not send it, which only closing makes clear.
    private func canDiscardRest(_ exchange: HTTPExchange) -> Bool {
        if exchange.isBodyOver { return true }
        return !exchange.owesContinue && (bodyBytesLeft ?? .max) <= core.limits.discardedBodyBytes
    }

    // MARK: Writing

    /// Gives the channel the next piece when it has taken the one before.
    func pump() {
        guard !outgoing.isWriting, let context, let piece = outgoing.next() else { return }
        outgoing.isWriting = true
        timing.awaitWrite()
        rearmTimer()
        let taken = eventLoop.makePromise(of: Void.self)
        switch piece.content {
        case .bytes(let bytes):
            let count = bytes.readableBytes
            taken.futureResult.whenComplete { [self] in wrote(piece, count, $0) }
            context.writeAndFlush(wrapOutboundOut(.byteBuffer(bytes)), promise: taken)
        case .file(let file, let range):
            let handle = NIOFileHandle(descriptor: file.descriptor)
            let lent = NIOLoopBound(handle, eventLoop: eventLoop)
            taken.futureResult.whenComplete { [self] in
                // The descriptor stays `file`'s, which lives as long as this closure and closes it.
                withExtendedLifetime(file) { _ = try? lent.value.takeDescriptorOwnership() }
                wrote(piece, range.count, $0)
            }
            let region = FileRegion(
                fileHandle: handle, readerIndex: Int(range.lowerBound), endIndex: Int(range.upperBound))
            context.writeAndFlush(wrapOutboundOut(.fileRegion(region)), promise: taken)
        }
    }

    private func wrote(_ piece: OutgoingPieces.Piece, _ bytes: Int, _ result: Result<Void, any Error>) {
        outgoing.isWriting = false
        timing.writeEnded()
        switch result {
        case .success:
            core.sentBytes?.add(Double(bytes))
            piece.written?.succeed(())
            if piece.isLast { answered() } else { pump() }
        case .failure(let error):
            piece.written?.fail(error)
            close()
        }
    }

    private func answered() {
        guard let exchange else { return }
        exchange.answer = .ended
        exchange.settle()
        if !exchange.keepsAlive {
            linger()
        } else if exchange.isBodyOver {
            rest()
            advance()
        } else {
            phase = .discarding(bytes: 0)
            advance()
        }
    }

    /// Ends our side, and listens for a moment: closing on bytes that nobody has read would make the system tell the client
    /// of a reset, and the answer could be lost with it.
    func linger() {
        exchange = nil
        phase = .lingering(bytes: 0)
        timing.bodyEnded()
        timing.wait(core.limits.linger)
        context?.close(mode: .output, promise: nil)
        advance()
    }
}
