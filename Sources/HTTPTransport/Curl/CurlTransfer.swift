import CCurl

/// One easy handle from its set-up to its end. Lives on the curl thread, which also runs the callbacks.
final class CurlTransfer {
    let easy: UnsafeMutableRawPointer
    let exchange: CurlExchange

    private let job: CurlJob
    private let headerList: UnsafeMutablePointer<curl_slist>?
    private let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var head: ResponseHead
    private var stage = Stage.connecting
    private var isPaused = false
    private var lastProgress = ContinuousClock.now
    /// How often libcurl was about to write the request.
    private var timesSent = 0
    /// Why a callback ended the transfer; libcurl itself only reports that one did.
    private var ownReason: HTTPClientError.Reason?
    private var ownDetail = ""

    private enum Stage { case connecting, sending, waiting, receiving }

    /// - Throws: `invalidRequest` when a file of the body cannot be opened. Nothing has been sent then.
    init(
        _ job: CurlJob, _ exchange: CurlExchange, _ configuration: CurlHTTPClient.Configuration
    ) throws(HTTPClientError) {
        try job.body?.open()
        guard let easy = curl_easy_init() else { throw HTTPClientError(.overloaded, "no memory for a transfer") }
        self.easy = easy
        self.job = job
        self.exchange = exchange
        head = ResponseHead(limit: configuration.maximumHeaderBytes)
        headerList = job.headerList(userAgent: configuration.userAgent)
        message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        setUpRequest()
        setUpConnection(configuration)
        setUpCallbacks()
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(headerList)
        message.deallocate()
    }

    /// Sound because libcurl announces every writing of a request (`PREREQFUNCTION`) after the handshake and before the
    /// first byte: without that call, nothing can have left.
    var sent: HTTPClientError.Sent { timesSent == 0 ? .nothing : .maybe }

    /// The earliest moment at which this transfer has taken too long, and what for.
    var deadline: (instant: ContinuousClock.Instant, phase: HTTPClientError.Phase)? {
        let timeouts = job.request.timeouts
        let stageLimit: (Duration, HTTPClientError.Phase)? =
            switch stage {
            case .connecting: (timeouts.connect, .connect)
            case .waiting: timeouts.firstByte.map { ($0, .firstByte) }
            case .sending, .receiving: isPaused ? nil : timeouts.idle.map { ($0, .idle) }
            }
        let stageDeadline = stageLimit.map { (instant: lastProgress + $0.0, phase: $0.1) }
        guard let total = job.totalDeadline else { return stageDeadline }
        guard let stageDeadline, stageDeadline.instant < total else { return (total, .total) }
        return stageDeadline
    }

    /// What the end that libcurl reports means; nil when the answer is whole.
    func verdict(on code: CURLcode) -> HTTPClientError? {
        if let ownReason { return HTTPClientError(ownReason, sent: sent, ownDetail) }
        guard code != CURLE_OK else {
            deliverHead()  // an answer without a body ends with its head
            // libcurl is content with a connection that ends in the middle of the headers.
            guard head.isTaken else {
                return HTTPClientError(.interrupted, sent: sent, "the connection ended before the answer's head did")
            }
            return nil
        }
        let told = String(cString: message)
        return HTTPClientError(
            HTTPClientError.Reason(code, sent: sent), sent: sent,
            told.isEmpty ? String(cString: curl_easy_strerror(code)) : told)
    }

    /// The reader has room again. What libcurl held back is handed out at once, which may end the transfer.
    func resume() -> HTTPClientError? {
        guard isPaused else { return nil }
        isPaused = false
        lastProgress = .now
        let code = curl_easy_pause(easy, CURLPAUSE_CONT)
        return code == CURLE_OK ? nil : verdict(on: code)
    }

    // MARK: - what the callbacks do

    /// Just before the request is written on a connection.
    fileprivate func willSend() -> CInt {
        if exchange.isClosed { return abort(.cancelled, answering: CURL_PREREQFUNC_ABORT) }
        if timesSent > 0 && job.request.freshConnection {
            return abort(.interrupted, "the connection ended; not sent again", answering: CURL_PREREQFUNC_ABORT)
        }
        timesSent += 1
        advance(to: (job.body?.length ?? 0) > 0 ? .sending : .waiting)
        return CURL_PREREQFUNC_OK
    }

    fileprivate func supply(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let body = job.body else { return 0 }
        do throws(HTTPClientError) {
            let count = try body.read(into: buffer)
            advance(to: body.produced == body.length ? .waiting : .sending)
            return count
        } catch {
            return abort(error.reason, error.detail, answering: Int(CURL_READFUNC_ABORT))
        }
    }

    /// Only a request that may go out again is ever started over.
    fileprivate func seek(to offset: Int, from origin: CInt) -> CInt {
        guard !job.request.freshConnection, offset == 0, origin == 0, (try? job.body?.rewind()) != nil else {
            return CURL_SEEKFUNC_FAIL
        }
        return CURL_SEEKFUNC_OK
    }

