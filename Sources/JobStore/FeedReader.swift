import Foundation
import JobLifecycle
import VideoModels

/// Reads one page of a user's feed: all of it from one snapshot of the database, and on one trip.
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

        init(_ row: Row) throws {
            guard let epoch = UUID(uuidString: try row.text("epoch")) else {
                throw PostgresError.unexpectedRow("the epoch is malformed")
            }
            (last, floor) = (try row.int64("change_sequence"), try row.int64("feed_floor"))
            (settings, spending) = (try row.int64("settings_sequence"), try row.int64("spending_sequence"))
            self.epoch = epoch
        }
    }

    /// What stands in the database beyond a place, as far as a page can go.
    private struct Stretch {
        /// The changes in JSON, one behind the other.
        var text = JSONText()
        /// Each change's sequence, and where it is in `text`.
        var changes: [(sequence: Int64, place: Range<Int>)] = []
        /// From here on there may be more; nil where it is all.
        var end: Int64?

        mutating func add(_ write: (inout JSONText) throws -> Int64) rethrows {
            let start = text.count
            let sequence = try write(&text)
            changes.append((sequence, start..<text.count))
        }
    }

    func page(after cursor: FeedCursor?) throws -> FeedPage {
        let isSnapshot: Bool
        let from: Int64
        switch cursor?.place {
        case nil: (isSnapshot, from) = (true, .max)
        case .snapshot(_, let below): (isSnapshot, from) = (true, below)
        case .changes(let sequence): (isSnapshot, from) = (false, sequence)
        }
        let answers = try ask(from: from, isSnapshot: isSnapshot)
        guard let position = try answers[0].first(Position.init) else { throw StoreError.notFound }
        try check(cursor, position)
        var stretch = try stretch(answers, isSnapshot: isSnapshot)
        try addOwn(answers[3], to: &stretch, position) { isSnapshot ? $0 < from : $0 > from }
        return try isSnapshot
            ? snapshot(stretch, upper: cursor?.upper ?? position.last, position)
            : increment(stretch, from: from, position)
    }

    private func ask(from: Int64, isSnapshot: Bool) throws -> [Rows] {
        let (jobs, videos) =
            isSnapshot
            ? (FeedStatements.jobsBelow, FeedStatements.videosBelow)
            : (FeedStatements.jobsSince, FeedStatements.videosSince)
        // One more than a page takes: whether there is more is to be known.
        let values: [Value] = [.id(user), .int(from), .int(limit + 1)]
        let own: (Int64, Int64) = isSnapshot ? (-1, from == .max ? .max : from - 1) : (from, .max)
        return try connection.execute(
            reading: user,
            [
                (FeedStatements.position, [.id(user)]), (jobs, values + [.int(bytes)]), (videos, values),
                (FeedStatements.account, [.id(user), .int(own.0), .int(own.1)]),
            ])
    }

    private func check(_ cursor: FeedCursor?, _ position: Position) throws {
        guard let cursor else { return }
        guard cursor.epoch == position.epoch else { throw StoreError.cursorOfOtherEpoch }
        let sequence = cursor.sequence
        guard sequence <= position.last else { throw StoreError.cursorAhead }
        guard sequence >= position.floor else { throw StoreError.cursorExpired }
    }

    private func stretch(_ answers: [Rows], isSnapshot: Bool) throws -> Stretch {
        var (stretch, total): (Stretch, Int64) = (Stretch(), 0)
        stretch.text.reserve(600 * (answers[1].count + answers[2].count))
        stretch.changes.reserveCapacity(answers[1].count + answers[2].count + 2)
        _ = try answers[1].map { row in
            total = try row.int64("total")
            try stretch.add { try $0.job(row) }
        }
        // Of one that was cut short by its bytes nothing is known beyond its last job.
        if total >= bytes { stretch.end = stretch.changes.last?.sequence }
        _ = try answers[2].map { row in try stretch.add { try $0.video(row) } }
        if stretch.end == nil, stretch.changes.count > limit {
            let sequences = stretch.changes.map(\.sequence)
            stretch.end = isSnapshot ? sequences.min() : sequences.max()
        }
        return stretch
    }

    private func snapshot(_ stretch: Stretch, upper: Int64, _ position: Position) throws -> FeedPage {
        let living = stretch.changes.filter { $0.sequence >= stretch.end ?? 0 }.sorted { $0.sequence > $1.sequence }
        let changes = cut(living)
        let hasMore = stretch.end != nil || changes.count < living.count
        let place = FeedCursor.Place.snapshot(upper: upper, below: changes.last?.sequence ?? 0)
        let next = FeedCursor(
            epoch: position.epoch, user: user, place: hasMore ? place : .changes(sequence: upper))
        return FeedPage(
            changes.lazy.map { stretch.text.bytes[$0.place] }, isSnapshot: true, next: next, hasMore: hasMore, from: 0,
            through: upper)
    }

    private func increment(_ stretch: Stretch, from: Int64, _ position: Position) throws -> FeedPage {
        let changed = stretch.changes.filter { $0.sequence <= stretch.end ?? .max }.sorted { $0.sequence < $1.sequence }
        let changes = cut(changed)
        let hasMore = stretch.end != nil || changes.count < changed.count
        let through = hasMore ? changes.last?.sequence ?? from : position.last
        let next = FeedCursor(epoch: position.epoch, user: user, place: .changes(sequence: through))
        return FeedPage(
            changes.lazy.map { stretch.text.bytes[$0.place] }, isSnapshot: false, next: next, hasMore: hasMore,
            from: from, through: through)
    }

    /// As many from the front as fit into a page, at least one.
    private func cut(_ changes: [(sequence: Int64, place: Range<Int>)]) -> ArraySlice<
        (sequence: Int64, place: Range<Int>)
    > {
        var (count, weight) = (0, 0)
        for change in changes.prefix(limit) {
            weight += change.place.count + 1
            guard count == 0 || weight <= bytes else { break }
            count += 1
        }
        return changes.prefix(count)
    }

    /// The user's settings and spending, of which there is one each, as far as they are wanted.
    private func addOwn(
        _ rows: Rows, to stretch: inout Stretch, _ position: Position, _ isWanted: (Int64) -> Bool
    ) throws {
        let account = try rows.first { row in try Account(row, user: user, defaults: defaults) }
        guard let account else { return }
        let own = [
            Change(sequence: position.settings, object: .settings(account.settings)),
            Change(sequence: position.spending, object: .spending(account.spending)),
        ]
        for change in own where isWanted(change.sequence) {
            try stretch.add { text in
                text.raw(try Wire.encode(change))
                return change.sequence
            }
        }
    }
}

