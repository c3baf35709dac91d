import ArgumentParser
import Foundation
import JobStore
import SyncService
import TestSupport
import Testing
import VideoModels

@testable import gondola

/// What the commands for operators decide without a database.
struct OperatorCommandTests {
    @Test func `settings are shown with their origin, and no secret among them`() throws {
        let reports = Configuration.report(
            flags: ["listen": "127.0.0.1:1"],
            environment: [
                "GONDOLA_LEASE": "9s", "DATABASE_URL": "postgres://u:hunter2@h/d", "VENICE_API_KEY": "key-1",
                "VENICE_WALLET_KEY_FILE": "/etc/wallet", "GONDOLA_STORAGE": "",
            ])
        func report(_ name: String) throws -> SettingReport { try #require(reports.first { $0.name == name }) }
        #expect(try report("GONDOLA_LISTEN").origin == .flag)
        #expect(try report("GONDOLA_LISTEN").value == "127.0.0.1:1")
        #expect(try report("GONDOLA_LEASE").source == "GONDOLA_LEASE")
        #expect(try report("GONDOLA_LEASE").origin == .environment)
        #expect(try report("GONDOLA_STORAGE").origin == .default)
        #expect(try report("VENICE_WALLET_KEY").origin == .file)
        #expect(try report("VENICE_WALLET_KEY").source == "VENICE_WALLET_KEY_FILE /etc/wallet")
        let shown = ConfigCommand.Show.table(reports).lines(width: nil).joined(separator: "\n")
        #expect(!shown.contains("hunter2") && !shown.contains("key-1"))
        #expect(shown.contains("‹redacted›"))
        let json = String(decoding: try Wire.encode(reports), as: UTF8.self)
        #expect(!json.contains("hunter2") && !json.contains("key-1"))
    }

    @Test func `a check names every wrong setting and every stranger`() {
        let report = ConfigCommand.Check.report(
            flags: [:], environment: ["GONDOLA_LEASE": "soon", "GONDOLA_LISTENN": "x"])
        #expect(!report.isUsable && report.problems.count == 1)
        #expect(report.strangers == ["GONDOLA_LISTENN": "GONDOLA_LISTEN"])
        #expect(ConfigCommand.Check.report(flags: [:], environment: [:]).isUsable)
    }

    @Test func `each migration says why, and the plan has only what is asked for`() {
        let steps = Migrate.Plan.steps(Migrator.all, withSQL: false)
        #expect(steps.allSatisfy { $0.why.count > 20 && $0.sql == nil })
        #expect(Migrate.Plan.steps([Migrator.all[0]], withSQL: true).first?.sql == Migrator.all[0].sql)
    }

    @Test func `a moment is a time, a day or how long ago`() {
        #expect(Moment(argument: "2026-11-01")?.date == Wire.date(from: "2026-11-01T00:00:00Z"))
        #expect(Moment(argument: "2026-11-01T09:30:00Z")?.date == Wire.date(from: "2026-11-01T09:30:00Z"))
        #expect(Moment(argument: "yesterday") == nil)
    }

    @Test(arguments: [
        (["jobs", "cancel"], "name jobs by their ids"), (["jobs", "cancel", "x"], "expected the id of a job"),
        (["jobs", "retry", "--state", "nowhere"], "--state must be one of"),
        (["jobs", "requeue", "--quiet-for", "long"], "--quiet-for must be a duration"),
        (["jobs", "list", "--since", "2026-11-02", "--before", "2026-11-01"], "--before must be later"),
        (["jobs", "list", "--limit", "0"], "--limit must be"), (["workers", "drain"], "name processes, or say --all"),
        (["accounts", "breaker", "a"], "give either --close or --rest"),
        (["accounts", "breaker", "a", "--rest", "2d"], "--rest must be"),
        (["users", "suspend", "a", "--reason", ""], "--reason must have"),
    ])
    func `what makes no sense is refused before anything is asked`(_ words: [String], _ says: String) {
        do {
            _ = try Gondola.parseAsRoot(words)
            Issue.record("\(words) was taken")
        } catch {
            #expect(Gondola.message(for: error).contains(says))
        }
    }

    @Test func `only news is printed, the oldest first, and what has left the list is forgotten`() async throws {
        let jobs = try await TestDatabase.with { database in
            let user = try await database.store.addUser(named: "alice", id: .sample()).id
            for number in 1...2 as ClosedRange<UInt64> {
                _ = try await database.store.submit(
                    JobSubmission(request: .sample), id: .sample(number), user: user, account: "main")
            }
            return try await database.store.jobs(JobFilter(), limit: 10).map { try OperatorJob($0.record) }
        }
        var screen = WatchScreen(isDrawn: false, isJSON: false)
        func news(_ jobs: [OperatorJob]) -> [JobID] { screen.news(in: jobs).map(\.id) }
        #expect(news(jobs) == [.sample(1), .sample(2)])
        #expect(news(jobs) == [])
        var changed = jobs
        changed[1].updatedAt = changed[1].updatedAt.addingTimeInterval(1)
        #expect(news(changed) == [changed[1].id])
        #expect(news([]) == [] && news(changed).count == 2)
    }
}
