import Failpoints
import Foundation
import JobLifecycle
import JobStore
import Logging
import Synchronization
import VeniceTransport
import VideoModels

/// Claims due jobs and takes each as far as it goes now. Many may run, in one process or in many.
final class Worker: Sendable {
    private let store: PostgresStore
    private let runner: ActionRunner
    private let polls: PollDesk
    private let submissions: SubmissionDesk
    private let durations: DurationBook
    private let admission: AdmissionSweep
    private let policy: JobPolicy
    private let settings: WorkerSettings
    private let log: Logger
    private let bell: Bell
    private let loops: Loops
    private let metrics: ServiceMetrics
    private let renewalBell = Bell()
    private let recovery: AnswerRecovery
    /// By job and token: a job that comes due again at once may be claimed anew before its last turn is put away.
    private let held = Mutex<[Lease: Held]>([:])
    private let isDraining = Atomic(false)
    /// The grace period is over: nothing is waited for any more.
    private let isAbandoned = Atomic(false)
    private let lastRenewal = Mutex(ContinuousClock.now)

    private struct Held {
        var record: JobRecord
        /// When the lease was last asked for: it is ours for as long as it lasts from then on.
        var since: ContinuousClock.Instant
        var task: Task<Void, Never>?
    }

    init(
        store: PostgresStore, runner: ActionRunner, polls: PollDesk, submissions: SubmissionDesk, policy: JobPolicy,
        settings: WorkerSettings, bell: Bell, loops: Loops, metrics: ServiceMetrics, log: Logger
    ) {
        self.store = store
        self.runner = runner
        self.polls = polls
        self.submissions = submissions
        admission = AdmissionSweep(store: store, log: log)
        durations = DurationBook(store: store, policy: policy, log: log)
        recovery = AnswerRecovery(store: store, journal: runner.journal, policy: policy, log: log)
        self.policy = policy
        self.settings = settings
        self.bell = bell
        self.loops = loops
        self.metrics = metrics
        self.log = log
    }

