import JobLifecycle
import TestSupport
import Testing
import VideoModels

@Suite struct AskingAgainTests {
    private static let quotation = Quotation(price: .sample)

    @Test func `only a job that has ended can be asked for again, and what is spent on it is said`() {
        let spent = Money("0.5")!
        for state in [JobState.failed(.sample), .cancelled] {
            #expect(state.askingAgain(spent: .zero) == .free)
            #expect(state.askingAgain(spent: spent) == .paysAgain(spent: spent))
        }
        for state in [JobState.accepted, .quoted(Self.quotation), .submitting(Self.quotation, by: LeaseToken(1))] {
            #expect(state.askingAgain(spent: .zero) == .underWay)
            #expect(state.askingAgain(spent: spent) == .underWay)
        }
    }

    @Test func `a job that waits for a person is never asked for again by itself`() {
        let lost = JobState.attention(.unknownOutcome(Self.quotation, evidence: "x"))
        #expect(lost.askingAgain(spent: .zero) == .undecided)
        #expect(JobState.attention(.accountBlocked(evidence: "402")).askingAgain(spent: .zero) == .undecided)
    }

    @Test func `an intent is never taken from its holder`() {
        #expect(!JobState.submitting(Self.quotation, by: LeaseToken(1)).mayBeGivenBack)
        #expect(JobState.quoted(Self.quotation).mayBeGivenBack && JobState.accepted.mayBeGivenBack)
        #expect(!JobState.cancelled.mayBeGivenBack && !JobState.failed(.sample).mayBeGivenBack)
    }
}
