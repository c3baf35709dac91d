import Foundation
import JobStore
import NIOCore
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// What is answered from memory is never older than what was heard of.
@Suite(.timeLimit(.minutes(10))) struct FeedMarksTests {
    /// The end of a user's feed, as it is read.
    private func page(_ database: TestDatabase, _ user: UserID) async throws -> FeedPage {
        let first = try await database.store.feedPage(after: nil, user: user, limit: 100)
        return try await database.store.feedPage(after: first.next, user: user, limit: 100)
    }

    private func user(_ number: UInt64, _ database: TestDatabase) async throws -> UserID {
        try await database.store.addUser(named: "user \(number)", id: .sample(number)).id
    }

    @Test func `what was read is the answer, in the same words`() async throws {
        try await TestDatabase.with { database in
            let (one, other) = (try await user(1, database), try await user(2, database))
            let marks = FeedMarks()
            marks.listen { true }
            let page = try await page(database, one)
            marks.keep(page, of: one, marks.ticket(for: one))
            let answer = try #require(marks.answer(for: one))
            #expect(Data(answer.json.readableBytesView) == page.json)
            #expect(answer.cursor == page.next.text && answer.sequence == page.through)
            #expect(marks.answer(for: other) == nil)
        }
    }

    @Test func `the end of a page with news is known as well, and the middle of a feed is not`() async throws {
        try await TestDatabase.with { database in
            let one = try await user(1, database)
            let marks = FeedMarks()
            marks.listen { true }
            let snapshot = try await database.store.feedPage(after: nil, user: one, limit: 100)
            marks.keep(snapshot, of: one, marks.ticket(for: one))
            #expect(marks.answer(for: one) == nil)
            let start = FeedCursor(epoch: snapshot.next.epoch, user: one, place: .changes(sequence: 0))
            let cut = try await database.store.feedPage(after: start, user: one, limit: 1)
            #expect(cut.hasMore)
            marks.keep(cut, of: one, marks.ticket(for: one))
            #expect(marks.answer(for: one) == nil)
            let news = try await database.store.feedPage(after: start, user: one, limit: 100)
            #expect(news.count == 2)
            marks.keep(news, of: one, marks.ticket(for: one))
            let told = try #require(marks.answer(for: one)?.json)
            let expected = try await page(database, one).json
            #expect(Data(told.readableBytesView) == expected)
        }
    }

    @Test func `what was read before a change was heard of is not kept`() async throws {
        try await TestDatabase.with { database in
            let (one, other) = (try await user(1, database), try await user(2, database))
            let hub = FeedHub()
            hub.marks.listen { true }
            let page = try await page(database, one)
            for wakeup in [Wakeup.user(one), .anything] {
                let ticket = hub.marks.ticket(for: one)
                hub.wake(wakeup)
                hub.marks.keep(page, of: one, ticket)
                #expect(hub.marks.answer(for: one) == nil)
            }
            // What is heard of others is no reason.
            let ticket = hub.marks.ticket(for: one)
            for wakeup in [Wakeup.user(other), .jobs, .revoked(.sample())] { hub.wake(wakeup) }
            hub.marks.keep(page, of: one, ticket)
            #expect(hub.marks.answer(for: one) != nil)
        }
    }

    @Test(arguments: [Wakeup.user(.sample(1)), .anything])
    func `what is heard of makes known places unknown`(wakeup: Wakeup) async throws {
        try await TestDatabase.with { database in
            let one = try await user(1, database)
            let hub = FeedHub()
            hub.marks.listen { true }
            hub.marks.keep(try await page(database, one), of: one, hub.marks.ticket(for: one))
            #expect(hub.marks.answer(for: one) != nil)
            hub.wake(wakeup)
            #expect(hub.marks.answer(for: one) == nil && hub.marks.count == 0)
        }
    }

    @Test func `nothing is believed for long, nor while nobody listens`() async throws {
        try await TestDatabase.with { database in
            let one = try await user(1, database)
            let (now, hears) = (Locked(ContinuousClock.now), Locked(true))
            let marks = FeedMarks { now.value }
            let page = try await page(database, one)
            marks.keep(page, of: one, marks.ticket(for: one))
            #expect(marks.answer(for: one) == nil)
            marks.listen { hears.value }
            marks.keep(page, of: one, marks.ticket(for: one))
            now.change { $0 += FeedMarks.belief - .milliseconds(1) }
            #expect(marks.answer(for: one) != nil)
            hears.set(false)
            #expect(marks.answer(for: one) == nil)
            hears.set(true)
            now.change { $0 += .milliseconds(1) }
            #expect(marks.answer(for: one) == nil)
        }
    }

    @Test func `however many users ask, so many are remembered and no more`() async throws {
        try await TestDatabase.with { database in
            let page = try await page(database, try await user(1, database))
            let marks = FeedMarks()
            marks.listen { true }
            for number in 0..<UInt64(2 * FeedMarks.capacity) {
                marks.keep(page, of: .sample(number), marks.ticket(for: .sample(number)))
            }
            #expect(marks.count <= FeedMarks.capacity)
            #expect(marks.answer(for: .sample(UInt64(2 * FeedMarks.capacity - 1))) != nil)
        }
    }
}
