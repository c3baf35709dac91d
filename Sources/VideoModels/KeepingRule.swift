/// How much is kept of a user's videos; nil is no limit. What goes is deleted as by the user: it can be brought back within
/// the grace.
public struct KeepingRule: Hashable, Sendable, Codable {
    /// Videos that are older, counted from when they were made, go.
    public var days: Int?
    /// Only so many of the newest stay.
    public var newest: Int?
    /// What all of them together may have.
    public var quotaBytes: Int64?
    /// What a full quota does: false refuses new submissions, true lets the oldest videos go.
    public var quotaRemovesOldest = false

    public init(days: Int? = nil, newest: Int? = nil, quotaBytes: Int64? = nil, quotaRemovesOldest: Bool = false) {
        self.days = days
        self.newest = newest
        self.quotaBytes = quotaBytes
        self.quotaRemovesOldest = quotaRemovesOldest
    }

    /// Whether videos may go by it.
    public var removes: Bool { days != nil || newest != nil || (quotaBytes != nil && quotaRemovesOldest) }

    enum CodingKeys: String, CodingKey {
        case days = "keep_days"
        case newest = "keep_newest"
        case quotaBytes = "quota_bytes"
        case quotaRemovesOldest = "quota_removes_oldest"
    }
}
