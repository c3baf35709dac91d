import Foundation
import JobLifecycle
import VideoModels

/// Steps as the columns that `StepStatements.write` takes: each an array with one entry a step, then those of the ledger's
/// and the videos' rows, which are fewer.
struct StepBatch {
    private struct Column<Row>: Sendable {
        var name: String
        var type: String
        var values: @Sendable ([Row]) -> Value

        init(_ name: String, _ type: String, _ values: @escaping @Sendable ([Row]) -> Value) {
            self.name = name
            self.type = type
            self.values = values
        }
    }

    /// In the order in which everybody locks: by user, then by job.
    let rows: [StepRow]

    init(_ rows: [StepRow]) {
        self.rows = rows.sorted { $0.key < $1.key }
    }

    /// How much of what a step may write a batch needs.
    enum Extent: Sendable {
        /// Jobs and their timeline.
        case plain
        /// Attempts, the ledger and videos as well.
        case whole
    }

    /// `user_id, id, …`
    static func names(_ extent: Extent) -> String { columns(extent).map(\.name).joined(separator: ", ") }
    /// `$1::uuid[], $2::uuid[], …`
    static func parameters(_ extent: Extent) -> String {
        numbered(columns(extent), from: 1).joined(separator: ", ")
    }
    /// What an entry of the ledger holds.
    static let ledgerColumns = numbered(ledger, from: 1 + columns(.whole).count).map { "(\($0))[entry]" }
        .joined(separator: ", ")
    /// What a row of `videos` holds between its user and its sequence.
    static let videoColumns =
        numbered(videos, from: 1 + columns(.whole).count + ledger.count).enumerated()
        .map { $0 == 0 ? "(\($1))[video_place], id" : "(\($1))[video_place]" }.joined(separator: ", ")

    /// The statement that writes the steps.
    var write: (Statement, [Value]) {
        let places = places
        if rows.allSatisfy(\.isPlain) {
            return (StepStatements.writePlain, Self.columns(.plain).map { $0.values(places) })
        }
        let steps = Self.columns(.whole).map { $0.values(places) }
        let ledger = Self.ledger.map { $0.values(rows.flatMap(\.ledger)) }
        let videos = Self.videos.map { $0.values(rows.filter { $0.video != nil }) }
        return (StepStatements.write, steps + ledger + videos)
    }

    /// The statements that lock the jobs, and then the users who draw sequences.
    var locks: [(Statement, [Value])] {
        let keys: [Value] = [
            .uuids(rows) { $0.key.user }, .uuids(rows) { $0.key.job },
            .bigints(rows) { $0.step.record.token.rawValue }, .bigints(rows) { $0.step.record.revision },
        ]
        // Sorted by user already, so the same ones are neighbours.
        var users: [UUID] = []
        for row in rows where row.isOfFeed && users.last != row.key.user { users.append(row.key.user) }
        return [(StepStatements.lock, keys), (SubmitStatements.lockUsers, [.uuids(users) { $0 }])]
    }

    /// What the steps promise whose jobs were found and locked.
    func reservations(held locked: Rows) throws(PostgresError) -> [Reservation] {
        let places = try locked.map { row throws(PostgresError) in try row.int("place") }
        return places.compactMap { rows[$0 - 1].step.reservation }
    }

    /// Users, jobs and tokens, in the order in which everybody locks.
    static func keys(of held: [JobRecord]) -> [Value] {
        let held = held.map { (key: LockKey($0), token: $0.token) }.sorted { $0.key < $1.key }
        return [
            .uuids(held) { $0.key.user }, .uuids(held) { $0.key.job },
            .bigints(held) { $0.token.rawValue },
        ]
    }

    /// A step, and where its rows stand among those of the ledger and of the videos, from 1.
    private struct Placed {
        var row: StepRow
        var ledger: ClosedRange<Int>?
        var video: Int?

        var record: JobRecord { row.step.record }
        var evidence: AttemptEvidence? { row.step.evidence }
    }

    private var places: [Placed] {
        var (entries, videos) = (0, 0)
        return rows.map { row in
            let first = entries + 1
            entries += row.ledger.count
            videos += row.video == nil ? 0 : 1
            return Placed(
                row: row, ledger: row.ledger.isEmpty ? nil : first...entries,
                video: row.video == nil ? nil : videos)
        }
    }

    private static func numbered<Row>(_ columns: [Column<Row>], from first: Int) -> [String] {
        columns.enumerated().map { "$\(first + $0)::\($1.type)[]" }
    }

    private static func columns(_ extent: Extent) -> [Column<Placed>] {
        keyColumns + stateColumns + (extent == .whole ? attemptColumns + placeColumns : [])
    }

    private static let keyColumns: [Column<Placed>] = [
        Column("user_id", "uuid") { .uuids($0) { $0.row.key.user } },
        Column("id", "uuid") { .uuids($0) { $0.row.key.job } },
        Column("lease_token", "bigint") { .bigints($0) { $0.record.token.rawValue } },
        Column("revision", "bigint") { .bigints($0) { $0.record.revision } },
        Column("new_token", "bigint") { .bigints($0) { $0.row.step.token.rawValue } },
        Column("draws", "integer") { .integers($0) { $0.row.draws } },
        Column("is_kept", "boolean") { .bools($0) { $0.row.schedule == .keep } },
        Column("snooze", "double precision") {
            .doubles($0) { if case .snooze(let seconds) = $0.row.schedule { seconds } else { nil } }
        },
    ]

