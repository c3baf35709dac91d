import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

/// The diagram in `docs/states.md` is what the code does: each state is driven through each event.
@Suite struct StatesDocTests {
    private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../docs/states.md")

    /// The operator's words, which the database uses too; attention apart by its kind, ready by what is left to do.
    private static let names = [
        "unknown": "attention: unknown_outcome", "blocked": "attention: account_blocked",
        "consent": "attention: consent_needed", "cleaned": "ready, cleaned up",
        "restored": "attention: restored", "unpriced": "attention: restored, not priced",
    ]

    /// Policies and rows of trouble under which an event leads elsewhere.
    private static let circumstances: [(policy: JobPolicy, job: @Sendable (JobState) -> JobProgress, time: Date)] = {
        var lenient = JobPolicy()
        lenient.unknownOutcome = .resubmit
        var strict = JobPolicy()
        strict.unknownOutcome = .fail
        (strict.retries.tries, strict.cleanUpLimit) = (1, 1)
        let late = Date.sample.addingTimeInterval(strict.deadline)
        let plain: @Sendable (JobState) -> JobProgress = { JobProgress(state: $0) }
        return [
            (JobPolicy(), plain, .sample), (lenient, plain, .sample), (strict, plain, .sample),
            (strict, plain, late),
            (JobPolicy(), { JobProgress(state: $0, setbacks: 9) }, .sample),
            (JobPolicy(), { JobProgress(state: $0, maxPrice: .zero) }, .sample),
            (JobPolicy(), { JobProgress(state: $0, consent: ConsentGiven(.sample, at: .sample)) }, .sample),
        ]
    }()

    private struct Edge: Hashable, Comparable {
        var from: Int
        var to: Int
        static func < (one: Edge, other: Edge) -> Bool { (one.from, one.to) < (other.from, other.to) }
    }

    /// Every step from one state to another, with the events that can cause it.
    private static func edges() throws -> [Edge: [String]] {
        let words = states.map(\.name)
        var edges: [Edge: [String]] = [:]
        for (from, state) in states.enumerated() {
            for event in events {
                for circumstance in circumstances {
                    var job = circumstance.job(state.state)
                    let effects = try? job.apply(
                        event.event, policy: circumstance.policy, at: circumstance.time, jitter: 0)
                    guard effects != nil, let to = words.firstIndex(of: job.state.word), to != from else { continue }
                    let edge = Edge(from: from, to: to)
                    if edges[edge]?.contains(event.name) != true { edges[edge, default: []].append(event.name) }
                }
            }
        }
        return edges
    }

    private static func document() throws -> String {
        let edges = try edges()
        let lines = edges.sorted { $0.key < $1.key }.map { edge, events in
            "    \(states[edge.from].name) --> \(states[edge.to].name): \(events.joined(separator: ", "))"
        }
        let named = states.compactMap { state in names[state.name].map { "    state \"\($0)\" as \(state.name)" } }
        let last = states.filter { state in !edges.keys.contains { states[$0.from].name == state.name } }
        return """
            # The states of a job

            Made from the code by `StatesDocTests`, which drives every state through every event under every policy;
            `UPDATE_DOCS=1 swift test --filter StatesDocTests` writes it anew. Events that leave a job in its state (a look
            that finds it rendering, a wait after trouble, a turn that is postponed) are not drawn. What is not here is refused
            with an error and changes nothing. `docs/operating.md` says what the states mean.

            ```mermaid
            stateDiagram-v2
                [*] --> accepted
            \((named + lines).joined(separator: "\n"))
            \(last.map { "    \($0.name) --> [*]" }.joined(separator: "\n"))
            ```

            """
    }

    @Test func `the diagram is the one that the code draws`() throws {
        let text = try Self.document()
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" { try Data(text.utf8).write(to: Self.file) }
        let kept = (try? String(contentsOf: Self.file, encoding: .utf8)) ?? ""
        let difference = text.split(separator: "\n").difference(from: kept.split(separator: "\n"))
        #expect(difference.isEmpty, "Run with UPDATE_DOCS=1 to write \(Self.file.lastPathComponent) anew.")
    }

    /// What the promise about money needs of the picture: the only ways back to a submission.
    @Test func `nothing leads from a paid state to an unpaid one but what a person or a journal decides`() throws {
        let word = { (index: Int) in states[index].name }
        let back = try Self.edges().filter { edge, _ in
            ["submitting", "unknown", "restored", "unpriced", "rendering", "downloading", "ready"].contains(
                word(edge.from))
                && ["accepted", "quoted"].contains(word(edge.to))
        }
        #expect(
            Set(back.map { "\(word($0.key.from)) \(word($0.key.to))" }) == [
                "submitting quoted", "unknown quoted", "restored quoted", "unpriced accepted",
            ])
        #expect(back.values.joined().allSatisfy { ["notSent", "correctable", "lost", "resubmit"].contains($0) })
    }
}
