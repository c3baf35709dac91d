/// One pass over a file's boxes, counting them.
struct BoxWalk {
    let source: ByteSource
    private var boxes = 0

    init(source: ByteSource) {
        self.source = source
    }

    /// The major brand, from the box that every file of this family begins with.
    mutating func brand() throws(VideoFileError) -> String {
        let start = try source.exactly(Int(min(8, source.length)), at: 0)
        guard start.count == 8, start[4...].elementsEqual("ftyp".utf8) else { throw .notAVideo }
        let box = try next(at: 0, in: 0..<source.length, isTopLevel: true)
        let brand = try box.head(8, of: source)[..<4]
        guard brand.allSatisfy({ (0x20...0x7e).contains($0) }) else { throw box.malformed }
        return String(decoding: brand, as: UTF8.self)
    }

    /// The boxes at the top, which together are exactly the file.
    mutating func topLevel() throws(VideoFileError) -> TopLevel {
        var found = TopLevel()
        try children(of: 0..<source.length, isTopLevel: true) { (_, box) throws(VideoFileError) in
            found.endsOpen = box.isOpenEnded
            switch box.type {
            case "moov":
                guard found.movie == nil else { throw box.malformed }
                found.movie = box
            case "mdat": found.mediaBytes = (found.mediaBytes ?? 0) + box.count
            default: break
            }
        }
        return found
    }

    mutating func movie(_ moov: Box) throws(VideoFileError) -> Movie {
        var movie = Movie()
        var longest: Double?
        var header: Double??
        try children(of: moov.payload) { (walk, box) throws(VideoFileError) in
            switch box.type {
            case "mvhd": header = .some(try walk.duration(box))
            case "trak":
                let track = try walk.track(box)
                movie.add(track)
                if let duration = track.duration { longest = max(longest ?? 0, duration) }
            default: break
            }
        }
        guard let header else { throw .missing(box: "mvhd") }
        movie.duration = header ?? longest
        return movie
    }

    private mutating func track(_ trak: Box) throws(VideoFileError) -> Track {
        var track = Track()
        try children(of: trak.payload) { (walk, box) throws(VideoFileError) in
            switch box.type {
            case "tkhd": track.size = try walk.pictureSize(box)
            case "mdia": try walk.media(box, into: &track)
            default: break
            }
        }
        return track
    }

    private mutating func media(_ mdia: Box, into track: inout Track) throws(VideoFileError) {
        try children(of: mdia.payload) { (walk, box) throws(VideoFileError) in
            switch box.type {
            case "mdhd": track.duration = try walk.duration(box)
            case "hdlr": track.kind = try Array(box.head(12, of: walk.source)[8...])
            case "minf": track.sampleBytes = try walk.sampleBytes(box)
            default: break
            }
        }
    }

    /// The first child of this type, if there is one.
    private mutating func first(_ type: String, in parent: Box) throws(VideoFileError) -> Box? {
        var found: Box?
        try children(of: parent.payload) { (_, box) throws(VideoFileError) in
            if box.type == type, found == nil { found = box }
        }
        return found
    }

    private mutating func sampleBytes(_ minf: Box) throws(VideoFileError) -> Int64 {
        guard let stbl = try first("stbl", in: minf), let stsz = try first("stsz", in: stbl) else { return 0 }
        return try SampleSizes(stsz).sum(in: source)
    }

    /// Calls back for each box in a space, which they must fill exactly.
    private mutating func children(
        of space: Range<Int64>, isTopLevel: Bool = false,
        _ visit: (inout BoxWalk, Box) throws(VideoFileError) -> Void
    ) throws(VideoFileError) {
        var offset = space.lowerBound
        while offset < space.upperBound {
            // QuickTime may end a list of boxes with four zero bytes.
            if !isTopLevel, space.upperBound - offset == 4 { return }
            let box = try next(at: offset, in: space, isTopLevel: isTopLevel)
            try visit(&self, box)
            offset = box.payload.upperBound
        }
    }

    private mutating func next(
        at offset: Int64, in space: Range<Int64>, isTopLevel: Bool
    ) throws(VideoFileError) -> Box {
        boxes += 1
        guard boxes <= VideoFileCheck.maximumBoxes else { throw .tooManyBoxes }
        return try Box(at: offset, in: space, of: source, isTopLevel: isTopLevel)
    }
}

extension BoxWalk {
    /// `mvhd` and `mdhd`: version 0 has 32-bit times, version 1 64-bit; zero or all ones say that it is not known.
    private func duration(_ box: Box) throws(VideoFileError) -> Double? {
        let isLong = try box.head(1, of: source)[0] == 1
        let bytes = try box.head(isLong ? 32 : 20, of: source)
        let scale = bytes.number(at: isLong ? 20 : 12, as: UInt32.self)
        let units = isLong ? bytes.number(at: 24, as: UInt64.self) : UInt64(bytes.number(at: 16, as: UInt32.self))
        guard scale > 0 else { throw box.malformed }
        let isUnknown = units == 0 || units == (isLong ? UInt64.max : UInt64(UInt32.max))
        return isUnknown ? nil : Double(units) / Double(scale)
    }

    /// `tkhd` ends with width and height, each 16.16 fixed point.
    private func pictureSize(_ box: Box) throws(VideoFileError) -> (width: Int, height: Int) {
        let start = try box.head(1, of: source)[0] == 1 ? 88 : 76
        let bytes = try box.head(start + 8, of: source)
        return (Int(bytes.number(at: start, as: UInt16.self)), Int(bytes.number(at: start + 4, as: UInt16.self)))
    }
}

/// What one `trak` box says.
private struct Track {
    var kind: [UInt8] = []
    var size = (width: 0, height: 0)
    var duration: Double?
    var sampleBytes: Int64 = 0
}

extension Movie {
    fileprivate mutating func add(_ track: Track) {
        sampleBytes = min(sampleBytes + track.sampleBytes, SampleSizes.largestSum)
        if track.kind.elementsEqual("soun".utf8) { hasSound = true }
        if track.kind.elementsEqual("vide".utf8), size == nil, track.size.width > 0, track.size.height > 0 {
            size = track.size
        }
    }
}

/// The table of sample sizes in an `stsz` box.
private struct SampleSizes {
    private let box: Box
    private static let pieceSize: Int64 = 64 << 10
    /// Above any real video (a day at 48 samples a second), and little enough to read.
    private static let largestCount: Int64 = 1 << 22
    /// Sums stop here, which is more than any file has and leaves room to add.
    static let largestSum: Int64 = 1 << 60

    init(_ box: Box) {
        self.box = box
    }

    func sum(in source: ByteSource) throws(VideoFileError) -> Int64 {
        let head = try box.head(12, of: source)
        let (each, count) = (head.number(at: 4, as: UInt32.self), head.number(at: 8, as: UInt32.self))
        if each != 0 { return Int64(min(UInt64(each) * UInt64(count), UInt64(Self.largestSum))) }
        guard count <= Self.largestCount, box.count >= 12 + 4 * Int64(count) else { throw box.malformed }
        var (sum, offset, left) = (Int64(0), box.payload.lowerBound + 12, 4 * Int64(count))
        while left > 0 {
            let piece = try source.exactly(Int(min(left, Self.pieceSize)), at: offset)
            for entry in stride(from: 0, to: piece.count, by: 4) {
                sum += Int64(piece.number(at: entry, as: UInt32.self))
            }
            (offset, left) = (offset + Int64(piece.count), left - Int64(piece.count))
        }
        return sum
    }
}
