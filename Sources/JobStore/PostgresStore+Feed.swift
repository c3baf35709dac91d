import Foundation
public import VideoModels

extension PostgresStore {
    /// A page of the user's feed: a snapshot without a cursor, otherwise what changed since.
    ///
    /// All of a page is read from one snapshot of the database. Throws `StoreError.cursorExpired`.
    public func changes(after cursor: FeedCursor?, user: UserID, limit: Int) async throws -> ChangePage {
        return try await pool.transaction("begin isolation level repeatable read read only") { connection in
            // A page of nothing could not say where it ends.
            let reader = FeedReader(connection: connection, user: user, limit: max(1, limit))
            return try reader.page(after: cursor)
        }
    }
}

private struct FeedReader {
    let connection: Connection
    let user: UserID
    let limit: Int

    func page(after cursor: FeedCursor?) throws -> ChangePage {
        let rows = try connection.execute(FeedStatements.position, [.id(user)])
        let position = try rows.first { row in
            (
                last: try row.int64("change_sequence"), floor: try row.int64("feed_floor"),
                epoch: UUID(uuidString: try row.text("epoch"))
            )
        }
        guard let position, let epoch = position.epoch else { throw StoreError.notFound }
        if let cursor, cursor.epoch != epoch { throw StoreError.cursorExpired }
        // A place that this history has not reached comes from one that was lost.
        switch cursor?.place {
        case nil: return try snapshot(upper: position.last, below: position.last + 1, epoch)
        case .snapshot(let upper, let below):
            guard upper <= position.last else { throw StoreError.cursorExpired }
            return try snapshot(upper: upper, below: below, epoch)
        case .changes(let sequence):
            guard sequence >= position.floor, sequence <= position.last else { throw StoreError.cursorExpired }
            return try increment(from: sequence, to: position.last, epoch)
        }
    }

    private func snapshot(upper: Int64, below: Int64, _ epoch: UUID) throws -> ChangePage {
        let values: [Value] = [.id(user), .int(below), .int(limit + 1)]
        let found =
            try connection.execute(FeedStatements.jobsBelow, values).map(job)
            + connection.execute(FeedStatements.videosBelow, values).map(video)
        let changes = Array(found.sorted { $0.sequence > $1.sequence }.prefix(limit))
        let hasMore = found.count > limit
        let place: FeedCursor.Place =
            hasMore ? .snapshot(upper: upper, below: changes.last?.sequence ?? 0) : .changes(sequence: upper)
        return ChangePage(
            isSnapshot: true, changes: changes, cursor: FeedCursor(epoch: epoch, user: user, place: place).text,
            hasMore: hasMore, from: 0, through: upper)
    }

    private func increment(from: Int64, to last: Int64, _ epoch: UUID) throws -> ChangePage {
        let values: [Value] = [.id(user), .int(from), .int(last), .int(limit + 1)]
        let found =
            try connection.execute(FeedStatements.jobsSince, values).map(job)
            + connection.execute(FeedStatements.videosSince, values).map(video)
        let changes = Array(found.sorted { $0.sequence < $1.sequence }.prefix(limit))
        let hasMore = found.count > limit
        let through = hasMore ? changes.last?.sequence ?? from : last
        let cursor = FeedCursor(epoch: epoch, user: user, place: .changes(sequence: through))
        return ChangePage(
            isSnapshot: false, changes: changes, cursor: cursor.text, hasMore: hasMore, from: from, through: through)
    }

    private func job(_ row: Row) throws -> Change {
        let record = try JobRecord(row, secrets: nil)
        let gone = Change.Object.deleted(kind: .known(.job), id: record.id.description)
        return Change(sequence: record.changeSequence, object: record.isDeleted ? gone : .job(try record.job))
    }

    private func video(_ row: Row) throws -> Change {
        let video = try Video(row)
        let gone = Change.Object.deleted(kind: .known(.video), id: video.id.description)
        let isDeleted = try row.optionalText("deleted_at") != nil
        return Change(sequence: try row.int64("change_sequence"), object: isDeleted ? gone : .video(video))
    }
}
