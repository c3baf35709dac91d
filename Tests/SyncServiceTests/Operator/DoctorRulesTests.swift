import Foundation
import TestSupport
import Testing
import VideoModels

@testable import JobStore
@testable import SyncService

struct DoctorRulesTests {
    private typealias Case = (result: CheckResult, verdict: Diagnosis.Verdict, word: String)

    private func check(_ cases: [Case], _ location: SourceLocation = #_sourceLocation) {
        for (result, verdict, word) in cases {
            #expect(result.verdict == verdict, "\(result)", sourceLocation: location)
            #expect("\(result.what) \(result.mend ?? "")".contains(word), "\(result)", sourceLocation: location)
            #expect((result.mend == nil) == (verdict == .ok), "\(result)", sourceLocation: location)
        }
    }

    private static func server(_ change: (inout ServerFacts) -> Void = { _ in }) -> ServerFacts {
        var facts = ServerFacts(
            now: .sample, version: 150_004, versionWords: "15.4", isReplica: false, isDurable: true,
            synchronousCommit: "on", hasAutovacuum: true, connections: 7, connectionLimit: 100,
            passesRowSecurity: false)
        change(&facts)
        return facts
    }

    @Test func `a server that loses what it confirmed is worse than an old one`() {
        check([
            (DoctorRules.server(Self.server()), .ok, "15.4"),
            (DoctorRules.server(Self.server { $0.isReplica = true }), .fail, "replica"),
            (DoctorRules.server(Self.server { $0.isDurable = false }), .fail, "may lose"),
            (DoctorRules.server(Self.server { $0.synchronousCommit = "off" }), .fail, "may lose"),
            (DoctorRules.server(Self.server { $0.version = 140_010 }), .warn, "upgrade"),
            (DoctorRules.server(Self.server { $0.connections = 95 }), .warn, "95 of 100"),
            (DoctorRules.rowSecurity(Self.server()), .ok, "bound"),
            (DoctorRules.rowSecurity(Self.server { $0.passesRowSecurity = true }), .warn, "superuser"),
            (DoctorRules.autovacuum(isOn: true), .ok, "on"), (DoctorRules.autovacuum(isOn: false), .fail, "off"),
            (DoctorRules.migrations(Migrator.Status(applied: ["1"], pending: [])), .ok, "none pending"),
            (DoctorRules.migrations(Migrator.Status(applied: [], pending: ["0002_x.sql"])), .fail, "gondola migrate"),
            (DoctorRules.wakeUps(areHeard: true), .ok, "comes back"),
            (DoctorRules.wakeUps(areHeard: false), .warn, "PgBouncer"),
        ])
    }

    @Test func `a clock is judged by what is certain of it`() {
        check([
            (DoctorRules.clock(0.4, of: "theirs", doubt: 0.5), .ok, "within 0.50 s of theirs"),
            (DoctorRules.clock(-2.4, of: "theirs", doubt: 0.5), .ok, "within"),
            (DoctorRules.clock(-4, of: "theirs", doubt: 0.5), .warn, "4.00 s behind theirs"),
            (DoctorRules.clock(90, of: "theirs", doubt: 0.5), .fail, "90 s ahead of theirs"),
        ])
    }

    @Test func `a disk is judged by its floor, and by how fast it is`() {
        check([
            (DoctorRules.disk(free: 100, floor: 10, of: "/x"), .ok, "/x"),
            (DoctorRules.disk(free: 39, floor: 10, of: "/x"), .warn, "near the floor"),
            (DoctorRules.disk(free: 9, floor: 10, of: "/x"), .fail, "nothing new is submitted"),
            (DoctorRules.disk(free: nil, floor: 10, of: "/x"), .fail, "mounted"),
            (DoctorRules.sync(milliseconds: 3, of: "/x"), .ok, "3.00 ms"),
            (DoctorRules.sync(milliseconds: 300, of: "/x"), .warn, "300 ms"),
            (DoctorRules.sync(milliseconds: 3000, of: "/x"), .fail, "faster"),
        ])
    }

    @Test func `old snapshots and dead rows are told with whose they are`() {
        check([
            (DoctorRules.transactions(TransactionFacts(transactionSeconds: 3)), .ok, "no transaction"),
            (
                DoctorRules.transactions(TransactionFacts(transactionSeconds: 600, transactionWords: "psql, idle")),
                .warn, "psql, idle"
            ),
            (DoctorRules.transactions(TransactionFacts(transactionSeconds: 7200)), .fail, "pg_terminate_backend"),
            (DoctorRules.transactions(TransactionFacts(preparedSeconds: 600)), .fail, "prepared"),
            (DoctorRules.transactions(TransactionFacts(slotAge: 20_000_000)), .warn, "slot"),
            (DoctorRules.transactions(TransactionFacts(hidden: 2)), .warn, "pg_read_all_stats"),
            (DoctorRules.bloat([TableFacts(name: "jobs", live: 10, dead: 9000)]), .ok, "9000 dead"),
            (DoctorRules.bloat([TableFacts(name: "jobs", live: 10, dead: 20_000)]), .warn, "jobs (20000 dead"),
            (
                DoctorRules.bloat([TableFacts(name: "jobs", live: 10, dead: 20_000, vacuumSeconds: 60)]), .warn,
                "vacuum jobs"
            ),
            (DoctorRules.bloat([TableFacts(name: "jobs", live: 10, dead: 200_000)]), .fail, "mostly dead"),
            (DoctorRules.bloat([TableFacts(name: "jobs", live: 10, dead: 0, age: 500_000_000)]), .fail, "wrap-around"),
        ])
    }

    @Test func `an account is judged by whether it pays, and for how long`() {
        func test(_ verdict: AccountTest.Verdict, _ dollars: String?, _ reason: String? = nil) -> AccountTest {
            let settings = Configuration().accounts[0]
            return AccountTest(
                account: AccountReport(settings), verdict: verdict,
                balances: dollars.flatMap(Money.init).map { ["USD": $0] } ?? [:], reason: reason)
        }
        check([
            (DoctorRules.account(test(.usable, "12")), .ok, "12 USD"),
            (DoctorRules.account(test(.usable, nil)), .ok, "default"),
            (DoctorRules.account(test(.usable, "0.4")), .warn, "top it up"),
            (DoctorRules.account(test(.refused, nil, "401")), .fail, "401"),
            (DoctorRules.account(test(.unreachable, nil, "no route")), .fail, "VENICE_BASE_URL"),
        ])
    }

    @Test func `the worst verdict is the diagnosis`() {
        func check(_ verdict: Diagnosis.Verdict) -> Diagnosis.Check {
            Diagnosis.Check(name: "x", verdict: verdict, what: "y", mend: nil, seconds: 0)
        }
        #expect(Diagnosis([]).verdict == .ok)
        #expect(Diagnosis([check(.ok), check(.warn), check(.ok)]).verdict == .warn)
        #expect(Diagnosis([check(.fail), check(.warn)]).verdict == .fail)
    }
}
