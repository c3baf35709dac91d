public import Foundation
public import VideoModels

/// A page of a user's feed, as it stands on the wire.
public struct FeedPage: Hashable, Sendable {
    /// Where the page ends.
    public let next: FeedCursor
    public let isSnapshot: Bool
    /// There is more at once.
    public let hasMore: Bool
    /// All that the page tells lies before this sequence, or at it.
    public let through: Int64
    /// How many changes the page has.
    public let count: Int
    /// The page in JSON, on one line.
    public let json: Data

    /// How far the page goes.
    public var mark: FeedMark { FeedMark(epoch: next.epoch, sequence: through) }
    /// Whether a phone that waits has something to do with it.
    public var isNews: Bool { isSnapshot || count > 0 }
    /// Whether what follows may be there already, so that nobody should wait before asking for it.
    public var isToBeContinued: Bool { isSnapshot || hasMore }

    /// The page as a value, which is read from its JSON.
    public var page: ChangePage { get throws { try Wire.decode(ChangePage.self, from: json) } }

    /// `changes` are the page's, in JSON.
    init(
        _ changes: some Collection<ArraySlice<UInt8>>, isSnapshot: Bool, next: FeedCursor, hasMore: Bool, from: Int64,
        through: Int64
    ) {
        (self.next, self.isSnapshot, self.hasMore, self.through) = (next, isSnapshot, hasMore, through)
        count = changes.count
        var text = JSONText()
        text.reserve(changes.reduce(300) { $0 + $1.count + 1 })
        text.raw("{\"changes\":[")
        for (place, change) in changes.enumerated() {
            if place > 0 { text.raw(",") }
            text.raw(change)
        }
        text.raw("]")
        text.field("cursor", next.text)
        text.field("from", from)
        text.field("has_more", hasMore)
        text.field("is_snapshot", isSnapshot)
        text.field("through", through)
        text.raw("}")
        json = Data(text.bytes)
    }

    /// What a phone that is at the end of this page gets while nothing changes; nil where something follows already.
    public var nothingMore: FeedPage? {
        isToBeContinued
            ? nil
            : FeedPage(
                EmptyCollection<ArraySlice<UInt8>>(), isSnapshot: false, next: next, hasMore: false, from: through,
                through: through)
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
