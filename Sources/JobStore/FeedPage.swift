public import Foundation
public import VideoModels

/// A page of a user's feed, as a value and as it stands on the wire.
public struct FeedPage: Hashable, Sendable {
    public var page: ChangePage
    /// Where the page ends; `page.cursor` is its text.
    public var next: FeedCursor
    /// The page in JSON, on one line: each change was written once, to be weighed.
    public var json: Data

    /// How far the page goes.
    public var mark: FeedMark { FeedMark(epoch: next.epoch, sequence: page.through) }
    /// Whether a phone that waits has something to do with it.
    public var isNews: Bool { page.isSnapshot || !page.changes.isEmpty }
    /// Whether what follows may be there already, so that nobody should wait before asking for it.
    public var isToBeContinued: Bool { page.isSnapshot || page.hasMore }

    /// `changes` are the page's, written by `Wire`.
    init(_ page: ChangePage, next: FeedCursor, changes: [Data]) throws {
        self.page = page
        self.next = next
        var frame = page
        frame.changes = []
        let (empty, head) = (try Wire.encode(frame), Data(#"{"changes":["#.utf8))
        // The keys are sorted, so the changes come first.
        guard empty.starts(with: head) else {
            throw PostgresError.unexpectedRow("a page does not begin with its changes")
        }
        json = head
        json.reserveCapacity(changes.reduce(empty.count) { $0 + $1.count + 1 })
        for (index, change) in changes.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.append(change)
        }
        json.append(empty.dropFirst(head.count))
    }
}

/// How far a user's feed goes, in one history of the data.
public struct FeedMark: Hashable, Sendable {
    public var epoch: UUID
    public var sequence: Int64

    public init(epoch: UUID, sequence: Int64) {
        self.epoch = epoch
        self.sequence = sequence
    }
}

/// The epochs before and after `newEpoch`.
public struct EpochChange: Hashable, Sendable, Codable {
    public var former: String
    public var epoch: String
}
