public import VideoModels

/// Follows a user's feed with long-polls, through broken connections, restarts and expired cursors.
public struct FeedFollower: Sendable {
    /// The copy so far, with the cursor it belongs to.
    public private(set) var copy = ChangeReducer()
    public private(set) var cursor: String?
    private let client: PhoneClient
    private let wait: Int
    private let clock: any Clock<Duration>
    private var hasMore = true

    /// - Parameters:
    ///   - cursor: Where to go on; nil begins with a snapshot.
    ///   - wait: Seconds that the server may hold a poll open.
    public init(
        _ client: PhoneClient, from cursor: String? = nil, wait: Int = 25,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.client = client
        self.cursor = cursor
        self.wait = wait
        self.clock = clock
        hasMore = cursor == nil
    }

    /// Whether a snapshot or a backlog is still under way.
    public var isCatchingUp: Bool { hasMore }

    /// The next page, which may hold no change when nothing happened for a while.
    ///
    /// `wait` replaces the follower's own for this once. Passing trouble is told to `onTrouble` with the wait that follows, and tried again. Throws what will not pass, and
    /// `CancellationError`.
    public mutating func next(
        wait: Int? = nil, onTrouble: (PhoneClientError, Duration) -> Void = { _, _ in }
    ) async throws -> ChangePage {
        var failures = 0
        while true {
            try Task.checkCancellation()
            switch await poll(wait: wait ?? self.wait) {
            case .success(let page):
                take(page)
                return page
            case .failure(let error) where cursor != nil && error.isExpiredCursor:
                startOver()
            case .failure(let error):
                try Task.checkCancellation()
                guard error.isPassing else { throw error }
                failures += 1
                let pause = Self.pause(after: failures, error)
                onTrouble(error, pause)
                try await clock.sleep(for: pause)
            }
        }
    }

    private func poll(wait: Int) async -> Result<ChangePage, PhoneClientError> {
        do throws(PhoneClientError) {
            return .success(try await client.changes(cursor: cursor, wait: hasMore ? 0 : wait))
        } catch {
            return .failure(error)
        }
    }

    private mutating func take(_ page: ChangePage) {
        copy.apply(page)
        cursor = page.cursor
        // A snapshot stands at its first page's moment; what changed meanwhile comes next.
        hasMore = page.hasMore || page.isSnapshot
    }

    private mutating func startOver() {
        copy.resynchronise()
        cursor = nil
        hasMore = true
    }

    /// Half a second, doubling to 15 s; never sooner than the server asked for.
    private static func pause(after failures: Int, _ error: PhoneClientError) -> Duration {
        let own = Duration.milliseconds(min(15_000, 500 << min(failures - 1, 10)))
        guard case .problem(_, let seconds?) = error else { return own }
        return max(own, .seconds(min(seconds, 60)))
    }
}
