/// Compares a copy with the server through `GET /v1/changes/digest`, and finds the objects that differ in few steps.
///
/// Ask for `next` until it is nil and give it each answer. A copy of any size that is right takes one answer; each object
/// that differs takes about as many more as the number of objects has hexadecimal digits.
///
/// What is found is repaired by `ChangeReducer.resynchronise()`: a snapshot names every object at its version.
public struct DigestCheck: Sendable {
    /// An object that the two do not hold at the same version; nil where one does not hold it at all.
    public struct Difference: Hashable, Sendable, Codable {
        public var kind: Open<Change.Kind>
        public var id: String
        /// Its sequence in the copy.
        public var here: Int64?
        /// Its sequence on the server.
        public var there: Int64?

        public init(kind: Open<Change.Kind>, id: String, here: Int64?, there: Int64?) {
            self.kind = kind
            self.id = id
            self.here = here
            self.there = there
        }
    }

    /// Why there is no comparison.
    public enum Failure: Error, Hashable, Sendable {
        /// The server is at this sequence and the copy is not: take in what changed, then compare anew.
        case moved(to: Int64)
        /// The answer is not one to what was asked.
        case malformed(String)
    }

    /// At most so many differences are told; a copy that is so wrong is not worth the questions.
    public static let differenceLimit = 1000

    /// The prefix to ask for; nil once the comparison is through.
    public var next: String? { differences.count < Self.differenceLimit ? open.last : nil }
    /// What differs, as far as it is known. Empty at the end: the copy is proven.
    public private(set) var differences: [Difference] = []
    /// The sum of the copy.
    public var digest: FeedDigest { sum(of: versions.indices) }

    private let through: Int64
    private let versions: [(place: String, entry: DigestPage.Entry)]
    /// `sums[n]` is the digest of the first n versions: any range is the difference of two.
    private let sums: [FeedDigest]
    private var open = [""]

    /// - Parameters:
    ///   - entries: All that the copy holds, in any order.
    ///   - through: The sequence at which it stands.
    public init(_ entries: [DigestPage.Entry], through: Int64) {
        self.through = through
        versions = entries.map { (FeedDigest.place(of: $0.key), $0) }.sorted {
            ($0.place, $0.entry.kind.word, $0.entry.id) < ($1.place, $1.entry.kind.word, $1.entry.id)
        }
        sums = versions.reduce(into: [FeedDigest()]) { sums, version in
            sums.append(
                sums[sums.count - 1] + FeedDigest(of: version.entry.key, sequence: version.entry.sequence))
        }
    }

    /// Takes in the answer for `next`.
    public mutating func take(_ page: DigestPage) throws(Failure) {
        guard let prefix = open.last, page.prefix == prefix else { throw .malformed("an answer for another prefix") }
        guard page.sequence == through else { throw .moved(to: page.sequence) }
        let theirs = try Self.digest(page.count, page.digest)
        let range = range(of: prefix)
        open.removeLast()
        if sum(of: range) == theirs { return }
        let known = differences.count + open.count
        if let objects = page.objects {
            try compare(objects, under: prefix, with: range)
        } else if let children = page.children, prefix.utf8.count < 16 {
            try descend(into: children, under: prefix, range)
        } else {
            throw .malformed("neither children nor objects under \"\(prefix)\"")
        }
        guard differences.count + open.count > known || differences.count >= Self.differenceLimit else {
            throw .malformed("a digest of \"\(prefix)\" that is not the sum of its parts")
        }
    }

    /// Notes each object that is not the same on both sides.
    private mutating func compare(
        _ objects: [DigestPage.Entry], under prefix: String, with range: Range<Int>
    ) throws(Failure) {
        var theirs: [Change.ObjectKey: Int64] = [:]
        for object in objects {
            let isNew = theirs.updateValue(object.sequence, forKey: object.key) == nil
            guard isNew, FeedDigest.place(of: object.key).hasPrefix(prefix) else {
                throw .malformed("an object that is named twice or has no place under \"\(prefix)\"")
            }
        }
        for (_, entry) in versions[range] {
            let there = theirs.removeValue(forKey: entry.key)
            if there != entry.sequence { note(entry.key, here: entry.sequence, there: there) }
        }
        for (key, sequence) in theirs { note(key, here: nil, there: sequence) }
    }

    /// Opens the children that differ. What has none on the server is known already.
    private mutating func descend(
        into children: [DigestPage.Node], under prefix: String, _ range: Range<Int>
    ) throws(Failure) {
        var known: [String: FeedDigest] = [:]
        for child in children {
            let isOne = child.prefix.hasPrefix(prefix) && child.prefix.utf8.count == prefix.utf8.count + 1
            guard isOne, known.updateValue(try Self.digest(child.count, child.digest), forKey: child.prefix) == nil
            else { throw .malformed("a child of \"\(prefix)\" that is none") }
        }
        for digit in "0123456789abcdef" {
            let child = prefix + String(digit)
            let mine = self.range(of: child)
            guard let theirs = known.removeValue(forKey: child), theirs.count > 0 else {
                for (_, entry) in versions[mine] { note(entry.key, here: entry.sequence, there: nil) }
                continue
            }
            if theirs != sum(of: mine) { open.append(child) }
        }
        guard known.isEmpty else { throw .malformed("a prefix that is no hexadecimal number in lower case") }
    }

    private mutating func note(_ key: Change.ObjectKey, here: Int64?, there: Int64?) {
        guard differences.count < Self.differenceLimit else { return }
        differences.append(Difference(kind: key.kind, id: key.id, here: here, there: there))
    }

    private static func digest(_ count: Int, _ text: String) throws(Failure) -> FeedDigest {
        guard let digest = FeedDigest(count: count, text: text) else { throw .malformed("\"\(text)\" is no digest") }
        return digest
    }

    private func sum(of range: Range<Int>) -> FeedDigest { sums[range.upperBound] - sums[range.lowerBound] }

    /// Where the versions under a prefix stand. `g` follows the last digit.
    private func range(of prefix: String) -> Range<Int> { first(from: prefix)..<first(from: prefix + "g") }

    private func first(from place: String) -> Int {
        var (low, high) = (0, versions.count)
        while low < high {
            let middle = (low + high) / 2
            if versions[middle].place < place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
