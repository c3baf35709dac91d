public import VideoModels

/// A user's feed as a server holds it, in a few lines: each object with the sequence of its last change, gone ones as
/// tombstones until they are pruned.
public struct FeedModel: Sendable {
    public private(set) var last: Int64 = 0
    private var epoch = 1
    private var floor: Int64 = 0
    private var rows: [Change.ObjectKey: Change] = [:]

    public enum Answer: Sendable {
        case page(ChangePage)
        case expired
    }

    public init() {}

    public var living: [Change] { rows.values.filter { !$0.isTombstone } }

    public mutating func write(_ object: Change.Object) {
        last += 1
        let change = Change(sequence: last, object: object)
        rows[change.key] = change
    }

    public mutating func delete(_ key: Change.ObjectKey) { write(.deleted(kind: key.kind, id: key.id)) }

    /// Forgets the older tombstones; a cursor from before the newest of these has expired.
    public mutating func prune(upTo sequence: Int64) {
        let old = rows.values.filter { $0.isTombstone && $0.sequence <= sequence }
        for change in old { rows[change.key] = nil }
        floor = max(floor, old.map(\.sequence).max() ?? 0)
    }

    /// Goes back to an earlier moment, whose history goes on differently.
    public mutating func restore(_ backup: FeedModel) {
        let next = epoch + 1
        self = backup
        epoch = next
    }

    /// The page that follows `cursor`: `<epoch>s<upper>-<below>` inside a snapshot, `<epoch>c<sequence>` after it.
    public func answer(to cursor: String?, limit: Int) -> Answer {
        guard let cursor else { return .page(snapshot(upper: last, below: last + 1, limit: limit)) }
        let isSnapshot = cursor.contains("s")
        let numbers = cursor.split { "cs-".contains($0) }.compactMap { Int64($0) }
        guard numbers[0] == epoch, numbers[1] <= last else { return .expired }
        if isSnapshot { return .page(snapshot(upper: numbers[1], below: numbers[2], limit: limit)) }
        return numbers[1] < floor ? .expired : .page(increment(from: numbers[1], limit: limit))
    }

    private func snapshot(upper: Int64, below: Int64, limit: Int) -> ChangePage {
        let found = living.filter { $0.sequence < below }.sorted { $0.sequence > $1.sequence }
        let page = Array(found.prefix(limit))
        let hasMore = found.count > limit
        let next = hasMore ? "\(epoch)s\(upper)-\(page.last?.sequence ?? 0)" : "\(epoch)c\(upper)"
        return ChangePage(
            isSnapshot: true, changes: page, cursor: next, hasMore: hasMore, from: 0, through: upper)
    }

    private func increment(from: Int64, limit: Int) -> ChangePage {
        let found = rows.values.filter { $0.sequence > from }.sorted { $0.sequence < $1.sequence }
        let page = Array(found.prefix(limit))
        let through = found.count > limit ? page.last?.sequence ?? last : last
        return ChangePage(
            isSnapshot: false, changes: page, cursor: "\(epoch)c\(through)", hasMore: found.count > limit, from: from,
            through: through)
    }

    /// The answer of the digest's route; objects are named where at most `leaf` are left.
    public func digest(_ prefix: String, leaf: Int = 64) -> DigestPage {
        Self.digest(of: living.map { DigestPage.Entry($0) }, prefix, at: last, leaf: leaf)
    }

    /// The same for any set of objects.
    public static func digest(
        of entries: [DigestPage.Entry], _ prefix: String, at sequence: Int64, leaf: Int = 64
    ) -> DigestPage {
        func sum(_ entries: [DigestPage.Entry]) -> FeedDigest {
            entries.reduce(into: FeedDigest()) { $0 += FeedDigest(of: $1.key, sequence: $1.sequence) }
        }
        let under = entries.filter { FeedDigest.place(of: $0.key).hasPrefix(prefix) }
        let digest = sum(under)
        var page = DigestPage(sequence: sequence, prefix: prefix, count: digest.count, digest: digest.text)
        if under.count <= leaf {
            page.objects = under
        } else {
            let groups = Dictionary(grouping: under) { String(FeedDigest.place(of: $0.key).prefix(prefix.count + 1)) }
            page.children = groups.sorted { $0.key < $1.key }.map { child, entries in
                DigestPage.Node(prefix: child, count: entries.count, digest: sum(entries).text)
            }
        }
        return page
    }

    /// Whether a copy holds exactly what lives here, each at its version.
    public func equals(_ copy: MemoryChangeStore) -> Bool {
        Set(copy.byRound().flatMap(\.changes)) == Set(living)
    }

    /// Writes or deletes one of a dozen objects.
    public mutating func step(using generator: inout SeededGenerator) {
        let number = UInt64.random(in: 1...12, using: &generator)
        switch Int.random(in: 0..<10, using: &generator) {
        case 0..<5:
            var job = Job.sample
            job.id = .sample(number)
            job.status = .known(Job.Status.allCases.randomElement(using: &generator) ?? .ready)
            write(.job(job))
        case 5..<7:
            var video = Video.sample
            video.id = .sample(number)
            video.bytes = last
            write(.video(video))
        case 7: write(.unknown(kind: "album", id: "\(number)"))
        default:
            if let key = living.map(\.key).min(by: { ($0.id, $0.kind.word) < ($1.id, $1.kind.word) }) { delete(key) }
        }
    }
}

extension Change {
    fileprivate var isTombstone: Bool { if case .deleted = object { true } else { false } }
}
