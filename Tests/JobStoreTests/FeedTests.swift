import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct FeedTests {
    private func cursor(_ page: ChangePage, _ user: UserID = .sample()) throws -> FeedCursor {
        try FeedCursor(page.cursor, user: user)
    }

    /// Touches a job, so that it gets the user's next sequence.
    private func touch(_ number: UInt64, _ database: TestDatabase) async throws {
        try await database.sql(
            "with drawn as (update users set change_sequence = change_sequence + 1 returning change_sequence) "
                + "update jobs set change_sequence = drawn.change_sequence from drawn where id = '\(JobID.sample(number))'"
        )
    }

    private func forget(_ number: UInt64, _ database: TestDatabase) async throws {
        try await touch(number, database)
        try await database.sql("update jobs set deleted_at = now() where id = '\(JobID.sample(number))'")
    }

    @Test func `a snapshot comes newest first, in pages with one upper bound`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            for number in UInt64(1)...5 { try await database.submit(number) }
            let first = try await database.store.changes(after: nil, user: user, limit: 2)
            #expect(first.isSnapshot && first.hasMore)
            #expect(first.changes.map(\.sequence) == [7, 6])
            #expect(first.from == 0 && first.through == 7)
            // What changes meanwhile is told after the snapshot, which stays the one that was begun.
            try await touch(1, database)
            try await forget(5, database)
            try await database.submit(6)
            let second = try await database.store.changes(after: try cursor(first), user: user, limit: 4)
            #expect(second.changes.map(\.sequence) == [5, 4, 2, 1])
            #expect(second.changes.map(\.key.kind.word) == ["job", "job", "spending", "settings"])
            #expect(second.isSnapshot && !second.hasMore)
            #expect(second.through == 7)
            let rest = try await database.store.changes(after: try cursor(second), user: user, limit: 10)
            #expect(!rest.isSnapshot)
            #expect(rest.changes.map(\.sequence) == [8, 9, 10])
            #expect(rest.changes[1].object == .deleted(kind: .known(.job), id: "\(JobID.sample(5))"))
            #expect(rest.from == 7 && rest.through == 10)
        }
    }

    @Test func `increments are compacted to one entry an object, and go on where a page ends`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            for number in UInt64(1)...3 { try await database.submit(number) }
            var place = try cursor(try await database.store.changes(after: nil, user: user, limit: 10))
            for number in [1, 2, 1, 3, 1] as [UInt64] { try await touch(number, database) }
            let first = try await database.store.changes(after: place, user: user, limit: 2)
            #expect(first.changes.map(\.sequence) == [7, 9])
            #expect(first.hasMore && first.through == 9)
            place = try cursor(first)
            let second = try await database.store.changes(after: place, user: user, limit: 2)
            #expect(second.changes.map(\.sequence) == [10])
            #expect(!second.hasMore && second.from == 9 && second.through == 10)
            let none = try await database.store.changes(after: try cursor(second), user: user, limit: 2)
            #expect(none.changes == [] && none.from == 10 && none.through == 10)
        }
    }

    @Test func `jobs and videos come in one order`() async throws {
        try await TestDatabase.with { database in
            let ready = try await database.readyJob()
            let page = try await database.store.changes(after: nil, user: ready.user, limit: 10)
            #expect(page.changes.map(\.key.kind.word) == ["job", "video", "spending", "settings"])
            #expect(page.changes[0].sequence == page.changes[1].sequence + 1)
            let one = try await database.store.changes(after: nil, user: ready.user, limit: 1)
            #expect(one.hasMore)
            let next = try await database.store.changes(after: try cursor(one), user: ready.user, limit: 1)
            #expect(next.changes.map(\.key.kind.word) == ["video"])
        }
    }

    @Test func `no user sees another's objects`() async throws {
        try await TestDatabase.with { database in
            let (one, two) = (try await database.addUser(1), try await database.addUser(2))
            try await database.submit(1, user: one)
            try await database.submit(2, user: two)
            let page = try await database.store.changes(after: nil, user: one, limit: 10)
            #expect(page.changes.map(\.key.id) == ["\(JobID.sample(1))", "\(one)", "\(one)"])
            await #expect(throws: StoreError.notFound) {
                try await database.store.changes(after: nil, user: .sample(9), limit: 10)
            }
        }
    }

    @Test func `cursors of another history, of the future and of a pruned past are told apart`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            for number in UInt64(1)...3 { try await database.submit(number) }
            let now = try cursor(try await database.store.changes(after: nil, user: user, limit: 10))
            func expect(_ error: StoreError, _ place: FeedCursor.Place, epoch: UUID? = nil) async {
                let cursor = FeedCursor(epoch: epoch ?? now.epoch, user: user, place: place)
                await #expect(throws: error) {
                    try await database.store.changes(after: cursor, user: user, limit: 10)
                }
            }
            await expect(.cursorAhead, .changes(sequence: 6))
            await expect(.cursorAhead, .snapshot(upper: 6, below: 2))
            await expect(.cursorOfOtherEpoch, .changes(sequence: 5), epoch: UUID())
            await expect(.cursorOfOtherEpoch, .changes(sequence: 99), epoch: UUID())
            await expect(.cursorOfOtherEpoch, .snapshot(upper: 5, below: 2), epoch: UUID())
            try await database.sql("update users set feed_floor = 4")
            await expect(.cursorExpired, .changes(sequence: 3))
            await expect(.cursorExpired, .snapshot(upper: 3, below: 2))
            _ = try await database.store.changes(
                after: FeedCursor(epoch: now.epoch, user: user, place: .changes(sequence: 4)), user: user, limit: 10)
            let change = try await database.store.newEpoch()
            #expect(change.former == now.epoch.uuidString.lowercased() && change.epoch != change.former)
            await expect(.cursorOfOtherEpoch, .changes(sequence: 5))
            #expect(try await database.sql("select epoch from database_epoch") == change.epoch)
        }
    }

    @Test func `a page of nothing is a page of one`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            for number in UInt64(1)...2 { try await database.submit(number) }
            let page = try await database.store.changes(after: nil, user: user, limit: 0)
            #expect(page.changes.count == 1 && page.hasMore)
        }
    }
}

