import Foundation
import HTTPTransport
import StackSupport
import SyncService
import TestSupport
import VeniceSimulator
import VideoModels

/// A job, or two, from the submission to the end, by processes of which some die on the way.
struct CrashRun: Sendable {
    var scenario: CrashScenario
    /// What the process under test is armed with, such as `journalWritten:2`.
    var order: String?

    struct Outcome: Sendable {
        /// Each step of the process under test, and how often it came to it.
        var trace: [String: Int] = [:]
        var isReached = false
        var charges = 0
        var violations: [String] = []
    }

    /// A run that has not ended by then is stuck, which is a finding.
    static let limit = Duration.seconds(90)

    func callAsFunction() async throws -> Outcome {
        let result = Locked(Outcome())
        try await Stack.with {
            $0.timeScale = CrashScenario.timeScale
            $0.renderLaw = RenderLaw(medians: RenderLaw.usualMedians.mapValues { _ in scenario.rendering }, sigma: 0)
        } _: { stack in
            do { result.set(try await run(on: stack)) } catch {
                let lines = await stack.processes.lastLines()
                result.change { $0.violations.append("\(error)\n\(lines)") }
            }
        }
        return result.value
    }

    private func run(on stack: Stack) async throws -> Outcome {
        try stack.simulator.inject(scenario.faults)
        var life = Life(stack, scenario)
        let isStuck = Locked(false)
        let watchdog = Task {
            while true {
                try await Task.sleep(for: Self.limit)
                isStuck.set(true)
                await stack.processes.killAll()
            }
        }
        defer { watchdog.cancel() }
        var outcome = Outcome()
        for step in scenario.prelude {
            let end = try await life.live(with: ["GONDOLA_FAILPOINT": step])
            if end != .died { outcome.violations.append("the step \(step) before it was not reached") }
        }
        let trace = stack.directory.appending(path: "trace").path
        let end = try await life.live(
            with: ["GONDOLA_FAILPOINT": order ?? "", "GONDOLA_FAILPOINT_TRACE": trace], meddling: scenario.meddling)
        // An armed process is never the one that is asked at the end: its step may be the last of all.
        outcome.isReached = end == .died
        if end == .finished, order != nil, try await life.end() == -SIGKILL { outcome.isReached = true }
        if end != .finished || order != nil, try await life.live() != .finished {
            outcome.violations.append("stuck after the crash")
        }
        if isStuck.value { outcome.violations.append("stuck:\n\(await stack.processes.lastLines())") }
        outcome.trace = Self.count(try String(contentsOfFile: trace, encoding: .utf8))
        outcome.violations += try await life.settle()
        outcome.charges = try await stack.simulator.ledger().charges.count
        return outcome
    }

    private static func count(_ text: String) -> [String: Int] {
        text.split(separator: "\n").reduce(into: [:]) { $0[String($1), default: 0] += 1 }
    }
}

/// A user's phone through the lives of several processes: it submits each job under one key, and follows the feed.
struct Life {
    enum End: Sendable {
        /// Nothing more happens by itself.
        case finished
        case died
        /// Ended in order, with work left.
        case drained
    }

    private let stack: Stack
    private let scenario: CrashScenario
    private var jobs: [JobID] = []
    private var feed = ChangeReducer()
    private var copy: MemoryChangeStore { feed.store }
    /// A process died with an intent that nobody can know the end of.
    private var mayBeUnknown = false
    private var last: GondolaProcess?
    private var ends: [Int32] = []

    init(_ stack: Stack, _ scenario: CrashScenario) { (self.stack, self.scenario) = (stack, scenario) }

    /// One process, until it has nothing left to do or is gone.
    mutating func live(
        with environment: [String: String] = [:], meddling: CrashScenario.Meddling = .none
    ) async throws -> End {
        var all = ["GONDOLA_TIME_SCALE": "\(CrashScenario.timeScale)", "GONDOLA_DATABASE_CONNECTIONS": "3"]
        (all["GONDOLA_LEASE"], all["GONDOLA_LEASE_RENEWAL"]) = ("15s", "5s")
        all.merge(scenario.environment) { $1 }
        all.merge(environment) { $1 }
        let process = try await stack.launch(all, program: "crash-worker")
        last = process
        let (stack, scenario) = (stack, scenario)
        let meddler = Task { try await Meddler(stack: stack, process: process, scenario: scenario)(meddling) }
        defer { meddler.cancel() }
        do {
            try await process.waitUntilReady()
            try await follow(process)
            if meddling != .none { try await meddler.value }
            return .finished
        } catch {
            let status = await process.waitUntilGone()
            ends.append(status)
            guard status == -SIGKILL || (status == 0 && meddling == .drain) else { throw error }
            try await noteDeath()
            return status == 0 ? .drained : .died
        }
    }