    /// Runs until `drain()` and then until the last job in hand is committed or given back.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.renewLeases(self.loops.begin("renewals", patience: .seconds(60))) }
            group.addTask { await self.polls.run(self.loops.begin("polls", patience: .seconds(120))) }
            group.addTask { await self.submissions.run(self.loops.begin("submissions", patience: .seconds(120))) }
            group.addTask { await self.durations.run() }
            await lookAtHeld()
            group.addTask { await self.runner.pauses.run() }
            group.addTask { await self.admission.run(self.loops.begin("admissions", patience: .seconds(120))) }
            let heartbeat = loops.begin("claims", patience: .seconds(45 + settings.claimInterval))
            defer { heartbeat.end() }
            while !isDraining.load(ordering: .acquiring) {
                let wait = await claim(into: &group)
                heartbeat.beat()
                if wait > .zero { await bell.wait(atMost: wait) }
            }
            renewalBell.ring()
        }
    }

    /// This process may have been started with higher limits than the one that held jobs back.
    private func lookAtHeld() async {
        do {
            let count = try await store.lookAtHeld()
            if count > 0 { log.info("looking at what was held back", metadata: ["jobs": "\(count)"]) }
        } catch {
            log.warning("cannot look at what is held back; it waits for its time", metadata: ["error": "\(error)"])
        }
    }

    /// Stops claiming. What is in hand goes on to its next durable point.
    func drain() {
        isDraining.store(true, ordering: .releasing)
        polls.close()
        submissions.close()
        durations.stop()
        runner.pauses.stop()
        admission.stop()
        bell.ring()
        renewalBell.ring()
    }

    var jobsInHand: Int { held.withLock { $0.count } }

    /// Jobs that wait for a request, and models that nobody asks for.
    var waiting: (polls: Int, submissions: Int, models: Int) {
        (polls.waiting, submissions.waiting, runner.pauses.count)
    }

    /// Breaks off what is still in hand, for the end of the grace period; its leases run out by themselves.
    func abandon() {
        isAbandoned.store(true, ordering: .releasing)
        for task in held.withLock({ $0.values.compactMap(\.task) }) { task.cancel() }
    }

    /// Claims what there is room for and starts it; returns how long to wait before looking again.
    private func claim(into group: inout DiscardingTaskGroup) async -> Duration {
        // Those that wait for their turn cost next to nothing.
        let (held, waiting) = (self.held.withLock { $0.count }, polls.waiting + submissions.waiting)
        let room = min(settings.jobs - (held - waiting), settings.watched - held)
        guard room > 0 else { return .seconds(settings.claimInterval) }
        do {
            // After an outage or a long pause the leases in hand may have run out: claiming first would take our own jobs
            // from ourselves, and report our own submission lost.
            if held > 0, ContinuousClock.now - lastRenewal.withLock({ $0 }) > .seconds(settings.lease / 2) {
                try await renew()
            }
            Failpoint.claimWanted.reach()
            let asked = ContinuousClock.now
            let claimed = try await store.claim(
                limit: min(room, settings.batch), lease: settings.lease, worker: settings.name)
            if !claimed.isEmpty { Failpoint.claimMade.reach() }
            for record in claimed { start(record, claimedAt: asked, in: &group) }
            if claimed.count == min(room, settings.batch) { return .zero }
            let due = try await store.untilDue() ?? settings.claimInterval
            return .seconds(min(max(due, 0.001), settings.claimInterval))
        } catch {
            log.warning("cannot claim jobs", metadata: ["error": "\(error)"])
            return .seconds(settings.claimInterval)
        }
    }

    private func start(
        _ record: JobRecord, claimedAt asked: ContinuousClock.Instant, in group: inout DiscardingTaskGroup
    ) {
        let turn = record.lease
        held.withLock { $0[turn] = Held(record: record, since: asked) }
        group.addTask {
            // A task of its own, so that a lost lease can cancel this job and no other.
            let task = Task {
                await LogContext.$metadata.withValue(["job_id": "\(record.id)"]) { await self.advance(record) }
            }
            self.held.withLock { $0[turn]?.task = task }
            await task.value
            _ = self.held.withLock { $0.removeValue(forKey: turn) }
            self.bell.ring()
            if self.isDraining.load(ordering: .acquiring) { self.renewalBell.ring() }
        }
    }

    /// Takes a leased job as far as it goes now.
    private func advance(_ claimed: JobRecord) async {
        var log = log
        log[metadataKey: "job_id"] = "\(claimed.id)"
        var record = claimed
        var carried: VideoStream?
        // When the rendering was last seen under way, in seconds after its submission.
        var lastLook = 0.0
        // When the request was granted that the submission is to leave with.
        var grantedAt: ContinuousClock.Instant?
        defer { carried?.body.close() }
        do {
            while let action = record.progress.state.nextAction(holding: record.token), !Task.isCancelled {
                if isDraining.load(ordering: .acquiring), action.canWait {
                    return try await giveBack(record)
                }
                let lease = record.lease
                var result: ActionResult
                if let hindered = try await runner.hindrance(action, record) {
                    result = hindered
                } else if await mayAct(action, record, lastLook, &grantedAt) {
                    let begin = ContinuousClock.now
                    result = try await runner.run(action, for: record, carrying: &carried) { self.isOurs(lease) }
                    metrics.steps.observe((ContinuousClock.now - begin).seconds, action.word)
                } else if action.canWait {
                    return try await giveBack(record)
                } else {
                    result = Self.turnedAway
                }
                if await learnedNothing(result.event, &record, &lastLook) { continue }
                Failpoint.stepDecided.reach()
                let before = record.progress.state
                let effects: [JobEffect]
                (record, effects) = try await step(record, &result, log)
                Failpoint.stepWritten.reach()
                report(result.event, before, log)
                metrics.count(
                    result.event, after: record.rendering?.polls,
                    acceptedSecondsAgo: -record.createdAt.timeIntervalSinceNow)
                if let file = result.journalFile { await runner.journal.settle(file) }
                if effects.contains(where: \.isSnooze) { return }
            }
        } catch StoreError.leaseLost {
            log.warning("lost the lease; another worker has the job")
        } catch {
            // The lease runs out and the job comes due again, here or elsewhere.
            log.warning("gave up the lease", metadata: ["error": "\(error)"])
        }
    }

    /// By our own clock, which is no later than the database's: we looked at it before we asked.
    private func isOurs(_ lease: Lease) -> Bool {
        guard let since = held.withLock({ $0[lease]?.since }) else { return false }
        return ContinuousClock.now - since < .seconds(settings.lease)
    }

    private func giveBack(_ record: JobRecord) async throws {
        Failpoint.givingBack.reach()
        try await store.giveBack([record])
        Failpoint.gaveBack.reach()
    }

    /// Applies what has happened and commits it. A reservation that no budget has room for becomes what that means for
    /// the job: nothing has left yet.
    private func step(
        _ record: JobRecord, _ result: inout ActionResult, _ log: Logger
    ) async throws -> (JobRecord, [JobEffect]) {
        while true {
            var next = record
            let effects = try next.progress.apply(
                result.event, policy: policy, at: .nowInMicroseconds, jitter: .random(in: 0..<1))
            if effects.contains(.publish), case .rendering(let rendering) = next.progress.state {
                next.progress.expect(durations.law(of: next, rendering), policy: policy)
            }
            do { return (try await commit(next, effects, result, log), effects) } catch StoreError.overBudget(
                let refusal)
            {
                result = ActionResult(refusal.event)
            }
        }
    }

    /// Waits for the job's turn where the action needs a request of a shared budget. False when the worker is closing, and
    /// for an intent whose turn has passed.
    private func mayAct(
        _ action: NextAction, _ record: JobRecord, _ lastLook: Double, _ grantedAt: inout ContinuousClock.Instant?
    ) async -> Bool {
        switch action {
        case .poll(let rendering):
            let law = durations.law(of: record, rendering)
            return await polls.turn(
                account: record.account, .look(law: law, submittedAt: rendering.submittedAt, lastLook: lastLook))
        case .cleanUp: return await polls.turn(account: record.account, .cleanUp)
        case .intendSubmission: break
        // An intent that waited for another turn could only be reported lost if this process died, so it is taken back; one
        // that is no longer ours is told of by whoever was going to send it.
        case .submit:
            let isFresh = grantedAt.map { !SubmissionDesk.isStale($0, runner.queueLimit) } ?? false
            return isFresh || !isOurs(record.lease)
        case .price, .reportLost, .store: return true
        }
        let isGranted = await submissions.turn(
            account: record.account,
            SubmissionLane.Errand(user: record.user, priority: record.priority, since: record.createdAt))
        grantedAt = isGranted ? .now : nil
        return isGranted
    }

    /// An intent whose turn had passed before it was durable.
    private static let turnedAway = ActionResult(
        .submissionNotSent(Setback(.throttled, "the submission's turn had passed before it could leave")),
        evidence: AttemptEvidence(.notSent, message: "the submission's turn had passed before it could leave"))

    /// Whether a look found the job as it was. Such a look writes nothing; one that found the end teaches how long these
    /// renderings take.
    private func learnedNothing(_ event: JobEvent, _ record: inout JobRecord, _ lastLook: inout Double) async -> Bool {
        guard let rendering = record.progress.state.rendering else { return false }
        let now = Date.nowInMicroseconds
        let elapsed = now.timeIntervalSince(rendering.submittedAt)
        switch event {
        case .stillRendering(let usual):
            lastLook = elapsed
            return !record.progress.looked(usual: usual, policy: policy, at: now)
        case .videoAnnounced:
            // After a takeover nobody knows when the last look was.
            if lastLook > 0 || rendering.polls == 0 { metrics.detectionLag.observe(elapsed - lastLook) }
            await durations.observe(record, rendering, from: lastLook, to: elapsed)
            return false
        default: return false
        }
    }

    /// Commits a step, through a database outage if need be: what was learned upstream is not learned twice for free. With a
    /// paid answer in hand not even a cancelled task gives up before the answer is home.
    private func commit(
        _ next: JobRecord, _ effects: [JobEffect], _ result: ActionResult, _ log: Logger
    ) async throws -> JobRecord {
        var attempt = 0
        while true {
            do {
                let written = try await write(next, effects, result)
                held.withLock { $0[written.lease]?.record = written }
                return written
            } catch let error as PostgresError where error.isPassing && maySettle(result) {
                attempt += 1
                log.warning("the database does not answer; keeping the result", metadata: ["error": "\(error)"])
                try await pause(.seconds(policy.backoff.delay(attempt: attempt, jitter: 0.5)), for: result)
            } catch StoreError.leaseLost {
                // Whoever has the job now knows nothing of an answer that came too late for the lease, nor that nothing
                // was sent.
                await recover(result, for: next)
                throw StoreError.leaseLost
            }
        }
    }

    /// The job may be anywhere by now, and the database away again: the next start may be weeks off.
    private func recover(_ result: ActionResult, for record: JobRecord) async {
        let file = result.journalFile
        guard file != nil || result.event.provesNothingSent else { return }
        var attempt = 0
        while await !recovery.recover(result.event, result.evidence, for: record, journalFile: file),
            maySettle(result)
        {
            attempt += 1
            try? await pause(.seconds(policy.backoff.delay(attempt: attempt, jitter: 0.5)), for: result)
        }
    }

    /// Whether it is worth trying again. A paid answer that is not home when the process ends waits in the journal.
    private func maySettle(_ result: ActionResult) -> Bool {
        result.journalFile == nil ? !Task.isCancelled : !isAbandoned.load(ordering: .acquiring)
    }

    private func write(
        _ next: JobRecord, _ effects: [JobEffect], _ result: ActionResult
    ) async throws -> JobRecord {
        let setback = result.event.setback.map { "\($0.message)" }
        guard result.journalFile != nil else {
            return try await store.commit(next, effects, evidence: result.evidence, setback: setback)
        }
        // Without a parent, so that a cancellation does not reach it.
        return try await Task {
            try await store.commit(next, effects, evidence: result.evidence, setback: setback)
        }.value
    }

    private func pause(_ duration: Duration, for result: ActionResult) async throws {
        guard result.journalFile != nil else { return try await Task.sleep(for: duration) }
        _ = try? await Task { try await Task.sleep(for: duration) }.value
    }

    private func report(_ event: JobEvent, _ before: JobState, _ log: Logger) {
        switch event {
        case .setback(let setback), .submissionNotSent(let setback):
            log.notice("setback", metadata: ["state": "\(before.name)", "reason": "\(setback.message)"])
        case .submissionLost(let evidence):
            log.warning("outcome of a paid submission is unknown", metadata: ["evidence": "\(evidence)"])
        case .accountBlocked(let evidence):
            log.error("the account is refused upstream", metadata: ["evidence": "\(evidence)"])
        case .held(let hold): log.notice("held back", metadata: ["reason": "\(hold.kind)"])
        case .stillRendering, .postponed: log.debug("waiting", metadata: ["state": "\(before.name)"])
        default: log.info("step", metadata: ["from": "\(before.name)", "event": "\(event.word)"])
        }
    }

    /// Renews the leases of what is in hand. Ends with the last job after `drain()`.
    private func renewLeases(_ heartbeat: Heartbeat) async {
        defer { heartbeat.end() }
        while true {
            heartbeat.beat()
            await renewalBell.wait(atMost: .seconds(settings.renewal))
            if isDraining.load(ordering: .acquiring), held.withLock(\.isEmpty) { return }
            do { try await renew() } catch {
                log.warning("cannot renew leases", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Renews once, and cancels what was lost.
    private func renew() async throws {
        let start = ContinuousClock.now
        // Those that are still being written go on; what was handed back is no longer ours to renew.
        let records = held.withLock { $0.values.map(\.record).filter { $0.leasedBy != nil } }
        if !records.isEmpty { Failpoint.renewalWanted.reach() }
        let lost = records.isEmpty ? [] : try await store.renew(records, lease: settings.lease)
        if !records.isEmpty { Failpoint.renewalMade.reach() }
        lastRenewal.withLock { $0 = start }
        held.withLock { held in
            for record in records where !lost.contains(record.lease) { held[record.lease]?.since = start }
        }
        for record in records where lost.contains(record.lease) { cancelIfHeld(record) }
    }

    /// A job that moved on while its lease was being renewed is still ours.
    private func cancelIfHeld(_ record: JobRecord) {
        let now = held.withLock { $0[record.lease] }
        if let now, now.record.revision == record.revision { now.task?.cancel() }
    }
}

/// How a worker works; times are seconds.
struct WorkerSettings: Sendable {
    /// Names the process in `jobs.leased_by`.
    var name: String
    var jobs: Int
    /// The most jobs that this process holds at once, waiting ones included.
    var watched = 4096
    /// The most jobs that one claim takes.
    var batch = 32
    var lease: TimeInterval
    var renewal: TimeInterval
    var claimInterval: TimeInterval
}

extension NextAction {
    /// May be left to another worker: nothing that was begun is lost by it.
    fileprivate var canWait: Bool {
        switch self {
        case .price, .intendSubmission, .poll, .cleanUp: true
        case .submit, .reportLost, .store: false
        }
    }
}

extension JobState {
    /// What is under way upstream, as far as we know.
    fileprivate var rendering: Rendering? {
        switch self {
        case .rendering(let rendering), .downloading(let rendering): rendering
        case .accepted, .quoted, .submitting, .ready, .failed, .cancelled, .attention: nil
        }
    }
}

extension JobEffect {
    fileprivate var isSnooze: Bool {
        if case .snooze = self { true } else { false }
    }
}

extension JobEvent {
    fileprivate var provesNothingSent: Bool {
        if case .submissionNotSent = self { true } else { false }
    }

    fileprivate var setback: Setback? {
        switch self {
        case .setback(let setback), .submissionNotSent(let setback): setback
        default: nil
        }
    }
}

extension PostgresError {
    /// Worth waiting for.
    var isPassing: Bool {
        switch self {
        case .unavailable, .busy: true
        case .constraint, .refused, .unexpectedRow: false
        }
    }
}

extension Date {
    /// Now, to the microsecond that Postgres keeps.
    static var nowInMicroseconds: Date {
        Date(timeIntervalSince1970: (Date().timeIntervalSince1970 * 1_000_000).rounded() / 1_000_000)
    }
}
