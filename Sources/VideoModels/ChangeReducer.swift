/// A device's copy of a user's objects: applies the pages of the feed, in any number of tries.
///
/// Applying a page twice changes nothing, a page that comes late is passed over, and an older version never replaces
/// a newer one. Drop the answers to what was asked before `resynchronise()`. Keep `self` (it is
/// `Codable`) in one atomic write: the cursor belongs to exactly this data.
public struct ChangeReducer: Hashable, Sendable, Codable {
    public private(set) var jobs: [JobID: Job] = [:]
    public private(set) var videos: [VideoID: Video] = [:]
    /// What to ask the next page with; nil asks for a snapshot.
    public private(set) var cursor: String?
    private var sequences: [String: Int64] = [:]
    /// While a snapshot is under way: the keys it has named so far.
    private var named: Set<String>?

    public init() {}

    /// Starts over with a snapshot and keeps the data until that is complete, for `cursor_expired` and the like.
    public mutating func resynchronise() {
        cursor = nil
        named = nil
    }

    /// Takes in the page that the cursor was given for. One that comes late or twice changes nothing.
    public mutating func apply(_ page: ChangePage) {
        if page.isSnapshot, cursor == nil { named = [] }
        // A snapshot's page belongs to one under way, any other page to none: what does not is late, and known already.
        guard page.isSnapshot ? named != nil : named == nil && cursor != nil else { return }
        for change in page.changes {
            let key = "\(change.key.kind)/\(change.key.id)"
            named?.insert(key)
            apply(change, under: key, always: page.isSnapshot)
        }
        // A snapshot names all that lives: what it did not name is gone.
        if page.isSnapshot, !page.hasMore, let living = named {
            for key in sequences.keys where !living.contains(key) {
                sequences[key] = nil
                remove(key)
            }
            named = nil
        }
        cursor = page.cursor
    }

    /// A snapshot is the truth even where its sequence is lower: after a restore the counters start further back.
    private mutating func apply(_ change: Change, under key: String, always: Bool) {
        guard always || change.sequence > sequences[key] ?? 0 else { return }
        sequences[key] = change.sequence
        switch change.object {
        case .job(let job): jobs[job.id] = job
        case .video(let video): videos[video.id] = video
        case .deleted, .unknown: remove(key)
        }
    }

    /// The sequence of what is gone is kept until the next snapshot: a late page must not bring the object back.
    private mutating func remove(_ key: String) {
        let id = String(key.drop { $0 != "/" }.dropFirst())
        if key.hasPrefix("job/") { if let id = JobID(id) { jobs[id] = nil } }
        if key.hasPrefix("video/") { if let id = VideoID(id) { videos[id] = nil } }
    }
}
