import Collections

/// What is written together: what arrives while batches are under way waits, and leaves together when there is a connection
/// for it. Something that comes alone leaves at once. Decides only; `GroupCommit` acts.
struct GroupQueue<Item: Grouped, Caller: Sendable>: Sendable {
    /// Something to write, and who waits for it.
    struct Entry: Sendable {
        var item: Item
        var caller: Caller
    }

    /// A batch's bounds: what a transaction may hold back, and what a message to the server may weigh.
    var mostItems = 512
    var mostBytes = 4 << 20
    /// While one batch waits for the disk, the next is written.
    var mostUnderWay = 2
    var mostWaiting = 16_384

    private var waiting: Deque<Entry> = []
    /// Of what is under way. What is about the same thing waits for it.
    private var names: Set<Item.Name> = []
    private var underWay = 0
    /// Batches that have been ordered and not taken yet.
    private var ordered = 0

    var isIdle: Bool { underWay == 0 && waiting.isEmpty }

    /// Takes entries in, and says how many batches to order; nil if they do not fit any more.
    mutating func add(_ entries: [Entry]) -> Int? {
        guard waiting.count + entries.count <= mostWaiting else { return nil }
        waiting.append(contentsOf: entries)
        return order()
    }

    /// A batch that was ordered, now that it can be written: with all that has come until now. Empty if others took it all.
    mutating func take() -> [Entry] {
        ordered -= 1
        var (batch, held, bytes): ([Entry], [Entry], Int) = ([], [], 0)
        while let entry = waiting.first, batch.count < mostItems,
            batch.isEmpty || bytes + entry.item.bytes <= mostBytes
        {
            waiting.removeFirst()
            if let name = entry.item.name, !names.insert(name).inserted {
                held.append(entry)
            } else {
                bytes += entry.item.bytes
                batch.append(entry)
            }
        }
        for entry in held.reversed() { waiting.prepend(entry) }
        if batch.isEmpty { underWay -= 1 }
        return batch
    }

    /// A batch has ended, however it ended. Says how many to order.
    mutating func finish(_ batch: [Entry]) -> Int {
        underWay -= 1
        for entry in batch { if let name = entry.item.name { names.remove(name) } }
        return order()
    }

    private mutating func order() -> Int {
        let before = ordered
        while underWay < mostUnderWay, waiting.count > ordered * mostItems {
            underWay += 1
            ordered += 1
        }
        return ordered - before
    }
}

/// Something that is written in batches.
protocol Grouped: Sendable {
    associatedtype Name: Hashable & Sendable
    /// What it is about, of which there is one in the works at a time; nil where that does not matter.
    var name: Name? { get }
    /// A rough size.
    var bytes: Int { get }
}
