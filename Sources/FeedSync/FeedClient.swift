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
    private var backoff = Backoff()
    private var stream: EventStream?
    /// Streams of this server have come to something.
    private var listens: Bool
    private var hasMore: Bool
    /// How often in a row it started over, or was sent away, and nothing came of it.
    private var detours = 0
    /// How often in a row a poll with a wait came back at once and empty.
    private var hurries = 0

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
        reducer = ChangeReducer(store)
        listens = options.listens
        hasMore = true
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
        guard waiting, listens, !isCatchingUp else {
            if waiting, !isCatchingUp { return try await pollPatiently(notice) }
            return try take(try await poll(wait: 0), askedWith: cursor, notice)
        }
        return try await open(notice)
    }

    private func poll(wait: Int) async throws -> ChangePage {
        var query = ["wait": "\(max(0, wait))"]
        query["cursor"] = cursor
        let request = FeedRequest(
            path: "/v1/changes", query: query, headers: ["accept": "application/json"], patience: .seconds(wait))
        return try await FeedAnswer.read(ChangePage.self, from: try await transport.send(request))
    }

    /// Polls with a wait. A server that does not hold the answer back, as one that drains, is not asked in a tight loop.
    private mutating func pollPatiently(_ notice: (FeedNotice) -> Void) async throws -> ChangePage? {
        var answer: ChangePage?
        let elapsed = try await clock.measure { answer = try await poll(wait: options.wait) }
        guard let answer, let page = try take(answer, askedWith: cursor, notice) else { return nil }
        hurries = page.changes.isEmpty && elapsed < .seconds(options.wait) / 2 ? hurries + 1 : 0
        if hurries > 1 { try await pause() }
        return page
    }

    /// Opens a stream. A server that has none answers with a page: then it is polled from here on.
    private mutating func open(_ notice: (FeedNotice) -> Void) async throws -> ChangePage? {
        var request = FeedRequest(path: "/v1/changes", headers: ["accept": "text/event-stream"], isStream: true)
        request.query["cursor"] = cursor
        request.headers["last-event-id"] = cursor
        let response = try await transport.send(request)
        if response.status == 200, response.headers["content-type"]?.hasPrefix("text/event-stream") == true {
            stream = EventStream(response.body, after: cursor, silence: options.silence, clock: clock)
            notice(.listening)
            return nil
        }
        if response.status == 406 {
            response.body.close()
        } else if response.status != 200 || response.headers["content-type"]?.hasPrefix("application/json") == true {
            let page = try await FeedAnswer.read(ChangePage.self, from: response)
            listens = false
            notice(.polling)
            return try take(page, askedWith: cursor, notice)
        }
        // Something on the way does not let streams through.
        response.body.close()
        listens = false
        notice(.polling)
        return nil
    }

    private mutating func listen(_ notice: (FeedNotice) -> Void) async throws -> ChangePage? {
        switch try await stream?.next() {
        case .page(let page, let cursor): return try take(page, askedWith: cursor, notice)
        case .pause(let pause): backoff.base = pause
        case .close(let reason):
            let isProven = stream?.isProven == true
            close()
            detours = isProven ? 0 : detours + 1
            notice(.closed(reason: reason))
            // Once at once; a server that sends everybody away is left alone for a while.
            if detours > 1 { try await pause() }
        case nil: break
        }
        return nil
    }

    /// Takes a page into the copy; nil where it did not belong there.
    private mutating func take(
        _ page: ChangePage, askedWith cursor: String?, _ notice: (FeedNotice) -> Void
    ) throws -> ChangePage? {
        switch try reducer.apply(page, askedWith: cursor) {
        case .applied:
            hasMore = page.hasMore
            backoff.succeed()
            if !isCatchingUp, !page.changes.isEmpty { detours = 0 }
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
        let isProven = stream?.isProven == true
        close()
        try Task.checkCancellation()
        if isProven { backoff.succeed() }
        if error.isExpiredCursor, cursor != nil {
            try resynchronise()
            notice(.startingOver)
            detours += 1
            if detours > 1 { try await pause() }
            return
        }
        guard error.isPassing else { throw error }
        let length = backoff.fail(retryAfter: error.retryAfter, using: &generator)
        notice(.trouble(error, pause: length))
        try await clock.sleep(for: length)
    }

    private mutating func pause() async throws {
        try await clock.sleep(for: backoff.fail(retryAfter: nil, using: &generator))
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

/// What happens on the way to the next page.
public enum FeedNotice: Hashable, Sendable {
    /// It listens to a stream.
    case listening
    /// Streams do not come through here; it polls.
    case polling
    /// The server ended the stream in order, and another is opened: `draining`, `revoked`, `lifetime` or a later word.
    case closed(reason: String)
    /// The cursor has expired, or the data was restored: a snapshot follows, and the data stays until it is complete.
    case startingOver
    /// Passing trouble, and how long it waits before it tries again.
    case trouble(FeedClientError, pause: Duration)
}