    private mutating func follow(_ process: GondolaProcess) async throws {
        let phone = try stack.phone(process)
        let submission = JobSubmission(request: scenario.request)
        while jobs.count < scenario.jobs {
            jobs.append(try await phone.submit(submission, idempotencyKey: "once-\(jobs.count)").job.id)
        }
        var seen: Int
        repeat {
            seen = process.lineCount
            let cursor = feed.cursor
            let page = try await phone.changes(cursor: cursor, wait: isOver ? 0 : 10)
            feed.apply(page, askedWith: cursor)
            // The upstream's copy may be left to remove, of which no phone is told.
            if isOver, try await !isSettled() { await process.waitForNews(after: seen) }
        } while try await !isSettled()
    }

    private func isSettled() async throws -> Bool {
        guard isOver else { return false }
        return try await stack.database.store.untilDue() == nil
    }

    private var isOver: Bool {
        jobs.count == scenario.jobs
            && jobs.allSatisfy { copy.jobs[$0]?.status.known.map { $0.isFinal || $0 == .attention } ?? false }
    }

    /// What the next process can know: an intent whose answer is on no disk is of unknown outcome.
    private mutating func noteDeath() async throws {
        let submitting = try await stack.database.sql("select count(*) from jobs where state = 'submitting'")
        if submitting == "1", !Journal(stack).holdsAnswer { mayBeUnknown = true }
    }

    /// Ends the last process in order; returns its status, or minus the signal that was quicker.
    func end() async throws -> Int32? {
        guard let last else { return nil }
        last.askToEnd()
        return await last.waitUntilGone()
    }

    /// Decides what a person has to decide, ends the last process in order, and compares everything with everything.
    mutating func settle() async throws -> [String] {
        guard let last, jobs.count == scenario.jobs else {
            return ["no process came so far that the job was submitted"]
        }
        let phone = try stack.phone(last)
        var violations = endsAreRight() ? [] : ["the jobs are \(jobs.map { copy.jobs[$0]?.status })"]
        let unknown = jobs.filter { copy.jobs[$0]?.status.known == .attention }
        for job in unknown { _ = try await phone.decide(.giveUp, on: try await phone.job(job).job) }
        violations += try await compareFeeds(phone)
        let end = await last.terminate()
        if end != 0 { violations.append("the last process ended with \(end)") }
        return violations + (try await Agreement(stack).violations(decided: unknown.count))
    }

    /// All are ready, but for the one whose outcome nobody can know.
    private func endsAreRight() -> Bool {
        let statuses = jobs.map { copy.jobs[$0]?.status.known }
        let isUnknown = mayBeUnknown || scenario.name == "lost answer"
        return statuses.filter { $0 == .attention }.count == (isUnknown ? 1 : 0)
            && statuses.allSatisfy { $0 == .ready || $0 == .attention }
    }

    private mutating func compareFeeds(_ phone: PhoneClient) async throws -> [String] {
        var isBehind = true
        while isBehind {
            let cursor = feed.cursor
            let page = try await phone.changes(cursor: cursor)
            feed.apply(page, askedWith: cursor)
            isBehind = page.hasMore || feed.isCatchingUp
        }
        var fresh = ChangeReducer()
        fresh.apply(try await phone.changes(), askedWith: nil)
        let isEqual = fresh.store.jobs == copy.jobs && fresh.store.videos == copy.videos
        return isEqual ? [] : ["the feed that was followed and a snapshot differ: \(copy) and \(fresh.store)"]
    }
}

/// What is done to a process from outside while it works.
private struct Meddler: Sendable {
    let stack: Stack
    let process: GondolaProcess
    let scenario: CrashScenario

    func callAsFunction(_ meddling: CrashScenario.Meddling) async throws {
        switch meddling {
        case .none: return
        case .steal:
            try await untilUpstreamHolds()
            _ = try await stack.database.sql(
                """
                update jobs set lease_token = lease_token + 1, leased_by = 'another',
                    next_action_at = clock_timestamp() + interval '2 s'
                where state = 'submitting'
                """)
        case .drain:
            try await process.line { $0["event"] == "submissionAccepted" }
            _ = await process.terminate()
        case .killWhileHeld:
            try await untilUpstreamHolds()
            await process.kill()
        }
    }

    /// The simulator counts a fault when it strikes.
    private func untilUpstreamHolds() async throws {
        while try await stack.simulator.ledger().faults.isEmpty {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}

/// The answer journal's files, read without the code that writes them.
struct Journal {
    private let files: [Data]

    init(_ stack: Stack, state: String = "state") {
        let folder = stack.directory.appending(path: "\(state)/answers")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        files = names.compactMap { try? Data(contentsOf: folder.appending(path: $0)) }
    }

    var count: Int { files.count }
    /// A line for the submission and a whole one for its answer.
    var holdsAnswer: Bool { files.contains { $0.count { $0 == UInt8(ascii: "\n") } >= 2 } }
}
