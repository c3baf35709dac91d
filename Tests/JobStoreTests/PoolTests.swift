import Foundation
import Logging
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct PoolTests {
    private let one = Statement("one", "select 1 as one")

    private func ask(_ pool: ConnectionPool) async throws -> Int? {
        try await pool.transaction { try $0.execute(one).first { try $0.int("one") } }
    }

    @Test func `connections that were killed while idle are replaced unseen`() async throws {
        try await TestDatabase.with { database async throws in
            try await database.withPool(connections: 3) { pool async throws in
                _ = try await (0..<12).concurrently { _ in try await self.ask(pool) }
                try await database.sql(
                    "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
                        + "where application_name = 'test' and datname = current_database()")
                let answers = try await (0..<12).concurrently { _ in try await self.ask(pool) }
                #expect(answers == Array(repeating: 1, count: 12))
            }
        }
    }

    @Test func `a connection killed at work is unavailable, and the next work goes on`() async throws {
        try await TestDatabase.with { database async throws in
            try await database.withPool(connections: 1) { pool async throws in
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.transaction { try $0.run("select pg_terminate_backend(pg_backend_pid())") }
                }
                guard case .unavailable = error else { return #expect(error == .unavailable("…")) }
                #expect(try await self.ask(pool) == 1)
            }
        }
    }

    @Test func `a server that is not there is unavailable`() async throws {
        let pool = ConnectionPool(
            conninfo: "host=/nonexistent dbname=x", connections: 1, applicationName: "test")
        defer { pool.stop() }
        let error = await #expect(throws: PostgresError.self) { try await ask(pool) }
        guard case .unavailable(let message) = error else { return #expect(error == .unavailable("…")) }
        #expect(message.contains("/nonexistent"))
    }

    @Test func `what has waited through an attempt that came to nothing fails with it, and later work tries again`()
        async throws
    {
        let over = DispatchSemaphore(value: 0)
        let server = try SocketServer { _, _ in over.wait() }
        let pool = ConnectionPool(
            conninfo: "host=127.0.0.1 port=\(server.port) dbname=x connect_timeout=3 sslmode=disable "
                + "gssencmode=disable",
            connections: 1, applicationName: "test")
        defer {
            for _ in 0..<3 { over.signal() }
            server.stop()
            pool.stop()
        }
        // The first holds the only thread until all stand in the queue.
        let gate = DispatchSemaphore(value: 0)
        let (failures, continuation) = AsyncStream<Void>.makeStream()
        for number in 0..<50 {
            pool.hand { connection in
                if number == 0 { gate.wait() }
                if (try? connection()) == nil { continuation.yield() }
            }
        }
        gate.signal()
        var failed = failures.makeAsyncIterator()
        for _ in 0..<50 { _ = await failed.next() }
        #expect(server.connections <= 1)
        await #expect(throws: PostgresError.self) { try await self.ask(pool) }
        while server.connections < 2 { await Task.yield() }
    }

    @Test func `an error rolls back and leaves the connection of use`() async throws {
        try await TestDatabase.with { database async throws in
            try await database.withPool(connections: 1) { pool async throws in
                await #expect(throws: PostgresError.self) {
                    try await pool.transaction { connection in
                        try connection.run("create table t ()")
                        try connection.run("select 1/0")
                    }
                }
                #expect(try await self.ask(pool) == 1)
                #expect(try await database.sql("select to_regclass('t') is null") == "t")
            }
        }
    }

    @Test func `more work than the bound is refused as busy, the rest is done`() async throws {
        try await TestDatabase.with { database async throws in
            try await database.withPool(connections: 1, queueLimit: 2) { pool async throws in
                let gate = DispatchSemaphore(value: 0)
                let (started, continuation) = AsyncStream<Void>.makeStream()
                let first = Task {
                    try await pool.run { _ in
                        continuation.finish()
                        gate.wait()
                    }
                }
                for await _ in started {}
                // Two find a place. The eighth that does not opens the gate for them.
                let refused = Counter()
                let results = try await (0..<10).concurrently { _ in
                    do {
                        return try await self.ask(pool)
                    } catch PostgresError.busy {
                        if refused.increment() == 8 { gate.signal() }
                        return nil
                    }
                }
                try await first.value
                #expect(results.compactMap { $0 } == [1, 1])
            }
        }
    }

    @Test func `stopping finishes what was handed over and refuses what comes later`() async throws {
        try await TestDatabase.with { database async throws in
            let pool = ConnectionPool(conninfo: database.conninfo, connections: 2, applicationName: "test")
            let gate = DispatchSemaphore(value: 0)
            let (started, continuation) = AsyncStream<Void>.makeStream()
            let work = Task {
                try await pool.transaction { connection in
                    continuation.finish()
                    gate.wait()
                    return try connection.execute(one).first { try $0.int("one") }
                }
            }
            for await _ in started {}
            let stopping = Task.detached { pool.stop() }
            gate.signal()
            await stopping.value
            #expect(try await work.value == 1)
            await #expect(throws: PostgresError.unavailable("the pool is closed")) { try await self.ask(pool) }
            pool.stop()
        }
    }

    @Test(arguments: [
        ("08006", true), ("57P01", true), ("57014", true), ("55P03", true), ("53100", true), ("53300", true),
        ("40001", true), ("40P01", true), ("25006", true), ("58030", true), ("42P01", false), ("22P02", false),
        ("23502", false),
    ])
    func `what may pass later is told from what never will`(state: String, isPassing: Bool) {
        let error = PostgresError(state: state, constraint: nil, message: "m")
        #expect(error == (isPassing ? .unavailable("m") : .refused(state: state, message: "m")))
    }

    @Test func `a constraint is named`() {
        #expect(
            PostgresError(state: "23505", constraint: "c", message: "m") == .constraint(name: "c", message: "m"))
    }
}

