import JobLifecycle
import TestSupport
import Testing
import VideoModels

@Suite struct TransitionTableTests {
    /// State, event, the state that follows, the effects in order. What is not here is refused.
    static let table = """
        accepted    priced          quoted      publish
        accepted    refused         failed      publish
        accepted    accountBlocked  blocked     publish
        accepted    postponed       accepted    snooze
        accepted    setback         accepted    snooze
        accepted    cancel          cancelled   publish
        quoted      refused         failed      publish
        quoted      intended        submitting  reserve publish
        quoted      postponed       quoted      snooze
        quoted      held            quoted      snooze publish
        quoted      setback         quoted      snooze
        quoted      cancel          cancelled   publish
        submitting  accepted        rendering   settle publish
        submitting  notSent         quoted      snooze release publish
        submitting  correctable     quoted      release publish snooze
        submitting  refused         failed      release publish
        submitting  accountBlocked  blocked     publish release
        submitting  consentAsked    consent     release publish
        submitting  lost            unknown     publish
        rendering   stillRendering  rendering
        rendering   newEstimate     rendering   publish
        rendering   announced       downloading publish
        rendering   renderingFailed failed      refund publish
        rendering   postponed       rendering   snooze
        rendering   setback         rendering   snooze
        downloading stored          ready       addVideo publish
        downloading stillRendering  rendering   publish
        downloading newEstimate     rendering   publish
        downloading renderingFailed failed      refund publish
        downloading postponed       downloading snooze
        downloading setback         downloading snooze
        ready       cleanedUp       cleaned
        ready       postponed       ready       snooze
        ready       setback         ready       snooze
        unknown     accepted        rendering   settle publish snooze
        unknown     notSent         quoted      snooze release publish
        unknown     correctable     quoted      release publish snooze
        unknown     refused         failed      release publish
        unknown     accountBlocked  blocked     publish release
        unknown     consentAsked    consent     release publish
        unknown     resubmit        quoted      settle publish snooze
        unknown     giveUp          failed      settle publish
        blocked     resubmit        accepted    publish snooze
        blocked     giveUp          failed      publish
        blocked     cancel          cancelled   publish
        consent     agree           accepted    publish snooze
        consent     giveUp          failed      publish
        consent     cancel          cancelled   publish
        restored    resubmit        quoted      publish snooze
        restored    giveUp          failed      publish
        unpriced    resubmit        accepted    publish snooze
        unpriced    giveUp          failed      publish
        """

    struct Cell: Hashable {
        var state: String
        var event: String
    }

    static let expected: [Cell: [String]] = {
        let rows = table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        return Dictionary(uniqueKeysWithValues: rows.map { (Cell(state: $0[0], event: $0[1]), Array($0[2...])) })
    }()

    @Test(arguments: states.indices, events.indices)
    func `each event in each state does what the table says`(state: Int, event: Int) throws {
        let (before, what) = (states[state], events[event])
        var job = JobProgress(state: before.state, setbacks: 1)
        guard let row = Self.expected[Cell(state: before.name, event: what.name)] else {
            #expect(throws: InvalidEvent(what.event, in: before.state)) { try job.apply(what.event) }
            #expect(job == JobProgress(state: before.state, setbacks: 1))
            return
        }
        let effects = try job.apply(what.event)
        #expect([job.state.word] + effects.map(\.word) == row)
    }

    @Test func `the table names only states and events that are tested`() {
        #expect(Self.expected.keys.allSatisfy { key in states.contains { $0.name == key.state } })
        #expect(Self.expected.keys.allSatisfy { key in events.contains { $0.name == key.event } })
    }

    @Test(arguments: states.indices)
    func `a job is under way exactly when there is a next action, whoever asks`(index: Int) {
        let state = states[index].state
        for token in [LeaseToken(0), .sample, LeaseToken(.max)] {
            #expect(state.isUnderWay == (state.nextAction(holding: token) != nil))
        }
        let words = ["accepted", "quoted", "submitting", "rendering", "downloading", "ready"]
        #expect(state.isUnderWay == words.contains(states[index].name))
    }

    @Test func `each state names its action`() {
        let actions = states.map { $0.state.nextAction(holding: .sample) }
        #expect(
            actions == [
                .price, .intendSubmission(.sample), .submit(.sample), .poll(.sample), .store(.sample),
                .cleanUp(.sample), nil, nil, nil, nil, nil, nil, nil, nil,
            ])
    }

    @Test func `a worker that finds another worker's intent reports it lost and never submits`() {
        let state = JobState.submitting(.sample, by: LeaseToken(7))
        #expect(state.nextAction(holding: LeaseToken(7)) == .submit(.sample))
        #expect(state.nextAction(holding: LeaseToken(8)) == .reportLost)
        #expect(state.nextAction(holding: LeaseToken(6)) == .reportLost)
    }
}
