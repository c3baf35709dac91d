import ArgumentParser
import Foundation
import JobStore
import SyncService
import TestSupport
import Testing
import VideoModels

@testable import gondola

struct LedgerCommandTests {
    @Test(arguments: ["2026-11-01", "2026-11-01T00:00:00Z", "2026-11-01T01:00:00+01:00"])
    func `a moment is a day of UTC or a time`(text: String) throws {
        #expect(try #require(Moment(argument: text)).date == Wire.date(from: "2026-11-01T00:00:00Z"))
    }

    @Test func `a moment may be so long ago`() throws {
        let moment = try #require(Moment(argument: "24h"))
        #expect(abs(moment.date.timeIntervalSinceNow + 86_400) < 60)
        for wrong in ["yesterday", "", "-1h", "2026-13-01", "2026-11-01T25:00:00Z", "400000d"] {
            #expect(Moment(argument: wrong) == nil, "\(wrong)")
        }
    }

    @Test(arguments: [
        [], ["--none", "--default"], ["--none", "--per-day", "5"], ["--per-day", "-1"], ["--per-day", "five"],
        ["--per-month", "0.0000001"], ["--per-month", "$5"],
    ])
    func `a budget that contradicts itself or is no amount is refused`(words: [String]) {
        #expect(throws: (any Error).self) { try UsersBudget.parse(["alice"] + words) }
    }

    @Test(arguments: [["--none"], ["--default"], ["--per-day", "0"], ["--per-day", "5", "--per-month", "50.50"]])
    func `a budget is one of its forms`(words: [String]) throws {
        #expect(try UsersBudget.parse(["alice"] + words).name == "alice")
    }

    @Test func `spending is added up by one of three things`() throws {
        #expect(try LedgerSpend.parse([]).by == .day)
        #expect(try LedgerSpend.parse(["--by", "user"]).by == .user)
        #expect(throws: (any Error).self) { try LedgerSpend.parse(["--by", "mood"]) }
    }

    @Test(arguments: [
        ["--clock-skew", "soon"], ["--lateness", "8d"], ["--since", "2026-11-02", "--until", "2026-11-01"],
        ["--since", "tomorrow"],
    ])
    func `a window or a tolerance that makes no sense is refused`(words: [String]) {
        #expect(throws: (any Error).self) { try LedgerReconcile.parse(words) }
    }

    @Test func `a verdict is printed with its evidence and with the commands that decide`() {
        let verdict = ReconciliationReport.Verdict.sample(isUndecided: true)
        let report = ReconciliationReport.sample([verdict])
        let id = verdict.job
        #expect(
            LedgerReconcile.lines(report) == [
                "\(id)  $0.55  not charged", "    No charge lies near it.",
                "    gondola jobs decide \(id) give-up", "    gondola jobs decide \(id) resubmit",
            ])
        #expect(
            LedgerReconcile.lines(.sample([.sample(isUndecided: false)])).last == "    It has been decided already.")
        #expect(LedgerReconcile.lines(.sample([])) == ["main: no answer is lost in that window"])
    }

    @Test func `a record that could not be read is an error, and one that may be read later says so by its status`() {
        var report = ReconciliationReport.sample([])
        #expect(LedgerReconcile.failure([report]) == nil)
        report.problem = "no"
        #expect(LedgerReconcile.failure([report])?.status == .failed)
        report.isPassing = true
        #expect(LedgerReconcile.failure([report]) == CommandFailure(.unavailable, "main: no"))
    }

    @Test(arguments: [
        ("give-up", true), ("resubmit", true), ("agree", true), ("wait", true), ("give_up", false), ("later", false),
    ])
    func `a decision is one of its words`(word: String, isOne: Bool) {
        let command = try? JobsDecide.parse(["01a1fd70-f23e-715c-a7ec-8e65a18debbe", word])
        #expect((command != nil) == isOne)
    }
}

extension ReconciliationReport {
    fileprivate static func sample(_ verdicts: [Verdict]) -> Self {
        var report = ReconciliationReport(account: "main")
        report.verdicts = verdicts
        return report
    }
}

extension ReconciliationReport.Verdict {
    fileprivate static func sample(isUndecided: Bool) -> Self {
        Self(
            job: .sample(), user: .sample(), model: "m", price: .sample, startedAt: .sample, verdict: .notCharged,
            askAgainAt: nil, isUndecided: isUndecided,
            evidence: ["No charge lies near it."])
    }
}

struct QuoteRefusalTests {
    private func quote(fits: Bool) -> Quote {
        let limit = Quote.Limit(period: .known(.day), limit: Money("5")!, spent: Money("4.80")!, renewsAt: .sample)
        return Quote(price: .sample, budget: Quote.Room(fits: fits, limits: [limit]))
    }

    @Test func `a price that does not fit is refused before anything is asked`() {
        #expect(
            quote(fits: false).refusal
                == "the price of $0.55 does not fit into the budget: $4.80 of $5.00 a day is spent or held, until "
                + "2026-11-21 09:30:00Z")
        #expect(quote(fits: true).refusal == nil)
        #expect(Quote(price: .sample).refusal == nil)
    }
}
