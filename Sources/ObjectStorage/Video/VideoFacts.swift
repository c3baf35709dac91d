/// What an MP4 or MOV file says of itself.
public struct VideoFacts: Hashable, Sendable {
    /// Nil where the file does not say: some fragmented files leave it open.
    public let durationSeconds: Double?
    /// The size to show the picture at, before any rotation.
    public let width: Int
    public let height: Int
    public let hasSound: Bool
    /// The major brand of the `ftyp` box, such as `isom`.
    public let brand: String
    /// Whether the file itself shows that nothing is missing at its end.
    ///
    /// False only for a fragmented file without an index and without its length in time: it could have been cut between
    /// two fragments, and only the way it came here can tell.
    public let isEndProven: Bool
    /// Pictures a second on average; nil where the index does not list the samples.
    public var frameRate: Double?
    /// As ffmpeg calls it: `h264`, `hevc`, `aac`. Nil where the file does not say.
    public var videoCodec: String?
    public var audioCodec: String?
}

/// Why a file is not a whole video. Offsets and lengths are in bytes.
public enum VideoFileError: Error, Hashable, Sendable {
    case empty
    /// It does not begin with an `ftyp` box: another format, or an error page.
    case notAVideo
    /// The file ends at `length`, before what it contains does.
    case truncated(needed: Int64, length: Int64)
    /// The fragments end after `seconds` of the length that the file announces: it was cut between two of them.
    case shortened(seconds: Double, of: Double)
    /// A part that every video has is not there; often the file was cut between two parts.
    case missing(box: String)
    /// A part contradicts itself or its surroundings.
    case malformed(box: String, offset: Int64)
    /// More parts than any real video has.
    case tooManyBoxes
    /// No track has a picture with a size.
    case noPicture
    /// All the parts are there, and there is nothing in them: a stand-in for a video.
    case noSamples
    /// Neither the file nor the way it came tells whether this is its end.
    case endUnknown
    case unreadable(ObjectStoreError)
}
