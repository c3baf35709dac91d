import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

/// The user's own two objects in the feed, and the size of its pages.
@Suite struct FeedAccountTests {
    private func own(_ store: PostgresStore, _ user: UserID) async throws -> (UserSettings, Spending, [Int64]) {
        let page = try await store.changes(after: nil, user: user, limit: 100)
        let settings = page.changes.compactMap { if case .settings(let settings) = $0.object { settings } else { nil } }
        let spending = page.changes.compactMap { if case .spending(let spending) = $0.object { spending } else { nil } }
        let sequences = ["settings", "spending"].compactMap { kind in
            page.changes.first { $0.key.kind.word == kind }?.sequence
        }
        return (try #require(settings.first), try #require(spending.first), sequences)
    }

    @Test func `a new user has settings and spending from the first day`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            let (settings, spending, sequences) = try await own(database.store, user)
            #expect(settings == UserSettings(id: user, name: "user 1"))
            #expect(spending.day.spent == .zero && spending.day.budget == nil && spending.day.left == nil)
            let (day, month) = (spending.day.startsOn, spending.month.startsOn)
            let today = try await database.sql("select (clock_timestamp() at time zone 'UTC')::date")
            // The day may have changed between the two looks, and then it is the next.
            #expect(day <= today && day.count == 10 && month.hasSuffix("-01") && month.prefix(7) == day.prefix(7))
            #expect(sequences == [1, 2])
            #expect(try await database.store.feedMarks(of: [user, .sample(9)]).mapValues(\.sequence) == [user: 2])
        }
    }

    @Test func `where a user has nothing of their own, the deployment's limits are told`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            let budgets = BudgetPolicy(perUser: SpendingLimits(perDay: Money("5")))
            let store = PostgresStore(
                conninfo: database.conninfo, secrets: nil, connections: 2, budgets: budgets, activeJobs: 7,
                log: database.store.log)
            let (settings, spending, _) = try await own(store, user)
            #expect(
                settings.activeJobLimit == 7 && settings.budgetPerDay == Money("5") && settings.budgetPerMonth == nil)
            #expect(spending.day.left == Money("5") && spending.month.budget == nil)
            await store.close()
        }
    }

    @Test func `each change of name, limit and budget is told, and one that changes nothing is not`() async throws {
        try await TestDatabase.with { database in
            let (store, user) = (database.store, try await database.addUser())
            func sequences() async throws -> [Int64] { try await own(store, user).2 }
            _ = try await store.setActiveLimit(3, of: user)
            #expect(try await sequences() == [3, 2])
            _ = try await store.setActiveLimit(3, of: user)
            #expect(try await sequences() == [3, 2])
            try await database.sql("update users set name = 'Ann'")
            #expect(try await sequences() == [4, 2])
            // What is left of a budget stands with the spending.
            try await store.setBudget(of: user, to: SpendingLimits(perDay: Money("2"), perMonth: Money("1.5")))
            #expect(try await sequences() == [5, 6])
            let (settings, spending, _) = try await own(store, user)
            #expect(
                settings
                    == UserSettings(
                        id: user, name: "Ann", activeJobLimit: 3, budgetPerDay: Money("2"), budgetPerMonth: Money("1.5")
                    ))
            #expect(spending.day.left == Money("2") && spending.month.left == Money("1.5"))
            try await store.setBudget(of: user, to: nil)
            #expect(try await sequences() == [7, 8])
            #expect(try await own(store, user).0.budgetPerDay == nil)
        }
    }

    @Test func `how much is kept is told, the user's own rule before the deployment's`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            let common = KeepingRule(days: 30)
            let store = PostgresStore(
                conninfo: database.conninfo, secrets: nil, connections: 2, keeping: common, log: database.store.log)
            #expect(try await own(store, user).0.keeping == common)
            #expect(try await own(database.store, user).0.keeping == nil)
            let rule = KeepingRule(newest: 3, quotaBytes: 1_000_000, quotaRemovesOldest: true)
            let woken = Locked<[Wakeup]>([])
            let listener = store.listen { wakeup in woken.change { $0.append(wakeup) } }
            try await store.setKeeping(rule, of: user)
            #expect(woken.value.contains(.user(user)))
            let (settings, _, sequences) = try await own(store, user)
            #expect(settings.keeping == rule && sequences == [3, 2])
            try await store.setKeeping(rule, of: user)
            #expect(try await own(store, user).2 == [3, 2])
            // A rule that limits nothing is one, too.
            try await store.setKeeping(KeepingRule(), of: user)
            #expect(try await own(store, user).0.keeping == nil)
            try await store.setKeeping(nil, of: user)
            let (again, _, last) = try await own(store, user)
            #expect(again.keeping == common && last == [5, 2])
            listener.stop()
            await store.close()
        }
    }

    @Test func `money that moves is told in the same transaction, and what is only settled is not`() async throws {
        try await TestDatabase.with { database in
            let store = database.store
            var record = try await database.claimedJob()
            try await store.setBudget(of: record.user, to: SpendingLimits(perDay: Money("1")))
            record = try await store.advance(record, by: .priced(.sample))
            let before = try await own(store, record.user).2[1]
            record = try await store.advance(record, by: .submissionIntended(by: record.token))
            let (_, held, reserved) = try await own(store, record.user)
            #expect(reserved[1] == record.changeSequence + 1 && reserved[1] > before)
            #expect(held.day.spent == .sample && held.day.left == Money("0.45") && held.month.spent == .sample)
            record = try await store.advance(record, by: .submissionAccepted(.sample))
            #expect(try await own(store, record.user).2 == reserved)
            let failed = try await store.advance(record, by: .renderingFailed(.sample))
            let (_, refunded, sequences) = try await own(store, record.user)
            #expect(refunded.day.spent == .zero && refunded.day.left == Money("1"))
            #expect(sequences[1] == failed.changeSequence + 1)
            #expect(try await database.sql("select change_sequence from users") == "\(sequences[1])")
        }
    }

    @Test func `users of one batch each draw one for their spending`() async throws {
        try await TestDatabase.with { database in
            let users = [try await database.addUser(1), try await database.addUser(2)]
            for number in UInt64(1)...6 { try await database.submit(number, user: users[Int(number) % 2]) }
            var jobs = try await database.store.claim(limit: 6, lease: 600, worker: "w")
            for place in jobs.indices {
                jobs[place] = try await database.store.advance(jobs[place], by: .priced(.sample))
            }
            let steps = try jobs.map { job in
                var next = job
                let effects = try next.progress.apply(
                    .submissionIntended(by: job.token), policy: JobPolicy(), at: Date(), jitter: 0)
                return JobStep(next, effects)
            }
            for outcome in await database.store.commit(steps) { _ = try outcome.get() }
            let twice = try await database.sql(
                """
                select count(*) from (select user_id, change_sequence from jobs
                    union all select id, settings_sequence from users union all select id, spending_sequence from users) f
                group by user_id, change_sequence having count(*) > 1
                """)
            #expect(twice == "")
            for user in users { #expect(try await own(database.store, user).1.day.spent == Money("1.65")) }
        }
    }

    @Test func `a page's JSON is what the wire writes of it`() async throws {
        try await TestDatabase.with { database in
            let ready = try await database.readyJob()
            var cursor: FeedCursor?
            for _ in 0..<4 {
                let page = try await database.store.feedPage(after: cursor, user: ready.user, limit: 2)
                let value = try page.page
                #expect(try Wire.encode(value) == page.json)
                #expect(page.next.text == value.cursor)
                cursor = page.next
            }
        }
    }

    /// Jobs whose requests have from a few bytes to a hundred thousand.
    private func submitLarge(_ database: TestDatabase, _ user: UserID, _ random: inout SeededGenerator) async throws {
        let jobs = (1...40).map { number in
            var request = VideoRequest.sample
            let size = [10, 1000, 30_000, 100_000].randomElement(using: &random) ?? 10
            request.prompt = String(repeating: "é", count: size / 2)
            return NewJob(JobSubmission(request: request), id: .sample(UInt64(number)), user: user, account: "main")
        }
        for outcome in await database.store.submit(jobs) { _ = try outcome.get() }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `pages are bounded in changes and bytes, and together tell everything once`(seed: UInt64) async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            var random = SeededGenerator(seed)
            try await submitLarge(database, user, &random)
            let epoch = try await database.store.feedPage(after: nil, user: user, limit: 1).next.epoch
            let starts = [nil, FeedCursor(epoch: epoch, user: user, place: .changes(sequence: 0))]
            for start in starts {
                var (told, cursor, pages): ([Int64], FeedCursor?, Int) = ([], start, 0)
                while true {
                    let limit = Int.random(in: 1...12, using: &random)
                    let bytes = Int.random(in: 1...150_000, using: &random)
                    let page = try await database.store.feedPage(after: cursor, user: user, limit: limit, bytes: bytes)
                    #expect(page.count <= limit)
                    #expect(page.count <= 1 || page.json.count <= bytes + 500)
                    told += try page.page.changes.map(\.sequence)
                    (cursor, pages) = (page.next, pages + 1)
                    if !page.hasMore { break }
                }
                let all = (1...42).map { Int64($0) }
                #expect(told == (start == nil ? all.reversed() : all))
                #expect(pages > 4)
            }
        }
    }
}
