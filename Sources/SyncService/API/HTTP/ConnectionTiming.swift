import NIOCore

/// When a connection has to do something although nothing happens. Belongs to the connection's event loop.
struct ConnectionTiming {
    enum Expired {
        /// It rested too long, or its head or its closing took too long.
        case waiting
        case body
        case write
    }

    private let limits: HTTPServerLimits
    private var waiting: NIODeadline?
    private var write: NIODeadline?
    private var body: NIODeadline?
    /// Time and bytes since the body last made enough progress. Counting time only while we wait is what lets a slow
    /// handler be slow, and counting bytes is what stops a client that sends one now and then.
    private var bodyWaitBegan: NIODeadline?
    private var bodyWaited = TimeAmount.zero
    private var bodyBytes = 0
    private(set) var timer: Scheduled<Void>?
    private var timerDue = NIODeadline.distantFuture

    init(limits: HTTPServerLimits) {
        self.limits = limits
    }

    mutating func wait(_ time: Duration) { waiting = .now() + TimeAmount(time) }
    mutating func waitNoMore() { waiting = nil }
    mutating func awaitWrite() { write = .now() + TimeAmount(limits.writeProgress) }
    mutating func writeEnded() { write = nil }

    mutating func awaitBody() {
        guard bodyWaitBegan == nil else { return }
        let now = NIODeadline.now()
        bodyWaitBegan = now
        body = now + (TimeAmount(limits.bodyProgress) - bodyWaited)
    }

    mutating func bodyCame(_ bytes: Int) {
        bodyBytes += bytes
        if let began = bodyWaitBegan { bodyWaited = bodyWaited + (NIODeadline.now() - began) }
        (bodyWaitBegan, body) = (nil, nil)
        if bodyBytes >= limits.bodyProgressBytes { (bodyBytes, bodyWaited) = (0, .zero) }
    }

    mutating func bodyEnded() {
        (bodyWaitBegan, body, bodyBytes, bodyWaited) = (nil, nil, 0, .zero)
    }

    mutating func stop() {
        timer?.cancel()
        (timer, waiting, write, body) = (nil, nil, nil, nil)
    }

    /// Has `fire` called on the loop no later than the next deadline. An earlier timer is left to fire for nothing, which
    /// is cheaper than setting a new one with each request.
    mutating func rearm(on eventLoop: any EventLoop, _ fire: @escaping @Sendable () -> Void) {
        guard let due = [waiting, write, body].compactMap({ $0 }).min() else { return }
        if timer != nil, timerDue <= due { return }
        timer?.cancel()
        timerDue = due
        timer = eventLoop.scheduleTask(deadline: due, fire)
    }

    /// To be called when the timer has fired: what is over by now.
    mutating func fired() -> Expired? {
        timer = nil
        let now = NIODeadline.now()
        if let write, write <= now { return .write }
        if let body, body <= now { return .body }
        if let waiting, waiting <= now { return .waiting }
        return nil
    }
}

extension HTTPConnection {
    func rearmTimer() {
        if case .closed = phase { return }
        timing.rearm(on: eventLoop) { [self] in timerFired() }
    }

    private func timerFired() {
        switch timing.fired() {
        case .write?: return close()
        case .body?: refuse(.timeout)
        case .waiting?:
            if case .head = phase, hasBegunHead { refuse(.timeout) } else { return close() }
        case nil: break
        }
        rearmTimer()
    }
}