extension TestDatabase {
    /// A job that has come home, with its video.
    func readyJob() async throws -> JobRecord {
        var record = try await claimedJob()
        for event in [JobEvent.priced(.sample), .submissionIntended(by: record.token), .submissionAccepted(.sample)] {
            record = try await store.advance(record, by: event)
        }
        try await makeAllDue()
        record = try await claimOne()
        for event in [JobEvent.videoAnnounced(link: nil), .videoStored(.sample)] {
            record = try await store.advance(record, by: event)
        }
        return record
    }
}

@Suite struct FeedCursorTests {
    private let epoch = UUID()

    @Test(arguments: [FeedCursor.Place.changes(sequence: 0), .changes(sequence: .max), .snapshot(upper: 9, below: 3)])
    func `a cursor survives text`(place: FeedCursor.Place) throws {
        let cursor = FeedCursor(epoch: epoch, user: .sample(), place: place)
        #expect(try FeedCursor(cursor.text, user: .sample()) == cursor)
    }

    @Test func `another user's cursor is foreign`() {
        let cursor = FeedCursor(epoch: epoch, user: .sample(1), place: .changes(sequence: 3))
        #expect(throws: FeedCursor.Invalid.foreign) { try FeedCursor(cursor.text, user: .sample(2)) }
    }

    @Test(arguments: [
        "", "1", "c3x", "s", "c", "c-1", "c+1", "c 1", "c1.5", "s1", "s1-", "s-1", "s1-2-3", "x1",
        "c99999999999999999999",
        "c٣", "c1\0", "s1-2",
    ])
    func `a damaged cursor is malformed`(place: String) {
        let good = FeedCursor(epoch: epoch, user: .sample(), place: .changes(sequence: 3)).text
        for text in [
            place, good.dropLast(2) + place, "2" + good.dropFirst(), good + String(repeating: "0", count: 200),
        ] {
            #expect(throws: FeedCursor.Invalid.malformed) { try FeedCursor(String(text), user: .sample()) }
        }
    }
}
