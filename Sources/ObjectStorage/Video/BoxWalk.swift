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
            case "moof": found.fragments.append(box)
            case "sidx": found.indexes.append((box, isInFront: found.fragments.isEmpty))
            default: break
            }
            found.endsWithFragmentIndex = box.type == "mfra"
        }
        return found
    }

    mutating func movie(_ moov: Box) throws(VideoFileError) -> Movie {
        var movie = Movie()
        var longest: Double?
        var header: Double??
        var (scale, fragmented) = (UInt32(0), UInt64?.none)
        try children(of: moov.payload) { (walk, box) throws(VideoFileError) in
            switch box.type {
            case "mvhd":
                let times = try walk.times(box)
                (scale, header) = (times.scale, .some(times.seconds))
            case "mvex":
                movie.isFragmented = true
                try walk.extends(box, of: &movie, units: &fragmented)
            case "trak":
                let track = try walk.track(box)
                movie.add(track)
                if let duration = track.duration { longest = max(longest ?? 0, duration) }
            default: break
            }
        }
        guard let header else { throw .missing(box: "mvhd") }
        movie.duration = header ?? longest
        movie.fragmentedDuration = fragmented.map { Double($0) / Double(scale) }
        return movie
    }

    /// `mvex`: how samples of fragments last, and how long all of it lasts.
    private mutating func extends(
        _ mvex: Box, of movie: inout Movie, units: inout UInt64?
    ) throws(VideoFileError) {
        try children(of: mvex.payload) { (walk, box) throws(VideoFileError) in
            switch box.type {
            case "mehd":
                let isLong = try box.head(1, of: walk.source)[0] == 1
                let bytes = try box.head(isLong ? 12 : 8, of: walk.source)
                let length = isLong ? bytes.number(at: 4) : UInt64(bytes.number(at: 4, as: UInt32.self))
                if length > 0 { units = length }
            case "trex":
                let bytes = try box.head(16, of: walk.source)
                movie.tracks[bytes.number(at: 4), default: TrackTiming()].sampleDuration = bytes.number(at: 12)
            default: break
            }
        }
    }

    private mutating func track(_ trak: Box) throws(VideoFileError) -> Track {
        var track = Track()
        try children(of: trak.payload) { (walk, box) throws(VideoFileError) in
            switch box.type {
            case "tkhd": (track.number, track.size) = try walk.trackHeader(box)
            case "mdia": try walk.media(box, into: &track)
            default: break
            }
        }
        return track
    }

    private mutating func media(_ mdia: Box, into track: inout Track) throws(VideoFileError) {
        try children(of: mdia.payload) { (walk, box) throws(VideoFileError) in
            switch box.type {
            case "mdhd": (track.scale, track.duration) = try walk.times(box)
            case "hdlr": track.kind = try Array(box.head(12, of: walk.source)[8...])
            case "minf": try walk.samples(box, into: &track)
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

    private mutating func samples(_ minf: Box, into track: inout Track) throws(VideoFileError) {
        guard let stbl = try first("stbl", in: minf) else { return }
        let tables = SampleTables(source: source)
        try children(of: stbl.payload) { (_, box) throws(VideoFileError) in
            switch box.type {
            case "stsz": (track.samples, track.sampleBytes) = try tables.sizes(box)
            case "stsd": track.codec = try tables.codec(box)
            case "stco", "co64": track.lastChunk = try tables.lastChunk(box)
            default: break
            }
        }
    }

    /// Calls back for each box in a space, which they must fill exactly.
    mutating func children(
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
    private func times(_ box: Box) throws(VideoFileError) -> (scale: UInt32, seconds: Double?) {
        let isLong = try box.head(1, of: source)[0] == 1
        let bytes = try box.head(isLong ? 32 : 20, of: source)
        let scale = bytes.number(at: isLong ? 20 : 12, as: UInt32.self)
        let units = isLong ? bytes.number(at: 24, as: UInt64.self) : UInt64(bytes.number(at: 16, as: UInt32.self))
        guard scale > 0 else { throw box.malformed }
        let isUnknown = units == 0 || units == (isLong ? UInt64.max : UInt64(UInt32.max))
        return (scale, isUnknown ? nil : Double(units) / Double(scale))
    }

    /// `tkhd` has the track's number, and at its end width and height, each 16.16 fixed point.
    private func trackHeader(
        _ box: Box
    ) throws(VideoFileError) -> (number: UInt32, size: (width: Int, height: Int)) {
        let isLong = try box.head(1, of: source)[0] == 1
        let start = isLong ? 88 : 76
        let bytes = try box.head(start + 8, of: source)
        let size = (Int(bytes.number(at: start, as: UInt16.self)), Int(bytes.number(at: start + 4, as: UInt16.self)))
        return (bytes.number(at: isLong ? 20 : 12), size)
    }
}

/// What one `trak` box says.
private struct Track {
    var number: UInt32 = 0
    var kind: [UInt8] = []
    var size = (width: 0, height: 0)
    var scale: UInt32 = 0
    var duration: Double?
    var samples: UInt64 = 0
    var sampleBytes: Int64 = 0
    var lastChunk: Int64 = 0
    var codec: String?

    var samplesPerSecond: Double? {
        guard let duration, duration > 0, samples > 0 else { return nil }
        let rate = (Double(samples) / duration * 1000).rounded() / 1000
        return (0.001...1000).contains(rate) ? rate : nil
    }
}

extension Movie {
    fileprivate mutating func add(_ track: Track) {
        sampleBytes = min(sampleBytes + track.sampleBytes, SampleTables.largestSum)
        samples = min(samples + track.samples, UInt64(SampleTables.largestSum))
        lastChunk = max(lastChunk, track.lastChunk)
        tracks[track.number, default: TrackTiming()].scale = track.scale
        if track.kind.elementsEqual("soun".utf8) {
            hasSound = true
            audioCodec = audioCodec ?? track.codec
        }
        if track.kind.elementsEqual("vide".utf8), size == nil, track.size.width > 0, track.size.height > 0 {
            size = track.size
            (videoCodec, frameRate) = (track.codec, track.samplesPerSecond)
        }
    }
}
