import Collections
import VideoModels

/// Which steps are written together: those that arrive while batches are under way wait, and leave together when one has
/// ended. A lone step leaves at once. Decides only; `StepWriter` acts.
struct StepQueue<Caller: Sendable>: Sendable {
    /// A step and who waits for it.
    struct Entry: Sendable {
        var row: StepRow
        var caller: Caller
    }

    /// A batch's bounds: what a transaction may hold back, and what a message to the server may weigh.
    var mostSteps = 256
    var mostBytes = 4 << 20
    /// While one batch waits for the disk, the next is written.
    var mostUnderWay = 2
    var mostWaiting = 16_384

    private var waiting: Deque<Entry> = []
    /// One step of a job at a time: the next one starts from what this one leaves.
    private var jobs: Set<JobID> = []
    private var underWay = 0

    var isIdle: Bool { underWay == 0 && waiting.isEmpty }

    /// Takes entries in, or none if they do not fit any more. The batches that come back leave now.
    mutating func add(_ entries: [Entry]) -> [[Entry]]? {
        guard waiting.count + entries.count <= mostWaiting else { return nil }
        waiting.append(contentsOf: entries)
        return batches()
    }

    /// A batch has ended, however it ended.
    mutating func finish(_ batch: [Entry]) -> [[Entry]] {
        underWay -= 1
        for entry in batch { jobs.remove(entry.row.step.record.id) }
        return batches()
    }

    private mutating func batches() -> [[Entry]] {
        var batches: [[Entry]] = []
        while underWay < mostUnderWay, let batch = next() {
            underWay += 1
            batches.append(batch)
        }
        return batches
    }

    private mutating func next() -> [Entry]? {
        var (batch, held, bytes): ([Entry], [Entry], Int) = ([], [], 0)
        while let entry = waiting.first, batch.count < mostSteps, batch.isEmpty || bytes + entry.row.bytes <= mostBytes
        {
            waiting.removeFirst()
            if jobs.insert(entry.row.step.record.id).inserted {
                bytes += entry.row.bytes
                batch.append(entry)
            } else {
                held.append(entry)
            }
        }
        for entry in held.reversed() { waiting.prepend(entry) }
        return batch.isEmpty ? nil : batch
    }
}
