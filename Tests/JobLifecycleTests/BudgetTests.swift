import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@Suite struct BudgetTests {
    private func money(_ text: String) throws -> Money { try #require(Money(text)) }

    private func book(
        own: SpendingLimits = SpendingLimits(), spent: Money = .zero, cap: SpendingLimits = SpendingLimits(),
        allSpent: Money = .zero
    ) -> BudgetBook {
        BudgetBook(
            users: [.sample(): Budget(limits: own, spentToday: spent, spentThisMonth: spent)],
            all: Budget(limits: cap, spentToday: allSpent, spentThisMonth: allSpent), at: .sample)
    }

    @Test func `what is let in counts for the next, up to the last cent`() throws {
        var book = try book(own: SpendingLimits(perDay: money("1.10")))
        #expect(try book.take(.sample) == nil)
        #expect(try book.take(.sample) == nil)
        let refusal = try #require(try book.take(money("0.000001")))
        #expect(refusal.scope == .user)
        #expect(refusal.facts?.period == .known(.day))
        #expect(refusal.facts?.limit == Money("1.10"))
        #expect(refusal.facts?.spent == Money("1.1"))
        #expect(refusal.facts?.price == Money("0.000001"))
        #expect(refusal.facts.map { Wire.text(of: $0.renewsAt) } == "2026-11-22T00:00:00.000Z")
    }

    @Test func `what is refused counts for nothing`() throws {
        var book = try book(own: SpendingLimits(perDay: money("1")))
        #expect(try book.take(money("1.01")) != nil)
        #expect(try book.take(money("1")) == nil)
    }

    @Test func `where day and month are both exceeded the month is named, whose wait is the one that counts`() throws {
        var book = try book(own: SpendingLimits(perDay: money("1"), perMonth: money("2")), spent: money("2"))
        let facts = try #require(try book.take(.sample)?.facts)
        #expect(facts.period == .known(.month))
        #expect(Wire.text(of: facts.renewsAt) == "2026-12-01T00:00:00.000Z")
    }

    @Test func `all users together share the cap, and one user's budget is not another's`() throws {
        var book = try book(own: SpendingLimits(perDay: .zero), cap: SpendingLimits(perMonth: money("1")))
        #expect(try book.take(.sample)?.scope == .user)
        #expect(try book.take(.sample, user: .sample(2)) == nil)
        #expect(try book.take(.sample, user: .sample(3))?.scope == .deployment)
    }

    @Test func `a budget of nothing lets through what costs nothing`() throws {
        var book = book(own: SpendingLimits(perDay: .zero, perMonth: .zero))
        #expect(try book.take(.zero) == nil)
    }

    @Test func `a user's budget ends the job unpaid and says which, how much and until when`() throws {
        var book = try book(own: SpendingLimits(perDay: money("0.50")), spent: money("0.25"))
        let event = try #require(try book.take(.sample)).event
        var job = JobProgress(state: .quoted(.sample))
        #expect(try job.apply(event) == [.publish])
        guard case .failed(let failure) = job.state else { return #expect(job.state.word == "failed") }
        #expect(failure.code == "budget_exceeded")
        #expect(
            failure.message
                == "The price of $0.55 does not fit into the budget of $0.50 a day, of which $0.25 is spent or held. "
                + "It renews at 2026-11-22T00:00:00.000Z. Nothing was charged.")
        #expect(failure.notes.budget?.limit == Money("0.5"))
    }

    @Test func `the deployment's cap holds the job, says so once, and looks again before the period ends`() throws {
        var book = try book(cap: SpendingLimits(perDay: money("0.50")))
        let event = try #require(try book.take(.sample)).event
        var job = JobProgress(state: .quoted(.sample), setbacks: 2)
        #expect(try job.apply(event) == [.snooze(300), .publish])
        #expect(job.state == .quoted(.sample))
        #expect(job.setbacks == 2)
        #expect(job.hold?.kind == .known(.spendingCap))
        #expect(try job.apply(event) == [.snooze(300)])
        let justBefore = try #require(job.hold?.until).addingTimeInterval(-7)
        #expect(try job.apply(event, at: justBefore) == [.snooze(7)])
        // Room again: the intent is formed, and nothing of the hold is left.
        try job.apply(.submissionIntended(by: .sample))
        #expect(job.hold == nil)
    }

    @Test func `a held job that only waits its turn says so`() throws {
        var job = JobProgress(state: .quoted(.sample), hold: .sample)
        #expect(try job.apply(.postponed(3)) == [.snooze(3), .publish])
        #expect(job.hold == nil)
    }

    @Test(arguments: [
        ("2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
        ("2028-02-28T00:00:00.000Z", "2028-02-29T00:00:00.000Z", "2028-03-01T00:00:00.000Z"),
    ])
    func `periods are those of UTC`(now: String, day: String, month: String) throws {
        let moment = try #require(Wire.date(from: now))
        #expect(Wire.text(of: BudgetPeriod.day.renewal(after: moment)) == day)
        #expect(Wire.text(of: BudgetPeriod.month.renewal(after: moment)) == month)
    }

    @Test func `a quote says what is left, and nothing where there is no budget`() throws {
        let limited = try book(own: SpendingLimits(perDay: money("1"), perMonth: money("20")), spent: money("0.46"))
        let room = try #require(limited.room(for: .sample, user: .sample()))
        #expect(!room.fits)
        #expect(room.limits.map(\.period) == [.known(.day), .known(.month)])
        #expect(room.limits.map(\.spent) == [Money("0.46"), Money("0.46")])
        #expect(limited.room(for: try money("0.54"), user: .sample())?.fits == true)
        #expect(book().room(for: .sample, user: .sample()) == nil)
    }
}

@Suite struct VerdictTests {
    private let proven = JobProgress(
        state: .attention(.unknownOutcome(.sample, evidence: "timeout")), verdict: .notCharged)

    @Test func `what is proven not to be charged is released, whatever the person decides`() throws {
        var again = proven
        #expect(try again.apply(.decided(.resubmit)) == [.release(.sample), .publish, .snooze(0)])
        #expect(again.state == .quoted(.sample))
        #expect(again.verdict == nil)
        var over = proven
        #expect(try over.apply(.decided(.giveUp)) == [.release(.sample), .publish])
        guard case .failed(let failure) = over.state else { return #expect(over.state.word == "failed") }
        #expect(failure.code == "given_up")
        #expect(failure.refunded == true)
    }

    @Test(arguments: [Job.Attention.Verdict.charged, .undecidable, nil])
    func `anything less counts as spent`(verdict: Job.Attention.Verdict?) throws {
        for decision in [Decision.resubmit, .giveUp] {
            var job = proven
            job.verdict = verdict
            #expect(try job.apply(.decided(decision)).contains(.settle(.sample)))
        }
    }

    @Test func `a late answer goes before any verdict`() throws {
        var job = proven
        #expect(try job.apply(.submissionAccepted(.sample)).contains(.settle(.sample)))
        #expect(job.state.word == "rendering")
    }
}

extension BudgetBook {
    /// Throws only so that it can be called inside an expectation.
    fileprivate mutating func take(_ amount: Money, user: UserID = .sample()) throws -> BudgetRefusal? {
        admit(Reservation(user: user, job: .sample(), account: "main", amount: amount))
    }
}