    fileprivate func receiveHeader(_ line: UnsafeRawBufferPointer) -> Int {
        // The first byte of the answer ends the wait for it, even when the answer begins with `100 Continue`.
        advance(to: .receiving)
        guard head.append(line) else {
            return abort(.malformed, "the header is longer than \(head.limit) bytes", answering: 0)
        }
        if head.isComplete { deliverHead() }
        return line.count
    }

    fileprivate func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        advance(to: .receiving)
        deliverHead()
        switch exchange.offer([UInt8](bytes)) {
        case .taken: return bytes.count
        case .unwanted: return abort(.cancelled, answering: 0)
        case .full:
            isPaused = true
            return Int(CURL_WRITEFUNC_PAUSE)
        }
    }

    private func deliverHead() {
        guard let (status, headers) = head.takeResponse() else { return }
        let body = HTTPResponseBody(source: CurlBody(exchange))
        exchange.deliverHead(HTTPResponse(status: status, headers: headers, body: body))
    }

    private func advance(to stage: Stage) {
        self.stage = stage
        lastProgress = .now
    }

    private func abort<Answer>(
        _ reason: HTTPClientError.Reason, _ detail: String = "", answering answer: Answer
    ) -> Answer {
        ownReason = reason
        ownDetail = detail
        return answer
    }
}

// MARK: - set-up

extension CurlTransfer {
    private func setUpRequest() {
        let request = job.request
        gondola_curl_set_string(easy, CURLOPT_URL, request.url)
        gondola_curl_set_string(easy, CURLOPT_PROTOCOLS_STR, request.allowedSchemes.sorted().joined(separator: ","))
        gondola_curl_set_list(easy, CURLOPT_HTTPHEADER, headerList)
        if let body = job.body {
            gondola_curl_set_long(easy, CURLOPT_UPLOAD, 1)
            gondola_curl_set_off(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(body.length))
            gondola_curl_set_long(easy, CURLOPT_UPLOAD_BUFFERSIZE, 64 * 1024)
        } else if request.method == "HEAD" {
            gondola_curl_set_long(easy, CURLOPT_NOBODY, 1)
        }
        gondola_curl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method)
        gondola_curl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
        // Either way a body that comes encoded is decoded.
        gondola_curl_set_string(easy, CURLOPT_ACCEPT_ENCODING, request.acceptsCompression ? "" : "identity")
    }

    private func setUpConnection(_ configuration: CurlHTTPClient.Configuration) {
        gondola_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        // Cancelling must not wait for a resolver thread: it would hold up every other transfer.
        gondola_curl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
        gondola_curl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        gondola_curl_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        gondola_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, max(1, job.request.timeouts.connect.wholeMilliseconds))
        gondola_curl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        if job.request.freshConnection {
            gondola_curl_set_long(easy, CURLOPT_FRESH_CONNECT, 1)
            gondola_curl_set_long(easy, CURLOPT_FORBID_REUSE, 1)
        }
        switch configuration.proxy {
        case .environment: break
        case .none: gondola_curl_set_string(easy, CURLOPT_PROXY, "")
        case .url(let url): gondola_curl_set_string(easy, CURLOPT_PROXY, url)
        }
        if let file = configuration.authorityFile { gondola_curl_set_string(easy, CURLOPT_CAINFO, file) }
        gondola_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, message)
    }

    /// The context is unretained: this object outlives its easy handle.
    private func setUpCallbacks() {
        let me = Unmanaged.passUnretained(self).toOpaque()
        gondola_curl_set_prereq_callback(easy) { context, _, _, _, _ in CurlTransfer.of(context).willSend() }
        gondola_curl_set_pointer(easy, CURLOPT_PREREQDATA, me)
        gondola_curl_set_data_callback(easy, CURLOPT_READFUNCTION) { data, size, count, context in
            CurlTransfer.of(context).supply(UnsafeMutableRawBufferPointer(start: data, count: size * count))
        }
        gondola_curl_set_pointer(easy, CURLOPT_READDATA, me)
        gondola_curl_set_seek_callback(easy) { context, offset, origin in
            CurlTransfer.of(context).seek(to: Int(offset), from: origin)
        }
        gondola_curl_set_pointer(easy, CURLOPT_SEEKDATA, me)
        gondola_curl_set_data_callback(easy, CURLOPT_HEADERFUNCTION) { data, size, count, context in
            CurlTransfer.of(context).receiveHeader(UnsafeRawBufferPointer(start: data, count: size * count))
        }
        gondola_curl_set_pointer(easy, CURLOPT_HEADERDATA, me)
        gondola_curl_set_data_callback(easy, CURLOPT_WRITEFUNCTION) { data, size, count, context in
            CurlTransfer.of(context).receive(UnsafeRawBufferPointer(start: data, count: size * count))
        }
        gondola_curl_set_pointer(easy, CURLOPT_WRITEDATA, me)
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> CurlTransfer {
        Unmanaged<CurlTransfer>.fromOpaque(context!).takeUnretainedValue()
    }
}
