import Foundation
public import VideoModels

extension PostgresStore {
    /// The digest of what lives in the user's feed under a prefix of places: 0 to 16 hexadecimal digits in lower case.
    ///
    /// Sums are kept for prefixes of up to three digits, and brought forward by what has changed since the last call, a
    /// bounded batch a transaction; deeper ones are added up from the objects below the first three digits.
    public func digest(under prefix: String, user: UserID) async throws -> DigestPage {
        while true {
            try Task.checkCancellation()
            let page = try await pool.transaction(Connection.begin(as: user)) { connection -> DigestPage? in
                let digest = Digest(connection: connection, user: user)
                let state = try digest.catchUp(limit: Self.digestBatch)
                return state.isCurrent ? try digest.page(under: prefix, at: state.sequence) : nil
            }
            if let page { return page }
        }
    }

    /// Brings the digest forward by one batch, and says by how many objects and whether nothing is left.
    func advanceDigest(of user: UserID, limit: Int = digestBatch) async throws -> (applied: Int, isCurrent: Bool) {
        try await pool.transaction(Connection.begin(as: user)) { connection in
            let state = try Digest(connection: connection, user: user).catchUp(limit: limit)
            return (state.applied, state.isCurrent)
        }
    }

    static let digestBatch = 2000
}

/// The kept digest of one user, inside a transaction.
private struct Digest {
    let connection: Connection
    let user: UserID

    struct State {
        var sequence: Int64
        var applied: Int
        var isCurrent: Bool
    }

    /// An object at a version that is counted, or is to be.
    private struct Entry {
        var key: Change.ObjectKey
        var uuid: UUID
        var sequence: Int64
        var isGone = false

        var place: String { FeedDigest.place(of: key) }
        var digest: FeedDigest { FeedDigest(of: key, sequence: sequence) }
    }

    /// How many digits the prefixes have for which sums are kept.
    private static let depth = 3
    /// So many objects are named one by one at once, and at most so many in any answer.
    private static let few = 64
    private static let most = 1000

    // MARK: Bringing it forward

    /// Counts at most `limit` changes and takes off as many that are forgotten.
    func catchUp(limit: Int) throws -> State {
        let from = try lock()
        // What commits after this statement is the next call's: commit order is sequence order for a user.
        let rows = try connection.execute(DigestStatements.changes, [.id(user), .int(from), .int(limit)])
        let last = try rows.first { try $0.int64("last") } ?? from
        let changed = try rows.map { row in try row.isNull("kind") ? nil : try entry(row, isGone: row.bool("is_gone")) }
            .compactMap { $0 }
        let forgotten = try connection.execute(DigestStatements.forget, [.id(user), .int(limit)])
            .map { try entry($0, isGone: true) }
        let isCurrent = changed.count < limit && forgotten.count < limit
        let sequence = changed.count < limit ? last : changed.last?.sequence ?? last
        if !changed.isEmpty || !forgotten.isEmpty { try apply(changed, besides: forgotten) }
        if sequence != from {
            try connection.execute(DigestStatements.advance, [.id(user), .int(sequence)])
        }
        return State(sequence: sequence, applied: changed.count + forgotten.count, isCurrent: isCurrent)
    }

    private func lock() throws -> Int64 {
        func locked() throws -> Int64? {
            try connection.execute(DigestStatements.lock, [.id(user)]).first { try $0.int64("sequence") }
        }
        if let sequence = try locked() { return sequence }
        try connection.execute(DigestStatements.open, [.id(user)])
        guard let sequence = try locked() else { throw StoreError.notFound }
        return sequence
    }

    private func apply(_ changed: [Entry], besides forgotten: [Entry]) throws {
        let keys: [Value] = [.texts(changed) { $0.key.kind.word }, .uuids(changed) { $0.uuid }]
        let counted = try connection.execute(DigestStatements.counted, [.id(user)] + keys).map { try entry($0) }
        let (living, gone) = (changed.filter { !$0.isGone }, changed.filter(\.isGone))
        try connection.execute(
            DigestStatements.count,
            [
                .id(user), .texts(gone) { $0.key.kind.word }, .uuids(gone) { $0.uuid },
                .texts(living) { $0.key.kind.word }, .uuids(living) { $0.uuid }, .texts(living) { $0.place },
                .bigints(living) { $0.sequence },
            ])
        var sums: [String: FeedDigest] = [:]
        for entry in living { add(entry.digest, at: entry.place, to: &sums) }
        for entry in counted + forgotten { add(FeedDigest() - entry.digest, at: entry.place, to: &sums) }
        try write(sums)
    }

