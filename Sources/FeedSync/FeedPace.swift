import VideoModels

/// When a client tries again, and how: what went well and wrong lately, and what follows from it.
///
/// Times are those since the client was made.
struct FeedPace: Sendable {
    /// After so many streams in a row that told nothing it polls: something on the way keeps them back.
    static let muteLimit = 2
    /// How long it polls before it tries a stream again.
    static let pollingTime: Duration = .seconds(600)
    /// A stream that has lasted so long was worth its opening.
    static let longLife: Duration = .seconds(30)
    /// So often in a row an answer that makes no sense may be the doing of something on the way.
    static let puzzleLimit = 5

    /// Waits after trouble.
    private(set) var trouble = Backoff()
    /// Waits where nothing went wrong and nothing came of it: planned ends, expired cursors, polls that were not held back.
    private var detours = Backoff()
    private var puzzles = 0
    private var mutes = 0
    private var pollsUntil: Duration?

    func isStreamDue(at now: Duration) -> Bool { pollsUntil.map { now >= $0 } ?? true }

    /// Streams do not come through here.
    mutating func poll(from now: Duration) { pollsUntil = now + Self.pollingTime }

    /// As the server asks for, for the first wait of each kind.
    mutating func set(base: Duration) { (trouble.base, detours.base) = (base, base) }

    /// A page is in the copy. One without changes proves nothing of a stream, with which a server may begin.
    mutating func took(_ page: ChangePage, isFromStream: Bool, isCatchingUp: Bool) {
        puzzles = 0
        if !isFromStream || !page.changes.isEmpty { trouble.succeed() }
        if !isCatchingUp, !page.changes.isEmpty { detours.succeed() }
    }

    /// A poll was held back, as it should be.
    mutating func tookItsTime() { detours.succeed() }

    /// Returns whether it polls from here on.
    mutating func ended(_ stream: EventStream, at now: Duration) -> Bool {
        if now - stream.began > Self.longLife {
            trouble.succeed()
            detours.succeed()
        }
        if stream.isProven { mutes = 0 }
        return stream.isMute && wasMute(at: now)
    }

    /// A stream told nothing. Returns whether it polls from here on.
    mutating func wasMute(at now: Duration) -> Bool {
        mutes += 1
        guard mutes >= Self.muteLimit else { return false }
        poll(from: now)
        return true
    }

    /// How long to wait after an error; nil for one that will not pass.
    mutating func pause(
        after error: FeedClientError, using generator: inout some RandomNumberGenerator
    ) -> Duration? {
        if case .unexpected = error {
            puzzles += 1
            if puzzles >= Self.puzzleLimit {
                puzzles = 0
                return nil
            }
        } else if !error.isPassing {
            return nil
        }
        return trouble.fail(retryAfter: error.retryAfter, using: &generator)
    }

    /// How long to wait after a detour.
    ///
    /// - Parameter isFirstFree: The first one in a row costs nothing.
    mutating func pause(isFirstFree: Bool, using generator: inout some RandomNumberGenerator) -> Duration? {
        let isFree = isFirstFree && detours.failures == 0
        let pause = detours.fail(retryAfter: nil, using: &generator)
        return isFree ? nil : pause
    }
}
