public import VideoModels

/// Follows a user's feed and keeps a copy of it, through broken connections, restarts, drained servers and expired cursors.
///
/// It reads snapshots and backlogs as plain pages and then listens to server-sent events; where those do not come through
/// it polls with a wait. For one task at a time.
public struct FeedClient<Store: ChangeStore> {
    /// How it follows.
    public struct Options: Hashable, Sendable {
        /// How long the server may hold a poll open, in whole seconds.
        public var wait: Int
        /// The longest silence of a stream. The server's heartbeat comes every 15 seconds.
        public var silence: Duration
        /// Listens to a stream. Otherwise it polls.
        public var listens: Bool

        public init(wait: Int = 25, silence: Duration = .seconds(40), listens: Bool = true) {
            self.wait = wait
            self.silence = silence
            self.listens = listens
        }
    }

    private(set) var reducer: ChangeReducer<Store>
    let transport: any FeedTransport
    private let options: Options
    private let clock: any Clock<Duration>
    private var generator: any RandomNumberGenerator & Sendable
    private let uptime: @Sendable () -> Duration
    private var pace = FeedPace()
    private var stream: EventStream?
    private var hasMore = true

    /// - Parameters:
    ///   - store: The copy so far. It tells where to go on.
    ///   - generator: Spreads the waits after trouble.
    public init(
        _ transport: any FeedTransport, copy store: Store, options: Options = Options(),
        clock: any Clock<Duration> = ContinuousClock(),
        generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.transport = transport
        self.options = options
        self.clock = clock
        self.generator = generator
        uptime = Self.stopwatch(clock)
        reducer = ChangeReducer(store)
    }