extension FeedCursor {
    /// The end of the stretch that is known, or is being told.
    fileprivate var sequence: Int64 {
        switch place {
        case .snapshot(let upper, _): upper
        case .changes(let sequence): sequence
        }
    }

    /// Of a snapshot that has begun.
    fileprivate var upper: Int64? { if case .snapshot(let upper, _) = place { upper } else { nil } }
}

/// What counts for users who have nothing of their own.
struct UserDefaultLimits: Sendable {
    var activeJobs: Int
    var budget: SpendingLimits
    var keeping: KeepingRule
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
        let keeping = try KeepingRule(own: row) ?? defaults.keeping
        let active = try row.optional("active_limit", Row.int) ?? defaults.activeJobs
        settings = UserSettings(
            id: user, name: try row.text("name"), activeJobLimit: active < Int(Int32.max) ? active : nil,
            budgetPerDay: budget.perDay, budgetPerMonth: budget.perMonth,
            keeping: keeping == KeepingRule() ? nil : keeping)
        spending = Spending(
            id: user,
            day: Spending.Period(
                startsOn: try row.text("day"), spent: try row.money("spent_today"), budget: budget.perDay),
            month: Spending.Period(
                startsOn: try row.text("month"), spent: try row.money("spent_this_month"), budget: budget.perMonth))
    }
}
