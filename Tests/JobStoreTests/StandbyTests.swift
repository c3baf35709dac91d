import Foundation
import Logging
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite(.timeLimit(.minutes(10))) struct StandbyTests {
    private static let insert = Statement("insert_t", "insert into t values (1)")

    @Test func `a commit that no standby has confirmed is not taken for done, whichever way it was made`() async throws
    {
        try await PostgresServer.with { server in
            try await server.withDatabase { database in
                try await database.sql("create table t (x int)")
                try await server.sql("alter system set synchronous_standby_names = 'nobody'")
                try await server.sql("select pg_reload_conf()")
                let pool = ConnectionPool(conninfo: database.conninfo, connections: 1, applicationName: "test")
                defer { pool.stop() }
                let ways: [@Sendable (Connection) throws -> Void] = [
                    { _ = try $0.execute(Self.insert) }, { try $0.run("insert into t values (1)") },
                    { _ = try $0.pipeline([(Self.insert, []), (Self.insert, [])]) },
                ]
                let doubt = PostgresError.unavailable("committed here, but no standby has confirmed it")
                for way in ways {
                    #expect(try await interrupted(server) { try await pool.run(way) } == doubt)
                    #expect(try await interrupted(server) { try await pool.transaction { try way($0) } } == doubt)
                }
                // The doubt was about those; what only reads waits for nobody.
                let count = Statement("count_t", "select count(*) as n from t")
                let rows = try await pool.run { try $0.execute(count).first { try $0.int("n") } }
                #expect((rows ?? 0) >= 8)
            }
        }
    }

    /// Works until a commit waits for a standby, ends that wait as an operator does, and returns what was thrown then. The
    /// server takes new settings in when it comes to it; before that nothing waits.
    private func interrupted(
        _ server: PostgresServer, _ work: @escaping @Sendable () async throws -> Void
    ) async throws -> PostgresError? {
        let isOver = Locked(false)
        let task = Task { () async -> PostgresError? in
            defer { isOver.set(true) }
            while true {
                do { try await work() } catch { return error as? PostgresError }
            }
        }
        let cancel = "select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'"
        // Nobody tells when it waits, and whoever else writes waits as well.
        while !isOver.value {
            _ = try await server.sql(cancel)
            try await Task.sleep(for: .milliseconds(20))
        }
        return await task.value
    }

    @Test func `a connection to a server that takes no writes any more is given up`() async throws {
        try await TestDatabase.with { database async throws in
            try await database.sql("create table t (x int)")
            try await database.withPool(connections: 1) { pool async throws in
                let backend = Statement("backend", "select pg_backend_pid() as pid")
                let before = try await pool.run { try $0.execute(backend).first { try $0.int("pid") } }
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.run { connection in
                        try connection.run("set default_transaction_read_only = on")
                        try connection.execute(Self.insert)
                    }
                }
                guard case .unavailable = error else { return #expect(error == .busy) }
                let after = try await pool.run { connection in
                    try connection.execute(Self.insert)
                    return try connection.execute(backend).first { try $0.int("pid") }
                }
                #expect(before != after)
            }
        }
    }

    @Test func `of several hosts the one that takes writes is found, also when that changes while a store is open`()
        async throws
    {
        try await PostgresServer.with { primary in
            try await primary.withDatabase { database in
                try await primary.withStandby { standby in
                    let name = try await database.sql("select current_database()")
                    // The standby first: it answers, and is not the one.
                    let store = PostgresStore(
                        conninfo: "host=\(standby.host),\(primary.host) port=5432,5432 user=postgres dbname=\(name)",
                        secrets: nil, connections: 2, log: Logger(label: "test"))
                    let user = try await store.addUser(named: "before", id: .sample(1)).id
                    try await standby.catchUp(with: primary)
                    try await primary.stop(.immediate)
                    await #expect(throws: PostgresError.self) {
                        try await store.addUser(named: "between", id: .sample(2))
                    }
                    try await standby.sql("select pg_promote()")
                    _ = try await store.addUser(named: "after", id: .sample(3))
                    #expect(try await store.feedMarks(of: [user, .sample(3)]).count == 2)
                    await store.close()
                    try await primary.start()
                }
            }
        }
    }

    @Test func `a lone server that takes no writes is said to be one`() async throws {
        try await PostgresServer.with { primary in
            try await primary.withStandby { standby in
                let store = PostgresStore(
                    conninfo: standby.url, secrets: nil, connections: 2, log: Logger(label: "test"))
                let error = await #expect(throws: PostgresError.self) { try await store.ping() }
                #expect(error?.description.contains("read-only") == true, "\(String(describing: error))")
                await store.close()
            }
        }
    }
}
