import Collections

/// What is written together: what arrives while a batch is under way waits, and leaves together when there is a connection
/// for it. Something that comes alone leaves at once. Decides only; `GroupCommit` acts.
///
/// There are lanes, and all that belongs to one owner goes by one of them, a batch at a time. Two batches under way would
/// otherwise want the same users' rows, and the second do nothing but wait until the first is on disk. So while one lane
/// waits for the disk, the others write. The price: where somebody holds a user's row for long, such as an operator's open
/// transaction, that user's whole lane waits with it, until `lock_timeout` gives the batch up.
struct GroupQueue<Item: Grouped, Caller: Sendable>: Sendable {
    /// Something to write, and who waits for it.
    struct Entry: Sendable {
        var item: Item
        var caller: Caller
    }

    /// A batch's bounds: what a transaction may hold back, and what a message to the server may weigh.
    var mostItems = 512
    var mostBytes = 4 << 20
    var mostWaiting = 16_384

    private struct Lane: Sendable {
        var waiting: Deque<Entry> = []
        /// From the order of a batch to its end.
        var isUnderWay = false
    }

    private var lanes: [Lane]

    /// Two, by default: as many batches as there are places for on the connections, beside claims.
    init(lanes: Int = 2) { self.lanes = Array(repeating: Lane(), count: max(1, lanes)) }

    var isIdle: Bool { lanes.allSatisfy { !$0.isUnderWay && $0.waiting.isEmpty } }

    /// Takes entries in, and says for which lanes to order a batch; nil if they do not fit any more.
    mutating func add(_ entries: [Entry]) -> [Int]? {
        guard lanes.reduce(entries.count, { $0 + $1.waiting.count }) <= mostWaiting else { return nil }
        for entry in entries { lanes[lane(of: entry.item)].waiting.append(entry) }
        return lanes.indices.filter { order($0) }
    }

    /// The batch that was ordered for a lane, now that it can be written: with all that has come until now.
    mutating func take(_ lane: Int) -> [Entry] {
        var (batch, held, bytes): ([Entry], [Entry], Int) = ([], [], 0)
        var names: Set<Item.Name> = []
        while let entry = lanes[lane].waiting.first, batch.count < mostItems,
            batch.isEmpty || bytes + entry.item.bytes <= mostBytes
        {
            lanes[lane].waiting.removeFirst()
            // What is about the same thing waits for it.
            if let name = entry.item.name, !names.insert(name).inserted {
                held.append(entry)
            } else {
                bytes += entry.item.bytes
                batch.append(entry)
            }
        }
        for entry in held.reversed() { lanes[lane].waiting.prepend(entry) }
        return batch
    }

    /// A lane's batch has ended, however it ended. Says whether to order the next.
    mutating func finish(_ lane: Int) -> Bool {
        lanes[lane].isUnderWay = false
        return order(lane)
    }

    private mutating func order(_ lane: Int) -> Bool {
        guard !lanes[lane].isUnderWay, !lanes[lane].waiting.isEmpty else { return false }
        lanes[lane].isUnderWay = true
        return true
    }

    private func lane(of item: Item) -> Int { Int(item.owner) % lanes.count }
}

/// Something that is written in batches.
protocol Grouped: Sendable {
    associatedtype Name: Hashable & Sendable
    /// What it is about, of which there is one in the works at a time; nil where that does not matter. Things of one name
    /// have one owner.
    var name: Name? { get }
    /// Stands for whose row it locks: some byte of the owner's id that differs from owner to owner.
    var owner: UInt8 { get }
    /// A rough size.
    var bytes: Int { get }
}
