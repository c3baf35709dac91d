import CCurl

/// Everything that the curl thread owns: the transfers that run, and the line of those that wait.
final class CurlLoop {
    private let multi: UnsafeMutableRawPointer
    private let configuration: CurlHTTPClient.Configuration
    private var running: [ObjectIdentifier: CurlTransfer] = [:]
    private var byHandle: [UnsafeMutableRawPointer: CurlTransfer] = [:]
    private var line: [(job: CurlJob, exchange: CurlExchange)] = []
    /// How many exchanges ended since someone last looked.
    var finishedCount = 0

    init(multi: UnsafeMutableRawPointer, configuration: CurlHTTPClient.Configuration) {
        self.multi = multi
        self.configuration = configuration
    }

    func obey(_ command: CurlEngine.Command) {
        switch command {
        case .start(let job, let exchange):
            line.append((job, exchange))
            // A cancellation may overtake the request that it is for.
            if exchange.isClosed { endWaiting(HTTPClientError(.cancelled)) { $0.exchange === exchange } }
        case .resume(let exchange):
            if let transfer = running[ObjectIdentifier(exchange)], let error = transfer.resume() {
                end(transfer, error)
            }
        case .cancel(let exchange):
            if let transfer = running[ObjectIdentifier(exchange)] {
                end(transfer, HTTPClientError(.cancelled, sent: transfer.sent))
            } else {
                endWaiting(HTTPClientError(.cancelled)) { $0.exchange === exchange }
            }
        }
    }

    /// Lets libcurl do what can be done now, then reports what ended.
    func perform() {
        startWaiting()
        var active: CInt = 0
        curl_multi_perform(multi, &active)
        var left: CInt = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let transfer = byHandle[message.pointee.easy_handle] else {
                continue
            }
            end(transfer, transfer.verdict(on: gondola_curl_message_result(message)))
        }
        endOverdue()
    }

    /// Sleeps until a socket, a command or a deadline asks for attention.
    func wait() {
        // A place is free and someone waits: do not sleep at all.
        let isReady = !line.isEmpty && running.count < configuration.maximumConcurrent
        curl_multi_poll(multi, nil, 0, isReady ? 0 : CInt(timeToDeadline(atMost: .seconds(1)).wholeMilliseconds), nil)
    }

    func stop() {
        for transfer in Array(running.values) { end(transfer, HTTPClientError(.stopped, sent: transfer.sent)) }
        endWaiting(HTTPClientError(.stopped)) { _ in true }
    }

    // MARK: - beginning and ending

    private func startWaiting() {
        while running.count < configuration.maximumConcurrent, !line.isEmpty {
            let (job, exchange) = line.removeFirst()
            start(job, exchange)
        }
    }

    private func start(_ job: CurlJob, _ exchange: CurlExchange) {
        do throws(HTTPClientError) {
            if exchange.isClosed { throw HTTPClientError(.cancelled) }
            let transfer = try CurlTransfer(job, exchange, configuration)
            running[ObjectIdentifier(exchange)] = transfer
            byHandle[transfer.easy] = transfer
            curl_multi_add_handle(multi, transfer.easy)
        } catch {
            finishedCount += 1
            exchange.finish(error)
        }
    }

    private func end(_ transfer: CurlTransfer, _ error: HTTPClientError?) {
        running[ObjectIdentifier(transfer.exchange)] = nil
        byHandle[transfer.easy] = nil
        curl_multi_remove_handle(multi, transfer.easy)
        finishedCount += 1
        transfer.exchange.finish(error)
    }

    private func endWaiting(
        _ error: HTTPClientError, where isConcerned: ((job: CurlJob, exchange: CurlExchange)) -> Bool
    ) {
        let ending = line.filter(isConcerned)
        guard !ending.isEmpty else { return }
        line.removeAll(where: isConcerned)
        finishedCount += ending.count
        for waiting in ending { waiting.exchange.finish(error) }
    }

    // MARK: - deadlines

    private func endOverdue() {
        let now = ContinuousClock.now
        for transfer in Array(running.values) {
            guard let deadline = transfer.deadline, deadline.instant <= now else { continue }
            end(transfer, HTTPClientError(.timedOut(deadline.phase), sent: transfer.sent))
        }
        endWaiting(HTTPClientError(.timedOut(.total))) { $0.job.totalDeadline.map { $0 <= now } ?? false }
    }

    private func timeToDeadline(atMost longest: Duration) -> Duration {
        let now = ContinuousClock.now
        let running = running.values.lazy.compactMap { $0.deadline?.instant }.min()
        let waiting = line.lazy.compactMap(\.job.totalDeadline).min()
        return [running, waiting].compactMap { $0 }.reduce(longest) { min($0, max(.zero, now.duration(to: $1))) }
    }
}

extension CurlJob {
    var totalDeadline: ContinuousClock.Instant? { request.timeouts.total.map { submitted + $0 } }
}

extension Duration {
    /// Rounded up, so that a wait is never cut short, and kept within what a C int holds.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        let wholeSeconds = min(max(seconds, 0), Int64(CInt.max) / 1000 - 1)
        return Int(wholeSeconds * 1000 + max(attoseconds + 999_999_999_999_999, 0) / 1_000_000_000_000_000)
    }
}
