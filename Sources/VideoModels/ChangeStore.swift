/// Where a device keeps its copy of the feed: a database, a file, or memory.
///
/// `MemoryChangeStore` is the whole of it in a few lines, and `FileChangeStore` of `FeedSync` survives the end of the
/// process. In an SQL database it is a table of objects with their `round` and a row for the state; `commit` is one
/// transaction.
public protocol ChangeStore {
    associatedtype Failure: Error

    /// As the last `commit` left it; `FeedState()` for a new store.
    var state: FeedState { get }

    /// Makes all of the batch durable, or none of it: then it throws and the store is as before.
    mutating func commit(_ batch: ChangeBatch) throws(Failure)

    /// Every object and its version, in any order, those that this build cannot read among them.
    func versions() throws(Failure) -> [DigestPage.Entry]
}

/// A copy of the feed in memory.
public struct MemoryChangeStore: ChangeStore, Equatable, Sendable {
    public private(set) var state: FeedState
    /// By kind, then by identifier.
    private var entries: [String: [String: Entry]] = [:]

    struct Entry: Equatable, Sendable {
        var change: Change
        var round: Int
    }

    /// - Parameter state: Where to go on; for a new copy it is left out.
    public init(_ state: FeedState = FeedState()) { self.state = state }

    public mutating func commit(_ batch: ChangeBatch) {
        state = batch.state
        for change in batch.changes {
            let (kind, id) = (change.key.kind.word, change.key.id)
            if case .deleted = change.object {
                entries[kind]?[id] = nil
                if entries[kind]?.isEmpty == true { entries[kind] = nil }
            } else {
                entries[kind, default: [:]][id] = Entry(change: change, round: state.round)
            }
        }
        guard batch.dropsEarlierRounds else { return }
        entries = entries.mapValues { $0.filter { $0.value.round >= state.round } }.filter { !$0.value.isEmpty }
    }

    public func versions() -> [DigestPage.Entry] {
        entries.values.flatMap(\.values).map { DigestPage.Entry($0.change) }
    }

    /// How many objects there are, of whatever kind.
    public var count: Int { entries.values.reduce(0) { $0 + $1.count } }

    /// Every object as the change that brought it, by the round that it is marked with; older ones first.
    public func byRound() -> [(round: Int, changes: [Change])] {
        let rounds = Dictionary(grouping: entries.values.flatMap(\.values), by: \.round)
        return rounds.sorted { $0.key < $1.key }.map {
            ($0.key, $0.value.map(\.change).sorted { $0.sequence < $1.sequence })
        }
    }

    /// The objects of one type.
    public func objects<Object: FeedObject>(_ type: Object.Type = Object.self) -> FeedObjects<Object> {
        FeedObjects(entries: entries[type.kind.rawValue] ?? [:])
    }

    public var jobs: FeedObjects<Job> { objects() }
    public var videos: FeedObjects<Video> { objects() }
    /// The user's settings; nil before the first snapshot has brought them.
    public var settings: UserSettings? { objects(UserSettings.self).values.first }
    /// What the user has spent; nil before the first snapshot has brought it.
    public var spending: Spending? { objects(Spending.self).values.first }
}

extension DigestPage.Entry {
    /// The object that a change tells of.
    public init(_ change: Change) {
        self.init(kind: change.key.kind, id: change.key.id, sequence: change.sequence)
    }

    /// The name of the object across versions.
    public var key: Change.ObjectKey { Change.ObjectKey(kind: kind, id: id) }
}
