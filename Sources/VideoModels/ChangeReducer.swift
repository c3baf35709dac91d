/// Keeps a device's copy of a user's objects: applies the pages of the feed, in any number of tries.
///
/// A page counts only as the answer to the cursor at which the copy stands. One that comes twice, late or out of turn is
/// passed over, whatever history it comes from, and what it told is asked for again. So each page is applied once, in
/// order, and data and cursor are stored in one step: a device that dies at any moment goes on where it was.
public struct ChangeReducer<Store: ChangeStore> {
    /// The copy. It changes through this reducer alone.
    public private(set) var store: Store

    public init(_ store: Store) { self.store = store }

    /// What the next page goes on from: the store's state, unless a build that reads other things wrote that.
    private var state: FeedState {
        store.state.modelVersion == FeedState.modelVersion ? store.state : store.state.startingOver
    }

    /// What to ask the next page with; nil asks for a snapshot.
    public var cursor: String? { state.cursor }

    /// A snapshot, or what changed meanwhile, is under way: ask on without waiting.
    public var isCatchingUp: Bool { state.phase != .following }

    /// What became of a page.
    public enum Outcome: Hashable, Sendable {
        /// It is in the copy.
        case applied
        /// It answers another cursor than the copy's: late, or a second time. Nothing changed.
        case stale
        /// It answers the cursor and yet does not follow on the copy: `resynchronise()`. Nothing changed.
        case misplaced
    }

    /// Takes in a page.
    ///
    /// - Parameter cursor: The one that the page was asked with. In a stream that is the cursor of the page before.
    /// - Throws: what the store throws; then nothing has changed, and the same page can be applied again.
    @discardableResult
    public mutating func apply(
        _ page: ChangePage, askedWith cursor: String?
    ) throws(Store.Failure) -> Outcome {
        guard cursor == self.cursor else { return .stale }
        guard let batch = ChangeBatch(page, after: state) else { return .misplaced }
        // A poll that ended without news is no reason to write.
        if batch != ChangeBatch(state) { try store.commit(batch) }
        return .applied
    }

    /// Starts over with a snapshot, for `cursor_expired` and the like.
    ///
    /// All data stays. What the snapshot did not name goes once the changes since its beginning are here as well.
    public mutating func resynchronise() throws(Store.Failure) {
        try store.commit(ChangeBatch(store.state.startingOver))
    }
}

extension ChangeReducer where Store == MemoryChangeStore {
    /// Keeps the copy in memory.
    public init() { self.init(MemoryChangeStore()) }
}

extension ChangeReducer: Sendable where Store: Sendable {}
extension ChangeReducer: Equatable where Store: Equatable {}
