import Foundation
import JobLifecycle
import VideoModels

/// Reads one page of a user's feed. All of it from one snapshot of the database.
struct FeedReader {
    let connection: Connection
    let user: UserID
    /// The most changes, and the most bytes unless a single change has more.
    let limit: Int
    let bytes: Int
    let defaults: UserDefaultLimits

    /// Where the user's feed stands.
    private struct Position {
        var last: Int64
        var floor: Int64
        var settings: Int64
        var spending: Int64
        var epoch: UUID
    }

    /// Changes of one kind, complete as far as `end`; nil is to the end of the stretch that was asked for.
    private struct Found {
        var changes: [Change]
        var end: Int64?
    }

    func page(after cursor: FeedCursor?) throws -> FeedPage {
        let position = try position()
        if let cursor, cursor.epoch != position.epoch { throw StoreError.cursorOfOtherEpoch }
        switch cursor?.place {
        case nil: return try snapshot(upper: position.last, below: position.last + 1, position)
        case .snapshot(let upper, let below):
            try check(upper, position)
            return try snapshot(upper: upper, below: below, position)
        case .changes(let sequence):
            try check(sequence, position)
            return try increment(from: sequence, position)
        }
    }

    private func position() throws -> Position {
        let position = try connection.execute(FeedStatements.position, [.id(user)]).first { row in
            guard let epoch = UUID(uuidString: try row.text("epoch")) else {
                throw PostgresError.unexpectedRow("the epoch is malformed")
            }
            return Position(
                last: try row.int64("change_sequence"), floor: try row.int64("feed_floor"),
                settings: try row.int64("settings_sequence"), spending: try row.int64("spending_sequence"),
                epoch: epoch)
        }
        guard let position else { throw StoreError.notFound }
        return position
    }

    private func check(_ sequence: Int64, _ position: Position) throws {
        guard sequence <= position.last else { throw StoreError.cursorAhead }
        guard sequence >= position.floor else { throw StoreError.cursorExpired }
    }

    private func snapshot(upper: Int64, below: Int64, _ position: Position) throws -> FeedPage {
        let values: [Value] = [.id(user), .int(below), .int(limit + 1)]
        let found = [
            try jobs(FeedStatements.jobsBelow, values), try videos(FeedStatements.videosBelow, values),
            Found(changes: try own(position) { $0 < below }),
        ]
        let end = found.compactMap(\.end).max()
        let living = found.flatMap(\.changes).filter { $0.sequence >= end ?? 0 }.sorted { $0.sequence > $1.sequence }
        let (changes, json) = try cut(living)
        let hasMore = end != nil || changes.count < living.count
        let place = FeedCursor.Place.snapshot(upper: upper, below: changes.last?.sequence ?? 0)
        let next = FeedCursor(
            epoch: position.epoch, user: user, place: hasMore ? place : .changes(sequence: upper))
        let page = ChangePage(
            isSnapshot: true, changes: changes, cursor: next.text, hasMore: hasMore, from: 0, through: upper)
        return try FeedPage(page, next: next, changes: json)
    }

    private func increment(from: Int64, _ position: Position) throws -> FeedPage {
        // Most who ask have missed nothing, and this is known already.
        let found = try from == position.last ? [] : everything(after: from, position)
        let end = found.compactMap(\.end).min()
        let changed = found.flatMap(\.changes).filter { $0.sequence <= end ?? .max }.sorted {
            $0.sequence < $1.sequence
        }
        let (changes, json) = try cut(changed)
        let hasMore = end != nil || changes.count < changed.count
        let through = hasMore ? changes.last?.sequence ?? from : position.last
        let next = FeedCursor(epoch: position.epoch, user: user, place: .changes(sequence: through))
        let page = ChangePage(
            isSnapshot: false, changes: changes, cursor: next.text, hasMore: hasMore, from: from, through: through)
        return try FeedPage(page, next: next, changes: json)
    }

    private func everything(after from: Int64, _ position: Position) throws -> [Found] {
        let values: [Value] = [.id(user), .int(from), .int(position.last), .int(limit + 1)]
        return [
            try jobs(FeedStatements.jobsSince, values), try videos(FeedStatements.videosSince, values),
            Found(changes: try own(position) { $0 > from }),
        ]
    }

    /// As many from the front as fit into a page, at least one, each with its JSON.
    private func cut(_ changes: [Change]) throws -> ([Change], [Data]) {
        var (json, weight): ([Data], Int) = ([], 0)
        for change in changes.prefix(limit) {
            let text = try Wire.encode(change)
            weight += text.count + 1
            guard json.isEmpty || weight <= bytes else { break }
            json.append(text)
        }
        return (Array(changes.prefix(json.count)), json)
    }

    private func jobs(_ statement: Statement, _ values: [Value]) throws -> Found {
        var total: Int64 = 0
        let changes = try connection.execute(statement, values + [.int(bytes)]).map { row in
            total = try row.int64("total")
            return try job(row)
        }
        let isCut = changes.count > limit || total >= bytes
        return Found(changes: changes, end: isCut ? changes.last?.sequence : nil)
    }

    private func videos(_ statement: Statement, _ values: [Value]) throws -> Found {
        let changes = try connection.execute(statement, values).map(video)
        return Found(changes: changes, end: changes.count > limit ? changes.last?.sequence : nil)
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

    /// The user's settings and spending, of which there is one each, as far as they are wanted.
    private func own(_ position: Position, _ isWanted: (Int64) -> Bool) throws -> [Change] {
        guard isWanted(position.settings) || isWanted(position.spending) else { return [] }
        let account = try connection.execute(FeedStatements.account, [.id(user)]).first { row in
            try Account(row, user: user, defaults: defaults)
        }
        guard let account else { throw StoreError.notFound }
        return [
            Change(sequence: position.settings, object: .settings(account.settings)),
            Change(sequence: position.spending, object: .spending(account.spending)),
        ].filter { isWanted($0.sequence) }
    }
}

/// What counts for users who have nothing of their own.
struct UserDefaultLimits: Sendable {
    var activeJobs: Int
    var budget: SpendingLimits
}

/// The user's own objects as they stand now.
private struct Account {
    var settings: UserSettings
    var spending: Spending

    init(_ row: Row, user: UserID, defaults: UserDefaultLimits) throws {
        let own = SpendingLimits(
            perDay: try row.optional("budget_per_day", Row.money),
            perMonth: try row.optional("budget_per_month", Row.money))
        let budget = try row.bool("has_own_budget") ? own : defaults.budget
        let active = try row.optional("active_limit", Row.int) ?? defaults.activeJobs
        settings = UserSettings(
            id: user, name: try row.text("name"), activeJobLimit: active < Int(Int32.max) ? active : nil,
            budgetPerDay: budget.perDay, budgetPerMonth: budget.perMonth)
        spending = Spending(
            id: user,
            day: Spending.Period(
                startsOn: try row.text("day"), spent: try row.money("spent_today"), budget: budget.perDay),
            month: Spending.Period(
                startsOn: try row.text("month"), spent: try row.money("spent_this_month"), budget: budget.perMonth))
    }
}
