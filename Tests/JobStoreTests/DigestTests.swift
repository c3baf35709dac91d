import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

/// The kept digest of a feed against the one that a whole snapshot adds up to.
@Suite(.timeLimit(.minutes(10))) struct DigestTests {
    /// What lives, by the feed itself.
    private struct Copy {
        var through: Int64
        var versions: [(key: Change.ObjectKey, sequence: Int64)]

        init(_ store: PostgresStore, _ user: UserID) async throws {
            (through, versions) = (0, [])
            var cursor: FeedCursor?
            while true {
                let page = try await store.feedPage(after: cursor, user: user, limit: 1000)
                versions += try page.page.changes.map { ($0.key, $0.sequence) }
                (through, cursor) = (page.through, page.next)
                if !page.hasMore { return }
            }
        }

        func sum(under prefix: String) -> FeedDigest {
            versions.filter { FeedDigest.place(of: $0.key).hasPrefix(prefix) }
                .reduce(FeedDigest()) { $0 + FeedDigest(of: $1.key, sequence: $1.sequence) }
        }

        func entries(under prefix: String) -> Set<DigestPage.Entry> {
            Set(
                versions.filter { FeedDigest.place(of: $0.key).hasPrefix(prefix) }
                    .map { DigestPage.Entry(kind: $0.key.kind, id: $0.key.id, sequence: $0.sequence) })
        }
    }

    /// Compares an answer and everything that lies below it.
    private func expectAgreement(
        _ prefix: String, _ copy: Copy, _ store: PostgresStore, _ user: UserID, seed: UInt64 = 0
    ) async throws {
        let page = try await store.digest(under: prefix, user: user)
        let sum = copy.sum(under: prefix)
        #expect(page.sequence == copy.through && page.prefix == prefix, "seed \(seed)")
        #expect(page.count == sum.count && page.digest == sum.text, "seed \(seed), prefix \(prefix)")
        if let objects = page.objects {
            #expect(page.children == nil && objects.count == page.count)
            #expect(Set(objects) == copy.entries(under: prefix), "seed \(seed), prefix \(prefix)")
        } else {
            let children = try #require(page.children)
            #expect(children.map(\.prefix) == children.map(\.prefix).sorted())
            #expect(children.reduce(0) { $0 + $1.count } == page.count)
            for child in children {
                let sum = copy.sum(under: child.prefix)
                #expect(child.count == sum.count && child.digest == sum.text, "seed \(seed), prefix \(child.prefix)")
                try await expectAgreement(child.prefix, copy, store, user, seed: seed)
            }
        }
    }

    /// SQL that changes, deletes or brings back about `count` of the user's jobs at random.
    private func shake(_ database: TestDatabase, _ user: UserID, _ random: inout SeededGenerator) async throws {
        let (seed, part) = (Double.random(in: -1...1, using: &random), Double.random(in: 0...0.4, using: &random))
        try await database.sql(
            """
            select setseed(\(seed));
            with chosen as materialized (
                select id, row_number() over (order by id) as number, random() < 0.4 as is_gone from (
                    select id from jobs where user_id = '\(user)' and random() < \(part) order by id for update) as j
            ), drawn as (
                update users set change_sequence = change_sequence + (select count(*) from chosen)
                where id = '\(user)' returning change_sequence - (select count(*) from chosen) as base
            )
            update jobs set change_sequence = base + number, state = 'cancelled', next_action_at = null,
                deleted_at = case when is_gone then now() - interval '90 d' end, updated_at = now() - interval '90 d'
            from chosen, drawn where jobs.user_id = '\(user)' and jobs.id = chosen.id
            """)
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func `after any history the digest is that of a whole snapshot, at every prefix`(seed: UInt64) async throws {
        try await TestDatabase.with { database in
            let (store, user) = (database.store, try await database.addUser())
            var (random, number) = (SeededGenerator(seed), UInt64(0))
            for _ in 0..<14 {
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1:
                    let jobs = (0..<Int.random(in: 1...120, using: &random)).map { _ in
                        number += 1
                        return NewJob(JobSubmission(request: .sample), id: .sample(number), user: user, account: "main")
                    }
                    for outcome in await store.submit(jobs) { _ = try outcome.get() }
                case 2, 3: try await shake(database, user, &random)
                case 4: _ = try await store.prune(.jobs, olderThan: 30 * 86_400, limit: 50)
                default: _ = try await store.advanceDigest(of: user, limit: Int.random(in: 1...40, using: &random))
                }
                if Int.random(in: 0..<3, using: &random) == 0 {
                    try await store.setBudget(of: user, to: SpendingLimits(perDay: Money(usd: Decimal(number))))
                    try await expectAgreement("", Copy(store, user), store, user, seed: seed)
                }
            }
            let copy = try await Copy(store, user)
            try await expectAgreement("", copy, store, user, seed: seed)
            let deep = FeedDigest.place(of: try #require(copy.versions.first).key)
            for length in [0, 1, 2, 3, 4, 9, 16] {
                try await expectAgreement(String(deep.prefix(length)), copy, store, user, seed: seed)
            }
            try await expectAgreement("0123456789abcdef", copy, store, user, seed: seed)
        }
    }

    /// How many objects were applied, and 1 if nothing is left.
    private func advance(_ store: PostgresStore, _ user: UserID) async throws -> [Int] {
        let state = try await store.advanceDigest(of: user)
        return [state.applied, state.isCurrent ? 1 : 0]
    }

    @Test func `a call applies what has changed since the last one, and reads no more`() async throws {
        try await TestDatabase.with { database in
            let (store, user) = (database.store, try await database.addUser())
            let jobs = (1...3000).map { number in
                NewJob(JobSubmission(request: .sample), id: .sample(UInt64(number)), user: user, account: "main")
            }
            for outcome in await store.submit(jobs) { _ = try outcome.get() }
            #expect(try await advance(store, user) == [PostgresStore.digestBatch, 0])
            #expect(try await advance(store, user) == [3002 - PostgresStore.digestBatch, 1])
            #expect(try await advance(store, user) == [0, 1])
            for number in UInt64(1)...3 {
                _ = try await store.move(
                    .sample(number), user: user, by: .cancelRequested, policy: JobPolicy(), at: Date())
            }
            #expect(try await advance(store, user) == [3, 1])
            // The server agrees: what it touched is what was applied, and not the three thousand.
            let plan = try await database.sql(
                "set enable_seqscan = off; explain (analyze, timing off, summary off) "
                    + DigestStatements.changes.sql.replacingOccurrences(of: "$1", with: "'\(user)'")
                    .replacingOccurrences(of: "$2", with: "3002").replacingOccurrences(of: "$3", with: "2000"))
            #expect(plan.contains("jobs_feed"))
            let most = plan.matches(of: /rows=(\d+) loops=/).compactMap { Int($0.1) }.max() ?? .max
            #expect(most <= 3, "\(plan)")
            let page = try await store.digest(under: "", user: user)
            #expect(page.count == 3002 && page.children?.count == 16)
            try await expectAgreement("3", Copy(store, user), store, user)
        }
    }

    @Test func `an object whose tombstone is pruned before the digest learned of it is taken off`() async throws {
        try await TestDatabase.with { database in
            let ready = try await database.readyJob()
            let (store, user) = (database.store, ready.user)
            for number in UInt64(2)...5 { try await database.submit(number, user: user) }
            #expect(try await store.digest(under: "", user: user).count == 8)
            try await database.sql(
                """
                update users set change_sequence = change_sequence + 2;
                update jobs set deleted_at = now() - interval '90 d', updated_at = now() - interval '90 d',
                    state = 'cancelled', next_action_at = null, change_sequence = (select change_sequence from users) - 1
                where id = '\(JobID.sample(3))';
                update videos set deleted_at = now() - interval '90 d', removing_since = now(), removed_at = now(),
                    change_sequence = (select change_sequence from users)
                """)
            #expect(try await store.prune(.jobs, olderThan: 30 * 86_400, limit: 100) == 1)
            #expect(try await store.prune(.videos, olderThan: 30 * 86_400, limit: 100) == 1)
            #expect(try await database.sql("select count(*) from feed_digest_entries where is_forgotten") == "2")
            try await expectAgreement("", Copy(store, user), store, user)
            #expect(try await store.digest(under: "", user: user).count == 6)
            #expect(try await database.sql("select count(*) from feed_digest_entries") == "6")
        }
    }

    @Test func `calls and writes at the same time agree at the sequence that each answer names`() async throws {
        try await TestDatabase.with(connections: 8) { database in
            let (store, user) = (database.store, try await database.addUser())
            let pages = try await (0..<12).concurrently { number in
                _ = try await store.submit(
                    JobSubmission(request: .sample), id: .sample(UInt64(number + 1)), user: user, account: "main")
                return try await store.digest(under: "", user: user)
            }
            // Jobs are only added here, each with the next sequence: at n there are n objects.
            for page in pages { #expect(Int64(page.count) == page.sequence && page.sequence > 2) }
            try await expectAgreement("", Copy(store, user), store, user)
        }
    }

    @Test func `nobody gets another's digest, and a user who does not exist has none`() async throws {
        try await TestDatabase.with { database in
            let users = [try await database.addUser(1), try await database.addUser(2)]
            try await database.submit(1, user: users[0])
            let (one, two) = (
                try await database.store.digest(under: "", user: users[0]),
                try await database.store.digest(under: "", user: users[1])
            )
            #expect(one.count == 3 && two.count == 2 && one.digest != two.digest)
            #expect(Set(two.objects?.map(\.id) ?? []) == ["\(users[1])"])
            await #expect(throws: StoreError.notFound) { try await database.store.digest(under: "", user: .sample(9)) }
        }
    }
}
