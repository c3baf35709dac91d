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
    public var createdAt: Date

    public init(
        id: VideoID, jobID: JobID, model: String, contentType: String, bytes: Int64, sha256: String,
        durationSeconds: Double? = nil, width: Int? = nil, height: Int? = nil, hasSound: Bool? = nil, createdAt: Date
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
        self.createdAt = createdAt
    }

    enum CodingKeys: String, CodingKey {
        case id, model, bytes, sha256, width, height
        case jobID = "job_id"
        case contentType = "content_type"
        case durationSeconds = "duration_seconds"
        case hasSound = "has_sound"
        case createdAt = "created_at"
    }
}
