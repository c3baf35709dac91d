import Foundation

/// Tells whether a file is one whole MP4 or MOV video, and what it says of itself.
///
/// It walks the boxes at the top level, which must fill the file exactly, and reads a few small ones below `moov`. Whatever
/// the file claims, at most 64 KiB are in memory at a time, depth is fixed, and the number of boxes is bounded.
///
/// What it cannot see: damage inside the picture data, and a fragmented file that was cut exactly between two fragments.
public enum VideoFileCheck {
    /// Real files have some dozens; a fragmented one has two for each fragment.
    static let maximumBoxes = 20_000

    /// Checks a file, off the cooperative pool.
    public static func facts(ofFileAt path: String) async throws(VideoFileError) -> VideoFacts {
        try await BlockingIO.run { () throws(VideoFileError) in
            let source: ByteSource
            do throws(ObjectStoreError) {
                source = try ByteSource(file: File.open(path, LocalObjectStore.readFlags), path: path)
            } catch {
                throw .unreadable(error)
            }
            return try facts(of: source)
        }
    }

    static func facts(of source: ByteSource) throws(VideoFileError) -> VideoFacts {
        guard source.length > 0 else { throw .empty }
        var walk = BoxWalk(source: source)
        let brand = try walk.brand()
        let top = try walk.topLevel()
        guard let moov = top.movie else { throw .missing(box: "moov") }
        guard top.mediaBytes != nil else { throw .missing(box: "mdat") }
        let movie = try walk.movie(moov)
        // Only an open-ended box can have lost its end unnoticed; then what the tracks say they have must be there.
        if top.endsOpen, let there = top.mediaBytes, movie.sampleBytes > there {
            throw .truncated(needed: source.length + (movie.sampleBytes - there), length: source.length)
        }
        guard let (width, height) = movie.size else { throw .noPicture }
        return VideoFacts(
            durationSeconds: movie.duration, width: width, height: height, hasSound: movie.hasSound, brand: brand)
    }
}

/// What the top level of a file holds.
struct TopLevel {
    var movie: Box?
    var mediaBytes: Int64?
    var endsOpen = false
}

/// What the `moov` box says.
struct Movie {
    var duration: Double?
    var size: (width: Int, height: Int)?
    var hasSound = false
    /// The sum of all samples' sizes, as far as it is told.
    var sampleBytes: Int64 = 0
}