    private func add(_ digest: FeedDigest, at place: String, to sums: inout [String: FeedDigest]) {
        for length in 0...Self.depth { sums[String(place.prefix(length)), default: FeedDigest()] += digest }
    }

    private func write(_ changes: [String: FeedDigest]) throws {
        var sums = try nodes(Array(changes.keys))
        for (prefix, change) in changes { sums[prefix, default: FeedDigest()] += change }
        let empty = sums.filter { $0.value.count == 0 }.map(\.key)
        let full = sums.filter { $0.value.count != 0 }.sorted { $0.key < $1.key }
        try connection.execute(
            DigestStatements.sum,
            [
                .id(user), .texts(empty) { $0 }, .texts(full) { $0.key }, .integers(full) { $0.value.count },
                .texts(full) { $0.value.text },
            ])
    }

    // MARK: Reading it

    func page(under prefix: String, at sequence: Int64) throws -> DigestPage {
        guard prefix.count < Self.depth else { return try computed(under: prefix, at: sequence) }
        let longer = "0123456789abcdef".map { prefix + String($0) }
        let sums = try nodes([prefix] + longer)
        let own = sums[prefix] ?? FeedDigest()
        guard own.count > Self.few else { return try computed(under: prefix, at: sequence) }
        let children = longer.compactMap { prefix in sums[prefix].map { DigestPage.Node(prefix, $0) } }
        return DigestPage(
            sequence: sequence, prefix: prefix, count: own.count, digest: own.text, children: children)
    }

    /// Adds up what is below.
    private func computed(under prefix: String, at sequence: Int64) throws -> DigestPage {
        // In the order of bytes all digits come before "g".
        let values: [Value] = [.id(user), .text(prefix), .text(prefix + "g")]
        let entries = try connection.execute(DigestStatements.entries, values).map { try entry($0) }
        let sum = entries.reduce(FeedDigest()) { $0 + $1.digest }
        var page = DigestPage(sequence: sequence, prefix: prefix, count: sum.count, digest: sum.text)
        if entries.count <= Self.most || prefix.count == 16 {
            page.objects = entries.prefix(Self.most).map {
                DigestPage.Entry(kind: $0.key.kind, id: $0.key.id, sequence: $0.sequence)
            }
        } else {
            let sums = Dictionary(grouping: entries) { String($0.place.prefix(prefix.count + 1)) }
                .mapValues { $0.reduce(FeedDigest()) { $0 + $1.digest } }
            page.children = sums.sorted { $0.key < $1.key }.map { DigestPage.Node($0.key, $0.value) }
        }
        return page
    }

    private func nodes(_ prefixes: [String]) throws -> [String: FeedDigest] {
        let rows = try connection.execute(DigestStatements.nodes, [.id(user), .texts(prefixes) { $0 }])
        let pairs = try rows.map { row in
            guard let digest = FeedDigest(count: try row.int("count"), text: try row.text("digest")) else {
                throw PostgresError.unexpectedRow("a digest is malformed")
            }
            return (try row.text("prefix"), digest)
        }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }

    private func entry(_ row: Row, isGone: Bool = false) throws -> Entry {
        guard let uuid = UUID(uuidString: try row.text("id")) else {
            throw PostgresError.unexpectedRow("an id is malformed")
        }
        let key = Change.ObjectKey(kind: Open(try row.text("kind")), id: uuid.uuidString.lowercased())
        return Entry(key: key, uuid: uuid, sequence: try row.int64("sequence"), isGone: isGone)
    }
}

extension DigestPage.Node {
    fileprivate init(_ prefix: String, _ digest: FeedDigest) {
        self.init(prefix: prefix, count: digest.count, digest: digest.text)
    }
}