    private static let stateColumns: [Column<Placed>] = [
        Column("state", "text") { .texts($0) { $0.row.columns.state } },
        Column("price", "numeric") { .amounts($0) { $0.row.columns.price } },
        Column("submitting_token", "bigint") { .bigints($0) { $0.row.columns.submittingToken } },
        Column("venice_model", "text") { .texts($0) { $0.row.columns.rendering?.model } },
        Column("queue_id", "text") { .texts($0) { $0.row.columns.rendering?.queueID } },
        Column("sealed_link", "bytea") { .blobs($0) { $0.row.sealedLink } },
        Column("submitted_at", "timestamptz") { .times($0) { $0.row.columns.rendering?.submittedAt } },
        Column("usual_seconds", "double precision") {
            .doubles($0) { $0.row.columns.rendering?.usual }
        },
        Column("polls", "integer") { .integers($0) { $0.row.columns.rendering?.polls } },
        Column("video_id", "uuid") { .uuids($0) { $0.row.columns.videoID?.uuid } },
        Column("is_cleaned_up", "boolean") { .bools($0) { $0.row.columns.isCleanedUp } },
        Column("failure_code", "text") { .texts($0) { $0.row.columns.failure?.code } },
        Column("failure_message", "text") { .texts($0) { $0.row.columns.failure?.message } },
        Column("is_refunded", "boolean") { .bools($0) { $0.row.columns.failure?.refunded } },
        Column("attention_kind", "text") { .texts($0) { $0.row.columns.attentionKind?.rawValue } },
        Column("attention_evidence", "text") { .texts($0) { $0.row.columns.attentionEvidence } },
        Column("setbacks", "integer") { .integers($0) { $0.record.progress.setbacks } },
        Column("server_errors", "integer") { .integers($0) { $0.record.progress.serverErrors } },
        Column("last_setback", "text") {
            .texts($0) { $0.row.step.setback.map { String($0.prefix(500)) } }
        },
        Column("consent_request", "jsonb") { .documents($0) { $0.row.consentRequest } },
        Column("consented_at", "timestamptz") { .times($0) { $0.record.progress.consent?.at } },
        Column("failure_notes", "jsonb") { .documents($0) { $0.row.failureNotes } },
        Column("hold", "jsonb") { .documents($0) { $0.row.hold } },
        Column("outlook", "jsonb") { .documents($0) { $0.row.outlook } },
    ]

    private static let attemptColumns: [Column<Placed>] = [
        Column("outcome", "text") { .texts($0) { $0.evidence?.outcome.rawValue } },
        Column("http_status", "integer") { .integers($0) { $0.evidence?.httpStatus } },
        Column("request_id", "text") { .texts($0) { $0.evidence?.requestID } },
        Column("balance", "text") { .texts($0) { $0.evidence?.balance } },
        Column("message", "text") {
            .texts($0) { $0.evidence?.message.map { String($0.prefix(500)) } }
        },
        Column("request_sha256", "bytea") { .blobs($0) { $0.evidence?.requestHash.map { Array($0) } } },
        Column("evidence_token", "bigint") { .bigints($0) { $0.evidence?.token?.rawValue } },
    ]

    private static let placeColumns: [Column<Placed>] = [
        Column("ledger_first", "integer") { .integers($0) { $0.ledger?.lowerBound } },
        Column("ledger_last", "integer") { .integers($0) { $0.ledger?.upperBound } },
        Column("video_place", "integer") { .integers($0) { $0.video } },
    ]

    private static let ledger: [Column<(kind: String, amount: Money)>] = [
        Column("kind", "text") { .texts($0) { $0.kind } },
        Column("amount", "numeric") { .amounts($0) { $0.amount } },
    ]

    private static let videos: [Column<StepRow>] = [
        Column("id", "uuid") { .uuids($0) { $0.video?.id.uuid } },
        Column("model", "text") { .texts($0) { $0.model } },
        Column("storage_key", "text") { .texts($0) { $0.video?.key } },
        Column("content_type", "text") { .texts($0) { $0.video?.contentType } },
        Column("bytes", "bigint") { .bigints($0) { $0.video?.bytes } },
        Column("sha256", "text") { .texts($0) { $0.video?.sha256 } },
        Column("duration_seconds", "double precision") { .doubles($0) { $0.video?.durationSeconds } },
        Column("width", "integer") { .integers($0) { $0.video?.width } },
        Column("height", "integer") { .integers($0) { $0.video?.height } },
        Column("has_sound", "boolean") { .bools($0) { $0.video?.hasSound } },
        Column("frame_rate", "double precision") { .doubles($0) { $0.video?.frameRate } },
        Column("video_codec", "text") { .texts($0) { $0.video?.videoCodec } },
        Column("audio_codec", "text") { .texts($0) { $0.video?.audioCodec } },
        Column("original_sha256", "text") { .texts($0) { $0.video?.originalSHA256 } },
    ]
}

/// The order in which everybody locks jobs: by user, then by job, byte by byte as Postgres orders them.
struct LockKey: Comparable, Sendable {
    let user: UUID
    let job: UUID

    init(_ record: JobRecord) { (user, job) = (record.user.uuid, record.id.uuid) }

    static func < (left: Self, right: Self) -> Bool {
        left.user == right.user ? left.job.precedes(right.job) : left.user.precedes(right.user)
    }
}

extension UserID {
    /// One of the random ones of a UUIDv7.
    var lastByte: UInt8 { uuid.uuid.15 }
}

extension UUID {
    func precedes(_ other: UUID) -> Bool {
        withUnsafeBytes(of: uuid) { own in
            withUnsafeBytes(of: other.uuid) { own.lexicographicallyPrecedes($0) }
        }
    }
}
