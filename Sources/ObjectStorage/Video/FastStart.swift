/// Moves the index of a video (`moov`) to the front, so that a player need not have the file's end to begin. Nothing is
/// encoded anew: the same samples stand in the same order, and only the offsets in the index change.
///
/// Files are left alone where anything is unusual: fragments, boxes that may hold further offsets, samples in other files,
/// offsets that no longer fit. Such a file plays all the same, only later.
public struct FastStart: Sendable {
    /// A piece of the new file.
    enum Piece: Hashable, Sendable {
        case bytes([UInt8])
        /// As it stands in the old one.
        case range(Range<Int64>)
    }

    let length: Int64
    let pieces: [Piece]
    /// Where chunks of samples begin, before and after.
    let chunks: [(old: Int64, new: Int64)]

    /// Real ones have some kilobytes a minute.
    private static let largestIndex: Int64 = 32 << 20
    /// Real ones have one box of samples, seldom a few, and some chunks a second.
    private static let mostMedia = 64
    fileprivate static let mostChunks = 1_000_000
    /// What else may stand at the top. All others may point into the file.
    private static let harmless: Set = ["ftyp", "mdat", "free", "skip", "wide", "moov"]
    /// What may point into the file, or hides what does: fragments, encryption, items, compression.
    private static let unusual = ["mvex", "saio", "iloc", "cmov"]

    /// How to move the index; nil where it is in front already, or where anything is unusual.
    package init?(_ source: ByteSource) throws(VideoFileError) {
        var walk = BoxWalk(source: source)
        var boxes: [Box] = []
        try walk.children(of: 0..<source.length, isTopLevel: true) { (_, box) throws(VideoFileError) in
            boxes.append(box)
        }
        guard boxes.count(where: { $0.type == "mdat" }) <= Self.mostMedia else { return nil }
        guard let first = boxes.first, first.type == "ftyp", boxes.allSatisfy({ Self.harmless.contains($0.type) }),
            !boxes.contains(where: \.isOpenEnded), boxes.count(where: { $0.type == "moov" }) == 1,
            let place = boxes.firstIndex(where: { $0.type == "moov" }),
            boxes[..<place].contains(where: { $0.type == "mdat" })
        else { return nil }
        let old = boxes[place].offset..<boxes[place].payload.upperBound
        guard Int64(old.count) <= Self.largestIndex else { return nil }
        var index = Index(
            bytes: try source.exactly(old.count, at: old.lowerBound), place: old,
            media: boxes.filter { $0.type == "mdat" }.map(\.payload))
        guard !Self.unusual.contains(where: index.mentions), index.move(), !index.chunks.isEmpty else { return nil }
        length = source.length
        chunks = index.chunks
        pieces = [
            .range(0..<first.payload.upperBound), .bytes(index.bytes),
            .range(first.payload.upperBound..<old.lowerBound),
            .range(old.upperBound..<source.length),
        ]
    }

    /// Whether the new file is what was meant: as long as the old, as whole, with the same facts, and each chunk with the same
    /// beginning where the index says that it is.
    package func isFulfilled(_ old: ByteSource, _ new: ByteSource) throws(VideoFileError) -> Bool {
        guard old.length == length, new.length == length else { return false }
        guard try VideoFileCheck.facts(of: old) == VideoFileCheck.facts(of: new) else { return false }
        for chunk in chunks {
            let count = Int(min(16, length - max(chunk.old, chunk.new)))
            guard count > 0, try old.exactly(count, at: chunk.old) == new.exactly(count, at: chunk.new) else {
                return false
            }
        }
        return try FastStart(new) == nil
    }
}

/// The index of a file, in memory, on its way to another place.
private struct Index {
    var bytes: [UInt8]
    /// Where it stood.
    let place: Range<Int64>
    /// In the order in which they stand.
    let media: [Range<Int64>]
    var chunks: [(old: Int64, new: Int64)] = []

    private static let folders: Set = ["trak", "mdia", "minf", "stbl", "dinf"]

    func mentions(_ type: String) -> Bool {
        let word = Array(type.utf8)
        return bytes.indices.dropLast(3).contains { place in
            bytes[place] == word[0] && bytes[place + 1] == word[1] && bytes[place + 2] == word[2]
                && bytes[place + 3] == word[3]
        }
    }

    /// Changes every offset to what it will be; false where that cannot be.
    mutating func move() -> Bool {
        // A long size is not needed for an index, and so is unusual.
        guard bytes.count >= 8, Int64(bytes.number(at: 0, as: UInt32.self)) == Int64(bytes.count) else { return false }
        return walk(8..<bytes.count)
    }

    private mutating func walk(_ space: Range<Int>) -> Bool {
        var offset = space.lowerBound
        while offset < space.upperBound {
            if space.upperBound - offset == 4 { return true }
            guard space.upperBound - offset >= 8 else { return false }
            let size = Int(bytes.number(at: offset, as: UInt32.self))
            guard size >= 8, size <= space.upperBound - offset else { return false }
            let payload = (offset + 8)..<(offset + size)
            switch String(decoding: bytes[offset + 4..<offset + 8], as: UTF8.self) {
            case let type where Self.folders.contains(type): guard walk(payload) else { return false }
            case "stco": guard move(payload, UInt32.self) else { return false }
            case "co64": guard move(payload, UInt64.self) else { return false }
            case "dref": guard isOwnData(payload) else { return false }
            default: break
            }
            offset += size
        }
        return true
    }

    private mutating func move<Number: FixedWidthInteger>(_ table: Range<Int>, _ type: Number.Type) -> Bool {
        let size = MemoryLayout<Number>.size
        guard table.count >= 8 else { return false }
        let count = Int(bytes.number(at: table.lowerBound + 4, as: UInt32.self))
        guard count <= (table.count - 8) / size, chunks.count + count <= FastStart.mostChunks else { return false }
        for number in 0..<count {
            let at = table.lowerBound + 8 + number * size
            guard let old = Int64(exactly: bytes.number(at: at, as: type)), let new = moved(old),
                let written = Number(exactly: new)
            else { return false }
            chunks.append((old, new))
            withUnsafeBytes(of: written.bigEndian) { for (place, byte) in $0.enumerated() { bytes[at + place] = byte } }
        }
        return true
    }

    /// What stood before the index goes back by its length; what stood behind it stays.
    private func moved(_ offset: Int64) -> Int64? {
        var (low, high) = (0, media.count)
        while low < high {
            let middle = (low + high) / 2
            if media[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
        }
        guard low < media.count, media[low].contains(offset) else { return nil }
        return offset < place.lowerBound ? offset + Int64(place.count) : offset
    }

    /// `dref`: where samples are. The lowest flag says: in this file.
    private func isOwnData(_ payload: Range<Int>) -> Bool {
        guard payload.count >= 8 else { return false }
        let count = bytes.number(at: payload.lowerBound + 4, as: UInt32.self)
        var offset = payload.lowerBound + 8
        for _ in 0..<min(count, 1000) {
            guard payload.upperBound - offset >= 12 else { return false }
            let size = Int(bytes.number(at: offset, as: UInt32.self))
            guard size >= 12, size <= payload.upperBound - offset, bytes[offset + 11] & 1 == 1 else { return false }
            offset += size
        }
        return count <= 1000
    }
}
