/// Tables below `stbl`, read in pieces.
struct SampleTables {
    static let pieceSize: Int64 = 64 << 10
    /// Above any real video (a day at 48 samples a second), and little enough to read.
    static let largestCount: Int64 = 1 << 22
    /// Sums stop here, which is more than any file has and leaves room to add.
    static let largestSum: Int64 = 1 << 60

    let source: ByteSource

    /// `stsz`: the number of samples and the sum of their sizes.
    func sizes(_ box: Box) throws(VideoFileError) -> (count: UInt64, bytes: Int64) {
        let head = try box.head(12, of: source)
        let (each, count) = (head.number(at: 4, as: UInt32.self), head.number(at: 8, as: UInt32.self))
        if each != 0 {
            return (UInt64(count), Int64(min(UInt64(each) * UInt64(count), UInt64(Self.largestSum))))
        }
        var sum: Int64 = 0
        try entries(of: box, after: 12, count: Int64(count), size: 4) {
            sum += Int64($0.number(at: $1, as: UInt32.self))
        }
        return (UInt64(count), sum)
    }

    /// `stsd`: what the samples are encoded with, by ffmpeg's name; nil where that is not told. A file is whole without it.
    func codec(_ box: Box) throws(VideoFileError) -> String? {
        guard box.count >= 16 else { return nil }
        let letters = try box.head(16, of: source)[12...]
        guard letters.allSatisfy({ (0x20...0x7e).contains($0) }) else { return nil }
        let type = String(decoding: letters, as: UTF8.self)
        let bare = type.lowercased().filter { $0 != " " && $0 != "." }
        return Self.codecs[type] ?? (bare.isEmpty ? nil : bare)
    }

    private static let codecs = [
        "avc1": "h264", "avc3": "h264", "hvc1": "hevc", "hev1": "hevc", "av01": "av1", "vp08": "vp8", "vp09": "vp9",
        "mp4v": "mpeg4", "jpeg": "mjpeg", "mp4a": "aac", "Opus": "opus", "fLaC": "flac", "ac-3": "ac3", "ec-3": "eac3",
        "sowt": "pcm_s16le", "twos": "pcm_s16be", ".mp3": "mp3",
    ]

    /// `stco` and `co64`: where the last chunk begins.
    func lastChunk(_ box: Box) throws(VideoFileError) -> Int64 {
        let count = try box.head(8, of: source).number(at: 4, as: UInt32.self)
        var last: Int64 = 0
        let isLong = box.type == "co64"
        try entries(of: box, after: 8, count: Int64(count), size: isLong ? 8 : 4) { piece, offset in
            let chunk =
                isLong
                ? Int64(clamping: piece.number(at: offset, as: UInt64.self))
                : Int64(piece.number(at: offset, as: UInt32.self))
            last = max(last, chunk)
        }
        return last
    }

    /// Calls back for each entry of a table with the piece that it lies in and its offset there.
    func entries(
        of box: Box, after head: Int64, count: Int64, size: Int64, _ visit: ([UInt8], Int) -> Void
    ) throws(VideoFileError) {
        guard count <= Self.largestCount, box.count >= head + size * count else { throw box.malformed }
        var (offset, left) = (box.payload.lowerBound + head, size * count)
        while left > 0 {
            let piece = try source.exactly(Int(min(left, Self.pieceSize / size * size)), at: offset)
            for entry in stride(from: 0, to: piece.count, by: Int(size)) { visit(piece, entry) }
            (offset, left) = (offset + Int64(piece.count), left - Int64(piece.count))
        }
    }
}