    private static func stopwatch(_ clock: some Clock<Duration>) -> @Sendable () -> Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
    }

    /// The copy so far, with the cursor that belongs to it.
    public var copy: Store { reducer.store }
    public var cursor: String? { reducer.cursor }
    /// A snapshot or a backlog is still under way.
    public var isCatchingUp: Bool { reducer.isCatchingUp || hasMore }

    /// Waits for the next page, takes it into the copy, and returns it. It may hold no change when nothing happened.
    ///
    /// What is on the way is told to `notice`. Throws a `FeedClientError` that will not pass by itself, what the store
    /// throws, and `CancellationError`; after any of them it can be called again and goes on where it was.
    public mutating func next(notice: (FeedNotice) -> Void = { _ in }) async throws -> ChangePage {
        try await next(waiting: true, notice)
    }

    /// Reads until the copy holds all that the server has now, without waiting for more.
    public mutating func catchUp(notice: (FeedNotice) -> Void = { _ in }) async throws {
        close()
        repeat { _ = try await next(waiting: false, notice) } while isCatchingUp
    }

    /// Starts over with a snapshot and keeps the data until that is complete.
    public mutating func resynchronise() throws {
        close()
        hasMore = true
        try reducer.resynchronise()
    }

    /// Ends the stream, if one is open. The next call of `next` opens another.
    public mutating func close() {
        stream?.close()
        stream = nil
    }

    private mutating func next(waiting: Bool, _ notice: (FeedNotice) -> Void) async throws -> ChangePage {
        while true {
            try Task.checkCancellation()
            let result: Result<ChangePage?, any Error>
            do { result = .success(try await step(waiting: waiting, notice)) } catch { result = .failure(error) }
            switch result {
            case .success(let page?): return page
            case .success(nil): continue
            case .failure(let error as FeedClientError): try await recover(from: error, notice)
            case .failure(let error):
                close()
                throw error
            }
        }
    }

    /// One answer or one event; nil where there is nothing to hand out yet.
    private mutating func step(waiting: Bool, _ notice: (FeedNotice) -> Void) async throws -> ChangePage? {
        if stream != nil { return try await listen(notice) }
        guard waiting, !isCatchingUp else {
            return try take(try await poll(wait: 0), askedWith: cursor)
        }
        let listens = options.listens && pace.isStreamDue(at: uptime())
        return listens ? try await open(notice) : try await pollPatiently()
    }

    private func poll(wait: Int) async throws -> ChangePage {
        var query = ["wait": "\(max(0, wait))"]
        query["cursor"] = cursor
        let request = FeedRequest(
            path: "/v1/changes", query: query, headers: ["accept": "application/json"], patience: .seconds(wait))
        return try await FeedAnswer.read(ChangePage.self, from: try await transport.send(request))
    }

    /// Polls with a wait. A server that does not hold the answer back, as one that drains, is not asked in a tight loop.
    private mutating func pollPatiently() async throws -> ChangePage? {
        var answer: ChangePage?
        let elapsed = try await clock.measure { answer = try await poll(wait: options.wait) }
        guard let answer, let page = try take(answer, askedWith: cursor) else { return nil }
        // A server may have reasons to hold it back for less than was asked for.
        if elapsed >= min(.seconds(options.wait) / 2, .seconds(5)) {
            pace.tookItsTime()
        } else if page.changes.isEmpty {
            try await pauseAfterDetour(isFirstFree: true)
        }
        return page
    }

    /// Opens a stream. A server that has none answers with a page: then it is polled for a while.
    private mutating func open(_ notice: (FeedNotice) -> Void) async throws -> ChangePage? {
        let began = uptime()
        guard let response = try await streamHead() else {
            if pace.wasMute(at: uptime()) { notice(.polling) }
            throw FeedClientError.unreachable("nothing has answered for \(options.silence)")
        }
        let type = response.headers["content-type"] ?? ""
        if response.status == 200, type.hasPrefix("text/event-stream") {
            stream = EventStream(
                response.body, after: cursor, began: began, silence: options.silence, clock: clock)
            notice(.listening)
            return nil
        }
        let isPage = response.status == 200 && type.hasPrefix("application/json")
        guard isPage || response.status == 200 || response.status == 406 else {
            throw await FeedAnswer.problem(response)
        }
        pace.poll(from: uptime())
        notice(.polling)
        if isPage { return try take(try await FeedAnswer.read(ChangePage.self, from: response), askedWith: cursor) }
        // Something on the way does not let streams through.
        response.body.close()
        return nil
    }

    /// The head of a new stream; nil where none comes for as long as a stream may be silent.
    private func streamHead() async throws -> FeedResponse? {
        var request = FeedRequest(path: "/v1/changes", headers: ["accept": "text/event-stream"], isStream: true)
        request.query["cursor"] = cursor
        request.headers["last-event-id"] = cursor
        return try await unlessSilent(for: options.silence, on: clock) { [transport, request] in
            let response = try await transport.send(request)
            if Task.isCancelled { response.body.close() }
            return response
        }
    }

    private mutating func listen(_ notice: (FeedNotice) -> Void) async throws -> ChangePage? {
        switch try await stream?.next() {
        case .page(let page, let cursor): return try take(page, askedWith: cursor)
        case .pause(let pause): pace.set(base: pause)
        case .close(let reason):
            leaveStream(notice)
            notice(.closed(reason: reason))
            // A server that stops sends all its phones away in one moment.
            try await pauseAfterDetour(isFirstFree: false)
        case nil: break
        }
        return nil
    }

    /// Ends the stream, and draws what conclusions there are.
    private mutating func leaveStream(_ notice: (FeedNotice) -> Void) {
        if let stream, pace.ended(stream, at: uptime()) { notice(.polling) }
        close()
    }

    /// Takes a page into the copy; nil where it did not belong there.
    private mutating func take(_ page: ChangePage, askedWith cursor: String?) throws -> ChangePage? {
        switch try reducer.apply(page, askedWith: cursor) {
        case .applied:
            hasMore = page.hasMore
            pace.took(page, isFromStream: stream != nil, isCatchingUp: isCatchingUp)
            return page
        case .stale:
            close()
            return nil
        case .misplaced:
            throw FeedClientError.problem(
                Problem(status: 410, code: .cursorExpired, title: "The page does not follow on the copy"),
                retryAfter: nil)
        }
    }

    /// Returns once it can be tried again, or throws what will not pass.
    private mutating func recover(from error: FeedClientError, _ notice: (FeedNotice) -> Void) async throws {
        guard !Task.isCancelled else {
            close()
            throw CancellationError()
        }
        leaveStream(notice)
        if error.isExpiredCursor, cursor != nil {
            try resynchronise()
            notice(.startingOver)
            return try await pauseAfterDetour(isFirstFree: true)
        }
        guard let pause = pace.pause(after: error, using: &generator) else { throw error }
        notice(.trouble(error, pause: pause))
        try await clock.sleep(for: pause)
    }

    private mutating func pauseAfterDetour(isFirstFree: Bool) async throws {
        if let pause = pace.pause(isFirstFree: isFirstFree, using: &generator) { try await clock.sleep(for: pause) }
    }
}

extension FeedClient: Sendable where Store: Sendable {}

extension FeedClient where Store == MemoryChangeStore {
    /// Follows from nothing, with a copy in memory.
    public init(
        _ transport: any FeedTransport, options: Options = Options(), clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.init(transport, copy: MemoryChangeStore(), options: options, clock: clock)
    }
}
