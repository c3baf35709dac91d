public import Foundation

/// A finished video. Its bytes are at `GET /v1/videos/{id}/content`.
public struct Video: Hashable, Sendable, Codable, Identifiable {
    public var id: VideoID
    public var jobID: JobID
    /// The model that made it, as the upstream named it.
    public var model: String
    public var contentType: String
    public var bytes: Int64
    /// SHA-256 of the bytes, in hexadecimal; also the `ETag`.
    public var sha256: String
    public var durationSeconds: Double?
    /// The size of the picture in pixels.
    public var width: Int?
    public var height: Int?
    public var hasSound: Bool?
    /// Pictures a second.
    public var frameRate: Double?
    /// `h264`, `hevc`, `av1`, …
    public var videoCodec: String?
    /// `aac`, `opus`, …; nil also where there is no sound.
    public var audioCodec: String?
    /// A still picture, at `GET /v1/videos/{id}/poster`. Comes a little after the video, or never.
    public var poster: Picture?
    /// A few seconds that move, at `GET /v1/videos/{id}/preview`; likewise.
    public var preview: Picture?
    public var createdAt: Date

    /// A picture that was made from a video. Its bytes never change.
    public struct Picture: Hashable, Sendable, Codable {
        public var contentType: String
        public var bytes: Int64
        /// SHA-256 of the bytes, in hexadecimal; also the `ETag`.
        public var sha256: String
        /// In pixels.
        public var width: Int
        public var height: Int

        public init(contentType: String, bytes: Int64, sha256: String, width: Int, height: Int) {
            self.contentType = contentType
            self.bytes = bytes
            self.sha256 = sha256
            self.width = width
            self.height = height
        }

        enum CodingKeys: String, CodingKey {
            case bytes, sha256, width, height
            case contentType = "content_type"
        }
    }

    public init(
        id: VideoID, jobID: JobID, model: String, contentType: String, bytes: Int64, sha256: String,
        durationSeconds: Double? = nil, width: Int? = nil, height: Int? = nil, hasSound: Bool? = nil,
        frameRate: Double? = nil, videoCodec: String? = nil, audioCodec: String? = nil, poster: Picture? = nil,
        preview: Picture? = nil, createdAt: Date
    ) {
        self.id = id
        self.jobID = jobID
        self.model = model
        self.contentType = contentType
        self.bytes = bytes
        self.sha256 = sha256
        self.durationSeconds = durationSeconds
        self.width = width
        self.height = height
        self.hasSound = hasSound
        self.frameRate = frameRate
        self.videoCodec = videoCodec
        self.audioCodec = audioCodec
        self.poster = poster
        self.preview = preview
        self.createdAt = createdAt
    }

    enum CodingKeys: String, CodingKey {
        case id, model, bytes, sha256, width, height, poster, preview
        case jobID = "job_id"
        case contentType = "content_type"
        case durationSeconds = "duration_seconds"
        case hasSound = "has_sound"
        case frameRate = "frame_rate"
        case videoCodec = "video_codec"
        case audioCodec = "audio_codec"
        case createdAt = "created_at"
    }
}
