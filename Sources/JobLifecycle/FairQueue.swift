public import Foundation

/// Who is next where many wait for few turns: users in a ring, and within a user the most urgent, then the oldest.
///
/// Each user has one turn a round, however much of theirs waits: between two turns of a user every other that waits has
/// exactly one, so whoever comes waits for at most one turn of each user that is there. A value; ages come with the items.
public struct FairQueue<User: Hashable & Sendable, Item: Hashable & Sendable>: Sendable {
    private struct Entry {
        var item: Item
        var priority: Int
        var since: Date
        var number: UInt64

        func goesBefore(_ other: Entry) -> Bool {
            if priority != other.priority { return priority > other.priority }
            return since != other.since ? since < other.since : number < other.number
        }
    }

    /// Those for whom something waits, the next one first.
    private var ring: [User] = []
    private var entries: [User: [Entry]] = [:]
    private var owners: [Item: User] = [:]
    private var joined: UInt64 = 0

    public init() {}

    public var count: Int { owners.count }
    public var isEmpty: Bool { owners.isEmpty }

    /// Takes an item in. One that waits already keeps its place.
    ///
    /// - Parameter priority: the larger, the sooner among the user's own.
    public mutating func join(_ item: Item, of user: User, priority: Int, since: Date) {
        guard owners[item] == nil else { return }
        if entries[user] == nil { ring.append(user) }
        joined += 1
        entries[user, default: []].append(Entry(item: item, priority: priority, since: since, number: joined))
        owners[item] = user
    }

    public mutating func leave(_ item: Item) {
        guard let user = owners.removeValue(forKey: item) else { return }
        entries[user]?.removeAll { $0.item == item }
        if entries[user]?.isEmpty == true { dismiss(user) }
    }

    /// Takes out the item whose turn it is.
    public mutating func next() -> Item? {
        guard let user = ring.first, let mine = entries[user],
            let best = mine.indices.min(by: { mine[$0].goesBefore(mine[$1]) })
        else { return nil }
        ring.removeFirst()
        ring.append(user)
        leave(mine[best].item)
        return mine[best].item
    }

    private mutating func dismiss(_ user: User) {
        entries[user] = nil
        ring.removeAll { $0 == user }
    }
}
