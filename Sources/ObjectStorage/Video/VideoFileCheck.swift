/// Tells whether a file is one whole MP4 or MOV video, and what it says of itself.
///
/// It walks the boxes at the top level, which must fill the file exactly, and reads small ones below `moov` and `moof`.
/// Whatever the file claims, at most 64 KiB are in memory at a time, depth is fixed, and the number of boxes is bounded.
///
/// What it cannot see: damage inside the picture data, and, where `isEndProven` is false, a cut between two fragments.
public enum VideoFileCheck {
    /// Real files have some dozens; a fragmented one about a dozen for each fragment.
    static let maximumBoxes = 100_000
    /// Smaller files are looked at more closely (PROTOCOL §5): what calls itself a video may be a stand-in for one.
    static let smallFile: Int64 = 100_000

    package static func facts(of source: ByteSource) throws(VideoFileError) -> VideoFacts {
        guard source.length > 0 else { throw .empty }
        var walk = BoxWalk(source: source)
        let brand = try walk.brand()
        let top = try walk.topLevel()
        guard let moov = top.movie else { throw .missing(box: "moov") }
        guard let mediaBytes = top.mediaBytes else { throw .missing(box: "mdat") }
        var movie = try walk.movie(moov)
        try checkSamples(of: movie, mediaBytes: mediaBytes, top, source)
        guard let (width, height) = movie.size else { throw .noPicture }
        var isEndProven = true
        if movie.isFragmented || !top.fragments.isEmpty {
            isEndProven = try walk.readFragments(of: &movie, top)
        }
        if source.length < smallFile, movie.samples == 0 { throw .noSamples }
        return VideoFacts(
            durationSeconds: movie.duration, width: width, height: height, hasSound: movie.hasSound, brand: brand,
            isEndProven: isEndProven, frameRate: movie.frameRate, videoCodec: movie.videoCodec,
            audioCodec: movie.audioCodec)
    }

    /// The samples that the tracks list must lie in the file.
    ///
    /// Their sizes are added up only where a cut cannot show otherwise: an open-ended box, or a file that is suspiciously
    /// small. Elsewhere every box is whole by now, and two tracks may share bytes.
    private static func checkSamples(
        of movie: Movie, mediaBytes: Int64, _ top: TopLevel, _ source: ByteSource
    ) throws(VideoFileError) {
        if top.endsOpen || source.length < smallFile, movie.sampleBytes > mediaBytes {
            throw .truncated(needed: source.length + (movie.sampleBytes - mediaBytes), length: source.length)
        }
        if movie.lastChunk >= source.length { throw .truncated(needed: movie.lastChunk, length: source.length) }
    }
}

/// What the top level of a file holds.
struct TopLevel {
    var movie: Box?
    var mediaBytes: Int64?
    var endsOpen = false
    var fragments: [Box] = []
    /// Indexes of segments, in order, and whether each stands before the first fragment.
    var indexes: [(box: Box, isInFront: Bool)] = []
    /// Whether the last box is the index of fragments, which is written when all of them are.
    var endsWithFragmentIndex = false
}

/// What the `moov` box says, and later the fragments.
struct Movie {
    var duration: Double?
    var size: (width: Int, height: Int)?
    var hasSound = false
    var frameRate: Double?
    var videoCodec: String?
    var audioCodec: String?
    /// The sum of all samples' sizes, as far as it is told.
    var sampleBytes: Int64 = 0
    var samples: UInt64 = 0
    /// Where the last chunk of samples begins.
    var lastChunk: Int64 = 0
    /// Whether it announces fragments.
    var isFragmented = false
    /// The whole length in seconds, fragments included, where it is announced.
    var fragmentedDuration: Double?
    /// By track: units a second, and how many of them a sample lasts unless it says otherwise.
    var tracks: [UInt32: TrackTiming] = [:]
}

struct TrackTiming {
    var scale: UInt32 = 0
    var sampleDuration: UInt32 = 0
}
