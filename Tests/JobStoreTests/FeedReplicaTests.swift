import Foundation
import Logging
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite(.timeLimit(.minutes(10))) struct FeedReplicaTests {
    /// A store on a primary that reads feeds from a standby, with one user who has one job.
    private func withReplica(
        _ body:
            @Sendable (PostgresStore, TestDatabase, _ primary: PostgresServer, _ standby: PostgresServer) async throws
            -> Void
    ) async throws {
        try await PostgresServer.with { primary in
            try await primary.withDatabase { database in
                _ = try await database.addUser()
                try await database.submit()
                try await primary.withStandby { standby in
                    var log = Logger(label: "test")
                    log.logLevel = .critical
                    var store = PostgresStore(
                        conninfo: database.conninfo, secrets: TestDatabase.secrets, connections: 4, log: log)
                    store.replica = patient(standby.address(like: database.conninfo))
                    try await standby.catchUp(with: primary)
                    let result: Result<Void, any Error>
                    do { result = .success(try await body(store, database, primary, standby)) } catch {
                        result = .failure(error)
                    }
                    await store.close()
                    try result.get()
                }
            }
        }
    }

    /// One on a single connection that no busy machine makes too slow to count.
    private func patient(_ conninfo: String) -> FeedReplica {
        var log = Logger(label: "test")
        log.logLevel = .critical
        return FeedReplica(
            conninfo: conninfo + "&connect_timeout=3000", connections: 1, patience: .seconds(3000), log: log)
    }

    private func jobs(_ page: ChangePage) -> Int {
        page.changes.count { if case .job = $0.object { true } else { false } }
    }

    @Test func `a replica that shows what the primary does is read, and one that is behind is not`() async throws {
        try await withReplica { store, database, primary, standby in
            let replica = try #require(store.replica)
            let first = try await store.feedPage(after: nil, user: .sample(), limit: 100)
            #expect(try jobs(first.page) == 1 && replica.counts == (1, 0))

            // What was written is read at once, however far behind the standby is.
            try await standby.sql("select pg_wal_replay_pause()")
            try await database.submit(2)
            let second = try await store.feedPage(after: first.next, user: .sample(), limit: 100)
            #expect(try jobs(second.page) == 1 && replica.counts == (1, 1))
            // A cursor that the standby has not reached is no error, nor is a user that it does not know.
            let third = try await store.feedPage(after: second.next, user: .sample(), limit: 100)
            #expect(try third.page.changes.isEmpty && third.next == second.next && replica.counts == (1, 2))
            _ = try await database.addUser(2)
            #expect(try await !store.feedPage(after: nil, user: .sample(2), limit: 100).page.changes.isEmpty)
            #expect(replica.counts == (1, 3))

            try await standby.sql("select pg_wal_replay_resume()")
            try await standby.catchUp(with: primary)
            let all = try await store.feedPage(after: nil, user: .sample(), limit: 100)
            #expect(try jobs(all.page) == 2 && replica.counts == (2, 3))
            #expect(try await all == database.store.feedPage(after: nil, user: .sample(), limit: 100))
            #expect(try await store.feedPage(after: all.next, user: .sample(), limit: 100).page.changes.isEmpty)
            #expect(replica.counts == (3, 3))
        }
    }

    @Test func `a replica of an older epoch gives no page`() async throws {
        try await withReplica { store, database, primary, standby in
            let replica = try #require(store.replica)
            try await standby.sql("select pg_wal_replay_pause()")
            _ = try await store.newEpoch()
            let page = try await store.feedPage(after: nil, user: .sample(), limit: 100)
            let mark = try #require(try await store.feedMarks(of: [.sample()])[.sample()])
            #expect(page.mark == mark && replica.counts == (0, 1))
        }
    }

    @Test func `what stands only in another branch of history is never handed out, at the same sequence neither`()
        async throws
    {
        try await withReplica { store, database, primary, standby in
            let replica = try #require(store.replica)
            try await standby.sql("select pg_promote()")
            let branch = PostgresStore(
                conninfo: standby.address(like: database.conninfo), secrets: TestDatabase.secrets, connections: 2,
                log: Logger(label: "test"))
            _ = try await branch.submit(
                JobSubmission(request: .sample), id: .sample(77), user: .sample(), account: "main")
            try await database.submit(2)
            let marks = (
                try await branch.feedMarks(of: [.sample()]), try await store.feedMarks(of: [.sample()])
            )
            #expect(marks.0 == marks.1)
            let standings = (
                try await branch.standing(of: .sample()), try await store.standing(of: .sample())
            )
            #expect(standings.0?.mark == standings.1?.mark && standings.0 != standings.1)
            let page = try await store.feedPage(after: nil, user: .sample(), limit: 100)
            #expect(try await page == database.store.feedPage(after: nil, user: .sample(), limit: 100))
            #expect(replica.counts == (0, 1))
            await branch.close()
        }
    }

    @Test func `a replica that is away costs no page, and is not asked each time`() async throws {
        try await withReplica { store, database, primary, standby in
            try await standby.stop(.immediate)
            for _ in 0..<20 {
                #expect(try await jobs(store.feedPage(after: nil, user: .sample(), limit: 100).page) == 1)
            }
            let asked = standby.refused
            #expect(asked >= 1 && asked < 20)
            #expect(try #require(store.replica).counts.served == 0)
            try await standby.start()
        }
    }

    @Test func `a server that takes writes is no replica, whatever it answers`() async throws {
        try await TestDatabase.with { database async throws in
            _ = try await database.addUser()
            try await database.submit()
            let replica = patient(database.conninfo)
            defer { replica.stop() }
            var store = database.store
            store.replica = replica
            let page = try await store.feedPage(after: nil, user: .sample(), limit: 100).page
            #expect(jobs(page) == 1 && replica.counts == (0, 1))
        }
    }

    @Test func `a replica that says nothing holds up neither a page nor the end`() async throws {
        let isOver = DispatchSemaphore(value: 0)
        let silent = try SocketServer { _, _ in isOver.wait() }
        defer {
            isOver.signal()
            silent.stop()
        }
        var log = Logger(label: "test")
        log.logLevel = .critical
        let replica = FeedReplica(
            conninfo: "postgresql://\(silent.authority)/x?user=x&connect_timeout=3000", connections: 1,
            patience: .milliseconds(10), log: log)
        let page = try await replica.page(of: .sample()) { _ in
            throw StoreError.notFound
        } confirm: {
            nil
        }
        #expect(page == nil && replica.counts == (0, 1))
        replica.stop()
    }

    @Test func `a replica that failed rests for a while, and what it was told of last counts`() {
        var rest = ReplicaRest()
        let start = ContinuousClock.now
        let before = (rest.turn(at: start), rest.turn(at: start))
        #expect(before == (0, 0))
        let isNews = rest.rest(at: start)
        // Who came before it failed, and has waited in the queue since, asks no more.
        #expect(isNews && !rest.isCurrent(0))
        let early = rest.turn(at: start + .milliseconds(4999))
        #expect(early == nil)
        // One tries whether it is there again.
        let probes = (rest.turn(at: start + .seconds(5)), rest.turn(at: start + .seconds(5)))
        #expect(probes == (1, nil) && rest.isCurrent(1))
        let isNewsAgain = rest.rest(at: start + .seconds(6))
        let late = rest.turn(at: start + .seconds(10))
        #expect(!isNewsAgain && late == nil)
        let hasRecovered = (rest.recover(), rest.recover())
        let after = (rest.turn(at: start + .seconds(10)), rest.turn(at: start + .seconds(10)))
        #expect(hasRecovered == (true, false) && after == (2, 2))
    }
}
