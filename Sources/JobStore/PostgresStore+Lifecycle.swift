public import Foundation
import JobLifecycle
public import VideoModels

/// What a phone deletes, and brings back.
public enum Deletable: Hashable, Sendable {
    case job(JobID)
    case video(VideoID)

    var id: UUID {
        switch self {
        case .job(let id): id.uuid
        case .video(let id): id.uuid
        }
    }

    var text: String {
        switch self {
        case .job(let id): id.description
        case .video(let id): id.description
        }
    }

    var kind: Change.Kind {
        switch self {
        case .job: .job
        case .video: .video
        }
    }

    var table: LifecycleStatements.Table {
        switch self {
        case .job: LifecycleStatements.jobs
        case .video: LifecycleStatements.videos
        }
    }
}

/// A deleted video whose files are to go.
public struct Removal: Hashable, Sendable {
    public var user: UserID
    public var video: VideoID
    public var key: String
}

extension PostgresStore {
    /// Deletes a job that has ended, or a video: a tombstone in the feed, and nothing else until the grace is over. Deleting
    /// what is deleted already answers as before.
    ///
    /// A job keeps its video, and a video its job: each is deleted by itself. Throws `StoreError.underWay` for a job that
    /// has not ended.
    public func delete(_ object: Deletable, user: UserID, grace: TimeInterval) async throws -> Deletion {
        let (deletion, isNew) = try await pool.transaction(Connection.begin(as: user)) { connection in
            let before = try connection.lock(object, user, grace)
            if let status = before.status, !before.isDeleted, !status.isFinal { throw StoreError.underWay(status) }
            if !before.isDeleted { _ = try connection.change(object.table.delete, [object.id], user) }
            let row = before.isDeleted ? before : try connection.lock(object, user, grace)
            let deletion = Deletion(
                sequence: row.sequence, kind: .known(object.kind), id: object.text, undeleteUntil: row.until)
            return (deletion, !before.isDeleted)
        }
        if isNew { notifier.note(users: [user]) }
        return deletion
    }

    /// Brings back what was deleted, with the next sequence; what lives is answered as it is. Throws `StoreError.graceOver`.
    public func undelete(_ object: Deletable, user: UserID, grace: TimeInterval) async throws -> Change {
        let (change, isNew) = try await pool.transaction(Connection.begin(as: user)) { connection in
            let row = try connection.lock(object, user, grace)
            if row.isDeleted {
                guard row.canReturn else { throw StoreError.graceOver }
                _ = try connection.change(object.table.restore, [object.id], user)
            }
            return (try connection.read(object, user), row.isDeleted)
        }
        if isNew { notifier.note(users: [user]) }
        return change
    }

    /// Deleted videos whose grace is over: remove their files, then say so with `finishRemovals`. What was begun and not
    /// finished comes again.
    public func beginRemovals(grace: TimeInterval, limit: Int) async throws -> [Removal] {
        try await pool.run { connection in
            try connection.execute(LifecycleStatements.beginRemovals, [.double(grace), .int(limit)]).map { row in
                Removal(user: try row.id("user_id"), video: try row.id("id"), key: try row.text("storage_key"))
            }
        }
    }

    /// The files of these are gone.
    public func finishRemovals(_ removals: [Removal]) async throws {
        let values: [Value] = [.uuids(removals) { $0.user.uuid }, .uuids(removals) { $0.video.uuid }]
        try await pool.run { _ = try $0.execute(LifecycleStatements.finishRemovals, values) }
    }
}

/// A row that a phone wants to delete or bring back.
private struct DeletableRow {
    var status: Job.Status?
    var sequence: Int64
    var isDeleted: Bool
    /// Deleted now, or then: until when it can come back, and whether it still can.
    var until: Date
    var canReturn: Bool

    init(_ row: Row) throws {
        status = try row.optionalText("state").flatMap { JobState.status(named: $0).known }
        sequence = try row.int64("change_sequence")
        isDeleted = try row.bool("is_deleted")
        until = try row.date("until")
        canReturn = try row.bool("can_return")
    }
}

extension Connection {
    fileprivate func lock(_ object: Deletable, _ user: UserID, _ grace: TimeInterval) throws -> DeletableRow {
        let values: [Value] = [.id(user), .text(object.text), .double(grace)]
        let found = try execute(object.table.lock, values).first { try DeletableRow($0) }
        guard let found else { throw StoreError.notFound }
        return found
    }

    /// Deletes or restores locked rows of a user; returns the last sequence drawn.
    func change(_ statement: Statement, _ ids: [UUID], _ user: UserID) throws -> Int64 {
        let drawn = try execute(statement, [.id(user), .uuids(ids) { $0 }]).map { try $0.int64("change_sequence") }
        guard let last = drawn.max(), drawn.count == ids.count else {
            throw PostgresError.unexpectedRow("a locked row was not changed")
        }
        return last
    }

    fileprivate func read(_ object: Deletable, _ user: UserID) throws -> Change {
        let values: [Value] = [.id(user), .text(object.text)]
        let change: Change?
        switch object {
        case .video:
            change = try execute(MediaStatements.video, values).first { row in
                Change(sequence: try row.int64("change_sequence"), object: .video(try Video(row)))
            }
        case .job:
            change = try execute(JobStatements.get, values).first { row in
                let record = try JobRecord(row, secrets: nil)
                return Change(sequence: record.changeSequence, object: .job(try record.job))
            }
        }
        guard let change else { throw StoreError.notFound }
        return change
    }
}
