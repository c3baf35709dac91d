import VideoModels

// The feed's objects, written from their rows without being made into values: a phone that starts over gets a hundred
// thousand of them. Byte for byte what `Wire` writes of the values.

extension JSONText {
    /// What all changes have: `{"…","id":…,"…":{…},"kind":…,"sequence":…}`, where the object stands in the order of names.
    mutating func tombstone(_ kind: StaticString, _ id: Identifier<some Any>, sequence: Int64) {
        raw("{\"deleted\":true")
        field("id", id)
        key("kind")
        raw(kind)
        field("sequence", sequence)
        raw("}")
    }

    /// A row that begins with `JobColumn.list`, as a change; returns its sequence.
    mutating func job(_ row: Row) throws -> Int64 {
        let sequence = try row.job(.changeSequence, Row.int64)
        let id: JobID = try row.job(.id, Row.id)
        guard try row.job(.deletedAt, Row.isNull) else {
            tombstone("\"job\"", id, sequence: sequence)
            return sequence
        }
        raw("{")
        field("id", id)
        key("job")
        if let job = try Job(ended: row) {
            try write(job, request: try StoredRequest(json: try row.job(.request, Row.data)).wire())
        } else {
            let record = try JobRecord(row, secrets: nil)
            try write(try record.view(showing: JobRecord.noRequest), request: try record.requestJSON)
        }
        key("kind")
        raw("\"job\"")
        field("sequence", sequence)
        raw("}")
        return sequence
    }

    /// The job with this request in place of its own.
    private mutating func write(_ job: Job, request: [UInt8]) throws {
        raw("{")
        try field("attention", encoding: job.attention)
        field("created_at", job.createdAt)
        try field("estimate", encoding: job.estimate)
        try field("failure", encoding: job.failure)
        try field("hold", encoding: job.hold)
        field("id", job.id)
        field("price", job.price?.text)
        field("priority", job.priority?.word)
        key("request")
        raw(request)
        field("status", job.status.word)
        field("updated_at", job.updatedAt)
        field("video_id", job.videoID)
        raw("}")
    }

    /// A row of `VideoColumn.list`, as a change; returns its sequence.
    mutating func video(_ row: Row) throws -> Int64 {
        let sequence = try row.int64(.video(.changeSequence))
        let id: VideoID = try row.id(.video(.id))
        guard try !row.bool(.video(.isDeleted)) else {
            tombstone("\"video\"", id, sequence: sequence)
            return sequence
        }
        raw("{")
        field("id", id)
        key("kind")
        raw("\"video\"")
        field("sequence", sequence)
        key("video")
        try write(row, id)
        raw("}")
        return sequence
    }

    private mutating func write(_ row: Row, _ id: VideoID) throws {
        raw("{")
        field("audio_codec", try row.optionalText(.video(.audioCodec)))
        field("bytes", try row.int64(.video(.bytes)))
        field("content_type", try row.text(.video(.contentType)))
        field("created_at", try row.date(.video(.createdAt)))
        field("duration_seconds", try row.optional(.video(.durationSeconds), Row.double))
        field("frame_rate", try row.optional(.video(.frameRate), Row.double))
        field("has_sound", try row.optional(.video(.hasSound), Row.bool))
        field("height", try row.optional(.video(.height), Row.int64))
        field("id", id)
        field("job_id", try row.id(.video(.jobId)) as JobID)
        field("model", try row.text(.video(.model)))
        try pictures(row)
        field("sha256", try row.text(.video(.sha256)))
        field("video_codec", try row.optionalText(.video(.videoCodec)))
        field("width", try row.optional(.video(.width), Row.int64))
        raw("}")
    }

    /// `poster` and `preview` stand next to each other in the order of names, as they do in the column.
    private mutating func pictures(_ row: Row) throws {
        guard let json = try row.optional(.video(.pictures), Row.data) else { return }
        guard let both = CompactJSON.rewrite(json) else {
            throw PostgresError.unexpectedRow("pictures are malformed")
        }
        raw(",")
        raw(both.dropFirst().dropLast())
    }
}

extension Job {
    /// The row of a job that is ready or cancelled, as nearly all are, without its request; nil for any other.
    fileprivate init?(ended row: Row) throws {
        let state = try row.job(.state, Row.text)
        guard state == "ready" || state == "cancelled", try row.job(.hold, Row.isNull) else { return nil }
        let video: VideoID? = try row.jobOptional(.videoId, Row.id)
        guard (state == "ready") == (video != nil) else { return nil }
        self.init(
            id: try row.job(.id, Row.id), status: .known(state == "ready" ? .ready : .cancelled),
            request: JobRecord.noRequest, price: try row.jobOptional(.price, Row.money),
            createdAt: try row.job(.createdAt, Row.date), updatedAt: try row.job(.updatedAt, Row.date), videoID: video,
            priority: .known(Job.Priority(rank: try row.job(.priority, Row.int))))
    }
}

/// The columns that the feed reads of a video, in the order in which its statements list them.
enum VideoColumn: Int32, CaseIterable {
    case id, jobId, model, contentType, bytes, sha256, durationSeconds, width, height, hasSound, frameRate, videoCodec
    case audioCodec, createdAt, changeSequence, isDeleted, pictures

    /// `videos.id, videos.job_id, …`
    static let list = allCases.map(\.expression).joined(separator: ", ")

    private var name: String { "\(self)".replacing(/[A-Z]/) { "_\($0.output.lowercased())" } }

    private var expression: String {
        switch self {
        case .isDeleted: "videos.deleted_at is not null as is_deleted"
        case .pictures: "\(MediaStatements.pictures) as pictures"
        default: "videos.\(name)"
        }
    }
}

extension Field {
    fileprivate static func video(_ column: VideoColumn) -> Field { Field(place: column.rawValue) }
}
