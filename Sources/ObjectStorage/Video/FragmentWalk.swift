/// Fragments: how far in time they go, and whether they are all there.
extension BoxWalk {
    /// A file that is cut between two fragments lacks at least this much; what is written as rounded differs by less.
    private static let shortestLoss = 0.1

    /// Adds what the fragments say to the movie. True when the file shows that the last of them is here.
    mutating func readFragments(of movie: inout Movie, _ top: TopLevel) throws(VideoFileError) -> Bool {
        var reached: Double = 0
        for fragment in top.fragments { reached = max(reached, try end(of: fragment, of: &movie)) }
        let isIndexed = try checkIndexes(top)
        if let whole = movie.fragmentedDuration, reached + Self.shortestLoss < whole {
            throw .shortened(seconds: reached, of: whole)
        }
        let isTimed = movie.fragmentedDuration != nil && reached > 0
        // The header's own duration is that of the part without fragments.
        if reached > 0 { movie.duration = max(movie.fragmentedDuration ?? 0, reached) }
        return isIndexed || isTimed || top.endsWithFragmentIndex
    }

    /// `sidx` names the sizes of the segments behind it, so their end is known. One in front that knows several knows them
    /// all; one with a single reference may be the first of many, each before its own segment.
    private func checkIndexes(_ top: TopLevel) throws(VideoFileError) -> Bool {
        var isProof = false
        for (box, isInFront) in top.indexes {
            let isLong = try box.head(1, of: source)[0] > 0
            let head = try box.head(isLong ? 32 : 24, of: source)
            let first =
                isLong
                ? Int64(clamping: head.number(at: 20, as: UInt64.self)) : Int64(head.number(at: 16, as: UInt32.self))
            let count = head.number(at: head.count - 2, as: UInt16.self)
            var needed = min(first, SampleTables.largestSum) + box.payload.upperBound
            try SampleTables(source: source).entries(
                of: box, after: Int64(head.count), count: Int64(count), size: 12
            ) { needed += Int64($0.number(at: $1, as: UInt32.self) & 0x7fff_ffff) }
            guard needed <= source.length else { throw .truncated(needed: needed, length: source.length) }
            isProof = isProof || (isInFront && count > 1)
        }
        return isProof
    }

    /// The second at which the longest track of a fragment ends.
    private mutating func end(of moof: Box, of movie: inout Movie) throws(VideoFileError) -> Double {
        var latest: Double = 0
        let tracks = movie.tracks
        var samples: UInt64 = 0
        try children(of: moof.payload) { (walk, box) throws(VideoFileError) in
            guard box.type == "traf" else { return }
            let run = try walk.run(box, tracks)
            samples += run.samples
            latest = max(latest, run.end)
        }
        movie.samples = min(movie.samples + samples, UInt64(SampleTables.largestSum))
        return latest
    }

    /// `traf`: the samples of one track in one fragment.
    private mutating func run(
        _ traf: Box, _ tracks: [UInt32: TrackTiming]
    ) throws(VideoFileError) -> (samples: UInt64, end: Double) {
        var (track, each) = (TrackTiming(), UInt32(0))
        var (start, units, samples) = (Double(0), Double(0), UInt64(0))
        try children(of: traf.payload) { (walk, box) throws(VideoFileError) in
            switch box.type {
            case "tfhd":
                let head = try box.head(8, of: walk.source)
                track = tracks[head.number(at: 4)] ?? TrackTiming()
                each = try walk.sampleDuration(box, flags: head.flags) ?? track.sampleDuration
            case "tfdt":
                let isLong = try box.head(1, of: walk.source)[0] == 1
                let bytes = try box.head(isLong ? 12 : 8, of: walk.source)
                start =
                    isLong ? Double(bytes.number(at: 4, as: UInt64.self)) : Double(bytes.number(at: 4, as: UInt32.self))
            case "trun":
                let (count, length) = try walk.length(of: box, each: each)
                (samples, units) = (samples + count, units + length)
            default: break
            }
        }
        return (samples, track.scale > 0 ? (start + units) / Double(track.scale) : 0)
    }

    /// `tfhd` has fields only as its flags say; the duration comes after two that may be there.
    private func sampleDuration(_ box: Box, flags: UInt32) throws(VideoFileError) -> UInt32? {
        guard flags & 0x8 != 0 else { return nil }
        let offset = 8 + (flags & 0x1 != 0 ? 8 : 0) + (flags & 0x2 != 0 ? 4 : 0)
        return try box.head(offset + 4, of: source).number(at: offset)
    }

    /// `trun`: how many samples, and how long they last together.
    private func length(of box: Box, each: UInt32) throws(VideoFileError) -> (samples: UInt64, units: Double) {
        let head = try box.head(8, of: source)
        let (flags, count) = (head.flags, head.number(at: 4, as: UInt32.self))
        let after: Int64 = 8 + (flags & 0x1 != 0 ? 4 : 0) + (flags & 0x4 != 0 ? 4 : 0)
        let size = Int64(4 * (flags & 0xf00).nonzeroBitCount)
        guard box.count >= after + size * Int64(count) else { throw box.malformed }
        guard flags & 0x100 != 0 else { return (UInt64(count), Double(count) * Double(each)) }
        var units: Double = 0
        try SampleTables(source: source).entries(of: box, after: after, count: Int64(count), size: size) {
            units += Double($0.number(at: $1, as: UInt32.self))
        }
        return (UInt64(count), units)
    }
}

extension [UInt8] {
    /// The lower three bytes of the first four.
    fileprivate var flags: UInt32 { number(at: 0, as: UInt32.self) & 0xff_ffff }
}
