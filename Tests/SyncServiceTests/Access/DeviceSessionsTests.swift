import Foundation
import JobStore
import Logging
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// Who is let in, and for how long that is believed.
@Suite(.timeLimit(.minutes(10))) struct DeviceSessionsTests {
    /// A time that passes only when told.
    private final class Watch: Sendable {
        private let time = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { time.withLock { $0 } }
        func pass(_ duration: Duration) { time.withLock { $0 += duration } }
    }

    /// Whose waits and streams were told to look.
    private final class Woken: Sendable {
        private let all = Mutex<[UserID]>([])
        var users: [UserID] { all.withLock { $0 } }
        func note(_ user: UserID) { all.withLock { $0.append(user) } }
    }

    private struct Bench {
        var database: TestDatabase
        var woken = Woken()
        var sessions: DeviceSessions
        var watch: Watch
        var token: Redacted<String>
        var user: UserID
        var device = DeviceID.sample(2)

        func admit() async throws -> DeviceSessions.Admission { try await sessions.admit(token) }

        func caller() async throws -> Caller {
            guard case .caller(let caller) = try await admit() else { throw StoreError.notFound }
            return caller
        }
    }

    private func with(hears: @escaping @Sendable () -> Bool = { true }, _ body: (Bench) async throws -> Void)
        async throws
    {
        try await TestDatabase.with { database in
            let (user, watch, woken) = (UserID.sample(), Watch(), Woken())
            _ = try await database.store.addUser(named: "alice", id: user)
            var log = Logger(label: "test")
            log.logLevel = .critical
            let sessions = DeviceSessions(
                store: database.store, log: log, wake: { woken.note($0) }, now: { watch.now })
            sessions.listen(while: hears)
            let token = try await database.store.issueToken(user: user, device: .sample(2), name: "phone")
            try await body(
                Bench(
                    database: database, woken: woken, sessions: sessions, watch: watch, token: token, user: user))
        }
    }

    private static let behindOurBack = "update devices set revoked_at = now()"

    @Test func `a token that was looked up is believed for some seconds, and no longer`() async throws {
        try await with { bench in
            let caller = try await bench.caller()
            #expect(caller.user == bench.user && caller.device == bench.device)
            try await bench.database.sql(Self.behindOurBack)
            bench.watch.pass(.seconds(4))
            #expect(try await bench.caller().session === caller.session)
            bench.watch.pass(.seconds(1))
            guard case .revoked = try await bench.admit() else { return #expect(Bool(false), "still believed") }
        }
    }

    @Test func `a revocation that is heard of ends everything in that instant`() async throws {
        try await with { bench in
            let caller = try await bench.caller()
            try await bench.database.sql(Self.behindOurBack)
            bench.sessions.end(bench.device)
            #expect(caller.revoked.isSet && caller.loss == .revoked && bench.woken.users == [bench.user])
            guard case .revoked = try await bench.admit() else { return #expect(Bool(false), "still believed") }
        }
    }

    @Test func `while revocations cannot be heard of, each request is looked up`() async throws {
        let isHearing: @Sendable () -> Bool = { false }
        try await with(hears: isHearing) { bench in
            _ = try await bench.caller()
            try await bench.database.sql(Self.behindOurBack)
            guard case .revoked = try await bench.admit() else { return #expect(Bool(false), "believed unheard") }
        }
    }

    @Test func `what was looked up while revocations could not be heard of is not believed later`() async throws {
        let hears = Mutex(false)
        let isHearing: @Sendable () -> Bool = { hears.withLock { $0 } }
        try await with(hears: isHearing) { bench in
            _ = try await bench.caller()
            try await bench.database.sql(Self.behindOurBack)
            hears.withLock { $0 = true }
            guard case .revoked = try await bench.admit() else { return #expect(Bool(false), "believed unheard") }
        }
    }

    @Test func `what is believed no more keeps no session`() async throws {
        try await with { bench in
            weak let session = try await bench.caller().session
            bench.sessions.letGo()
            #expect(session != nil)
            bench.watch.pass(DeviceSessions.belief)
            for _ in 0..<2 { bench.sessions.letGo() }
            #expect(session == nil)
        }
    }

    @Test func `another process's revocation is heard of, and ends what is open here`() async throws {
        try await with { bench in
            let listener = bench.database.store.listen { [sessions = bench.sessions] wakeup in
                if case .revoked(let device) = wakeup { sessions.end(device) }
            }
            defer { listener.stop() }
            while !listener.isConnected { await Task.yield() }
            let caller = try await bench.caller()
            var log = Logger(label: "test")
            log.logLevel = .critical
            let elsewhere = PostgresStore(
                conninfo: bench.database.conninfo, secrets: nil, connections: 2, log: log)
            try await elsewhere.revokeToken(device: bench.device)
            await caller.revoked.wait()
            await elsewhere.close()
            guard case .revoked = try await bench.admit() else { return #expect(Bool(false), "still believed") }
        }
    }

    @Test func `what was missed is found by looking, and so are a token whose time is over and a user who is shut out`()
        async throws
    {
        let endings: [(String, AccessLoss)] = [
            (Self.behindOurBack, .revoked),
            ("update devices set expires_at = now() - interval '1 second'", .expired),
            ("update users set suspended_at = now()", .suspended),
        ]
        for (ending, loss) in endings {
            try await with { bench in
                let caller = try await bench.caller()
                await bench.sessions.check()
                #expect(!caller.revoked.isSet)
                try await bench.database.sql(ending)
                await bench.sessions.check()
                #expect(caller.revoked.isSet && caller.loss == loss)
                #expect(bench.woken.users == [bench.user])
                switch try await bench.admit() {
                case .revoked, .expired, .suspended: break
                case .caller, .unknown: #expect(Bool(false), "let in after \(ending)")
                }
            }
        }
    }

    @Test func `when hints may have been missed nothing is believed`() async throws {
        try await with { bench in
            let caller = try await bench.caller()
            try await bench.database.sql(Self.behindOurBack)
            bench.sessions.doubt()
            await bench.sessions.check()
            #expect(caller.revoked.isSet)
            guard case .revoked = try await bench.admit() else { return #expect(Bool(false), "still believed") }
        }
    }

    @Test func `a token is not believed beyond its own end`() async throws {
        try await with { bench in
            try await bench.database.sql("update devices set expires_at = now() + interval '2 seconds'")
            // By its own clock the token lasts two seconds at most; on a busy machine it may be over already.
            guard case .caller = try await bench.admit() else { return }
            bench.watch.pass(.seconds(2))
            try await bench.database.sql("update devices set expires_at = now() - interval '1 second'")
            guard case .expired = try await bench.admit() else { return #expect(Bool(false), "still believed") }
        }
    }

    @Test func `a sighting is written once in some minutes, and not by the request itself`() async throws {
        try await with { bench in
            func row() async throws -> String {
                try await bench.database.sql("select xmin, last_seen_at from devices")
            }
            let before = try await row()
            _ = try await bench.caller()
            #expect(try await row() == before)
            await bench.sessions.writeSightings()
            let seen = try await row()
            #expect(seen != before)
            bench.watch.pass(.seconds(10))
            _ = try await bench.caller()
            await bench.sessions.writeSightings()
            // Nor does another process, which has not heard of it.
            try await bench.database.store.markSeen([bench.device: bench.user])
            #expect(try await row() == seen)
            try await bench.database.sql("update devices set last_seen_at = now() - interval '6 minutes'")
            let old = try await row()
            bench.watch.pass(.seconds(10))
            _ = try await bench.caller()
            await bench.sessions.writeSightings()
            #expect(try await row() != old)
        }
    }

    @Test func `however many tokens are believed, their number has a bound, and the newest are among them`() {
        let now = ContinuousClock.now
        var beliefs = Beliefs(capacity: 10)
        for number in 1...1000 {
            let session = DeviceSession(user: .sample(), device: .sample(UInt64(number))) {}
            let caller = Caller(session: session, scopes: [.read])
            _ = beliefs.add(Redacted("\(number)"), of: caller, until: now + .seconds(5))
            #expect(beliefs.count <= 10)
        }
        for number in 996...1000 {
            #expect(beliefs.caller(with: Redacted("\(number)"), at: now)?.device == .sample(UInt64(number)))
        }
        #expect(beliefs.caller(with: Redacted("1000"), at: now + .seconds(5)) == nil)
    }

    @Test func `nonsense is not a question to the database`() async throws {
        try await with { bench in
            try await bench.database.sql("alter table devices rename to elsewhere")
            for wrong in ["", "gdl_", "gdl_short", String(repeating: "x", count: 47)] {
                guard case .unknown = try await bench.sessions.admit(Redacted(wrong)) else {
                    return #expect(Bool(false), "\(wrong)")
                }
            }
            let shaped = Redacted("gdl_" + String(repeating: "A", count: 43))
            await #expect(throws: PostgresError.self) { try await bench.sessions.admit(shaped) }
            try await bench.database.sql("alter table elsewhere rename to devices")
        }
    }
}
