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
}

/// Why a file is not a whole video. Offsets and lengths are in bytes.
public enum VideoFileError: Error, Hashable, Sendable {
    case empty
    /// It does not begin with an `ftyp` box: another format, or an error page.
    case notAVideo
    /// The file ends at `length`, before what it contains does.
    case truncated(needed: Int64, length: Int64)
    /// A part that every video has is not there; often the file was cut between two parts.
    case missing(box: String)
    /// A part contradicts itself or its surroundings.
    case malformed(box: String, offset: Int64)
    /// More parts than any real video has.
    case tooManyBoxes
    /// No track has a picture with a size.
    case noPicture
    case unreadable(ObjectStoreError)
}