@Suite struct PipelineTests {
    private func statement(_ sql: String, isHot: Bool = true) -> Statement { Statement(sql, isHot: isHot, sql) }

    @Test func `statements of a pipeline are one transaction, and the first error tells`() async throws {
        try await TestDatabase.with { database async throws in
            try await database.withPool(connections: 1) { pool async throws in
                try await database.sql("create table t (x int primary key)")
                let insert = statement("insert into t values ($1::int)")
                let all = try await pool.run { connection in
                    let rows = try connection.pipeline([
                        (insert, [.int(1)]), (insert, [.int(2)]), (statement("select count(*) as n from t"), []),
                    ])
                    return try rows[2].first { try $0.int("n") }
                }
                #expect(all == 2)
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.run {
                        _ = try $0.pipeline([(insert, [.int(3)]), (insert, [.int(2)]), (insert, [.int(4)])])
                    }
                }
                guard case .constraint("t_pkey", _) = error else { return #expect(error == .busy) }
                // The connection is of use again, and nothing of the pipeline is left.
                let left = try await pool.run { connection in
                    try connection.execute(statement("select count(*) as n from t")).first { try $0.int("n") }
                }
                #expect(left == 2)
            }
        }
    }

    @Test func `a connection lost in a pipeline is unavailable, and the next work goes on`() async throws {
        try await TestDatabase.with { database async throws in
            try await database.withPool(connections: 1) { pool async throws in
                let kill = statement("select pg_terminate_backend(pg_backend_pid())", isHot: false)
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.run { _ = try $0.pipeline([(kill, []), (kill, [])]) }
                }
                guard case .unavailable = error else { return #expect(error == .busy) }
                let one = try await pool.run { connection in
                    try connection.execute(statement("select 1 as n")).first { try $0.int("n") }
                }
                #expect(one == 1)
            }
        }
    }

    @Test func `plans are made anew after a moment, then less and less often`() {
        let start = ContinuousClock.now
        var plans = PlanAge(madeAt: start)
        var made: [Duration] = []
        for tick in 1...4000 where plans.areStale(at: start + .milliseconds(tick * 10)) {
            made.append(.milliseconds(tick * 10))
        }
        #expect(made.prefix(4) == [.milliseconds(50), .milliseconds(150), .milliseconds(350), .milliseconds(750)])
        #expect(made.suffix(1) == [.milliseconds(32_750)])
    }
}

@Suite struct ValueTests {
    @Test(arguments: [false, true]) func `values come back as they went in, in text and in binary form`(
        isHot: Bool
    ) async throws {
        try await TestDatabase.with { database async throws in
            try await database.withPool(connections: 1) { pool async throws in
                let statement = Statement(
                    "echo", isHot: isHot,
                    "select $1::text t, $2::bytea b, $3::numeric(18, 6) m, $4::timestamptz d, $5::bool f, $6::float8 x, "
                        + "$7::bigint i, $8::text n")
                let text = "it's \\ \"x\" {a,b} \u{1F3AC} \n\t é"
                let bytes = (0...255).map { UInt8($0) }
                let date = Date(timeIntervalSince1970: 1_795_253_400.123456)
                try await pool.run { connection in
                    let rows = try connection.execute(
                        statement,
                        [
                            .text(text), .bytes(bytes), .money(.sample), .date(date), .bool(true), .double(1e-300),
                            .int(Int64.min), .null,
                        ])
                    try rows.first { row throws in
                        #expect(try row.text("t") == text)
                        #expect(try row.bytes("b") == bytes)
                        #expect(try row.money("m") == .sample)
                        #expect(abs(try row.date("d").timeIntervalSince(date)) < 1e-6)
                        #expect(try row.bool("f"))
                        #expect(try row.double("x") == 1e-300)
                        #expect(try row.int64("i") == .min)
                        #expect(try row.optionalText("n") == nil)
                        #expect(throws: PostgresError.unexpectedRow("n is null")) { try row.text("n") }
                        #expect(throws: PostgresError.unexpectedRow("no column z")) { try row.text("z") }
                        #expect(throws: PostgresError.unexpectedRow("t is malformed")) { try row.double("t") }
                    }
                }
            }
        }
    }

