/// Where a device's copy of the feed stands. Stored in the same write as the objects: it belongs to exactly these.
public struct FeedState: Hashable, Sendable, Codable {
    /// What to ask the next page with; nil asks for a snapshot.
    public var cursor: String?
    /// The copy holds all that the server had written up to this sequence, once it is `following`. Nil: not told yet.
    public var through: Int64?
    public var phase: Phase
    /// Counts the snapshots. An object is marked with the round in which it was last named, and what the newest snapshot
    /// did not name is known by its mark: nothing has to be remembered beside the objects.
    public var round: Int
    /// The `FeedState.modelVersion` of the build that wrote it; nil for one from before there was any.
    public var modelVersion: Int?

    /// Counts what this build can read of a feed's objects: add one whenever a type that the feed carries gains a field, or
    /// the feed a kind.
    ///
    /// An older build kept such an object without what it did not know, and the server has no reason to send it again. So a
    /// `ChangeReducer` that finds a copy with another number starts over, and keeps the data meanwhile.
    public static let modelVersion = 2

    /// What the next page has to be.
    public enum Phase: String, Hashable, Sendable, Codable {
        /// A part of a snapshot.
        case snapshot
        /// What changed while the snapshot was read. Until all of that is here, an object that the snapshot did not name
        /// may only have moved behind its end.
        case catchingUp = "catching_up"
        /// What changed since the last page.
        case following
    }

    /// A copy that holds nothing yet.
    public init() { (cursor, through, phase, round, modelVersion) = (nil, nil, .snapshot, 0, Self.modelVersion) }

    /// Goes on after a cursor that somebody kept, without the objects before it.
    public init(following cursor: String) {
        self.init()
        (self.cursor, phase) = (cursor, .following)
    }

    /// The same data, to be checked against a new snapshot.
    public var startingOver: FeedState {
        var state = FeedState()
        state.round = round + 1
        return state
    }

    enum CodingKeys: String, CodingKey {
        case cursor, through, phase, round
        case modelVersion = "model_version"
    }
}

/// What a page changes, to be made durable in one step: all of it or nothing.
public struct ChangeBatch: Hashable, Sendable, Codable {
    /// Objects to keep, whole, in place of any other version, each marked with `state.round`; and tombstones, which remove.
    public var changes: [Change]
    /// Removes, after that, whatever is marked with an earlier round than `state.round`.
    public var dropsEarlierRounds: Bool
    public var state: FeedState

    /// No change but that of the state.
    public init(_ state: FeedState, changes: [Change] = [], dropsEarlierRounds: Bool = false) {
        self.state = state
        self.changes = changes
        self.dropsEarlierRounds = dropsEarlierRounds
    }

    /// What the page that `state.cursor` was given for changes; nil where it cannot follow on that state.
    init?(_ page: ChangePage, after state: FeedState) {
        let isExpected = state.phase == .snapshot
        guard page.isSnapshot == isExpected, page.from <= state.through ?? page.from,
            page.through >= state.through ?? page.through
        else { return nil }
        // More, and nowhere to ask for it.
        if page.hasMore, page.cursor == state.cursor { return nil }
        // A snapshot has one end, that of its first page.
        if isExpected, let end = state.through, page.through != end { return nil }
        self.init(state, changes: page.changes)
        self.state.cursor = page.cursor
        self.state.through = page.through
        if page.hasMore { return }
        switch state.phase {
        case .snapshot: self.state.phase = .catchingUp
        case .catchingUp: (self.state.phase, dropsEarlierRounds) = (.following, true)
        case .following: break
        }
    }

    enum CodingKeys: String, CodingKey {
        case changes, state
        case dropsEarlierRounds = "drops_earlier_rounds"
    }
}