    @Test(arguments: [0, -0.25, -86_400.5, 951_782_400, 951_868_799.999999, 4_102_444_800.5, 1_795_253_400.999999])
    func `a time survives the binary form to the microsecond`(seconds: Double) {
        let date = Date(timeIntervalSince1970: seconds)
        guard case .binary(let bytes) = Value.date(date) else { return #expect(Value.date(date) != .null) }
        let back = bytes.withUnsafeBytes { Cell.date($0) }
        #expect(abs((back?.timeIntervalSince1970 ?? .nan) - seconds) < 1e-6)
    }

    /// Microseconds since 1970, by the server's own text.
    @Test(arguments: [
        "1970-01-01 00:00:00+00": 0, "1969-12-31 23:59:59.75+00": -0.25, "2000-02-29 00:00:00+00": 951_782_400,
    ])
    func `a time is read from text`(text: String, seconds: Double) {
        #expect(Row.date(text)?.timeIntervalSince1970 == seconds)
    }

    @Test(arguments: ["", "2026-11-21", "2026-11-21 09:30:00+01", "infinity", "2026-11-21 09:30:00"])
    func `a time in another form is not guessed`(text: String) { #expect(Row.date(text) == nil) }
}

@Suite struct NotificationTests {
    @Test func `a payload names what changed, and anything else means look at everything`() {
        #expect(Wakeup("jobs") == .jobs)
        #expect(Wakeup(UserIDText.sample) == .user(.sample()))
        #expect(Wakeup(nil) == .anything)
        #expect(Wakeup("garbage") == .anything)
    }

    private enum UserIDText { static let sample = "\(Identifier<User>.sample())" }

    @Test func `a commit wakes the listener of another process, which comes back after a lost connection`() async throws
    {
        try await TestDatabase.with { database async throws in
            let user = try await database.addUser()
            let (wakeups, continuation) = AsyncStream<Wakeup>.makeStream(bufferingPolicy: .bufferingOldest(100))
            let other = PostgresStore(
                conninfo: database.conninfo, secrets: nil, connections: 1, log: Logger(label: "test"))
            let listener = other.listen { continuation.yield($0) }
            var received = wakeups.makeAsyncIterator()
            #expect(await received.next() == .anything)
            #expect(listener.isConnected)
            try await database.submit()
            #expect(Set([await received.next(), await received.next()]) == [.user(user), .jobs])

            try await database.sql(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
                    + "where application_name = 'gondola listen' and datname = current_database()")
            #expect(await received.next() == .anything)
            let record = try await database.claimOne()
            _ = try await database.store.advance(record, by: .priced(.sample))
            #expect(await received.next() == .user(user))
            listener.stop()
            listener.stop()
            await other.close()
        }
    }

    @Test func `where no notification can come, that is said once and tried again`() async throws {
        let third = Signal()
        let server = try SocketServer { _, number in if number == 2 { third.fire() } }
        let said = CountingLog()
        let store = PostgresStore(
            conninfo: "host=127.0.0.1 port=\(server.port) sslmode=disable gssencmode=disable connect_timeout=60",
            secrets: nil, connections: 1, log: Logger(label: "test") { _ in said })
        let listener = store.listen { _ in }
        await third.wait()
        #expect(!listener.isConnected)
        listener.stop()
        #expect(said.messages.value == ["no notification connection; waiters poll"])
        await store.close()
        server.stop()
    }

    private struct CountingLog: LogHandler {
        let messages = Locked<[String]>([])
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(
            level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String,
            function: String, line: UInt
        ) {
            let text = "\(message)"
            messages.change { $0.append(text) }
        }
    }

    @Test func `who listens on the store that takes a job in has heard of it when the call returns`() async throws {
        try await TestDatabase.with { database async throws in
            let user = try await database.addUser()
            let heard = Mutex<[Wakeup]>([])
            let listener = database.store.listen { wakeup in heard.withLock { $0.append(wakeup) } }
            try await database.submit()
            let now = Set(heard.withLock { $0 })
            #expect(now.isSuperset(of: [.user(user), .jobs]))

            listener.stop()
            let before = heard.withLock { $0.count }
            try await database.submit(2)
            #expect(heard.withLock { $0.count } == before)
        }
    }
}
