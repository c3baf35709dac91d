import Foundation
import JobLifecycle
import JobStore
import Logging
import Synchronization
import VeniceTransport
import VideoModels

/// Which models nobody asks for at the moment: a copy of the database's list, kept fresh. When a pause is over one job
/// tries, and the model's answer to it decides for all.
final class ModelPauses: Sendable {
    private struct Known {
        /// By model, when the pause ends.
        var ends: [String: ContinuousClock.Instant] = [:]
        var reasons: [String: String] = [:]
    }

    private let store: PostgresStore
    private let policy: JobPolicy
    private let log: Logger
    private let known = Mutex(Known())
    private let bell = Bell()
    private let isStopped = Atomic(false)
    /// How long other processes may not know of a pause yet, and a job not of its end.
    private let freshness: TimeInterval

    init(store: PostgresStore, policy: JobPolicy, log: Logger) {
        self.store = store
        self.policy = policy
        self.log = log
        freshness = max(0.02, policy.modelPause.first / 5)
    }

    var count: Int { known.withLock { $0.ends.count } }

    /// Why this job cannot ask for its model now; nil if it may. Costs nothing unless the model is paused.
    func hindrance(_ model: String, job: JobID) async throws -> Setback? {
        let (end, reason) = known.withLock { ($0.ends[model], $0.reasons[model] ?? "") }
        guard let end else { return nil }
        let left = (end - ContinuousClock.now).seconds
        if left <= 0, try await store.probe(model: model, by: job, for: probeTime) { return nil }
        return Setback(
            .modelUnavailable, "the model \(model) is paused: \(reason)", retryAfter: max(left, freshness))
    }

    /// Whether the pause is over, for a job that has had its turn: whoever tries first finds out, and asking for the probe
    /// again would give it to another while this one waits for its next turn.
    func isOver(_ model: String) -> Bool { known.withLock { $0.ends[model].map { $0 <= .now } ?? true } }

    /// Enough for a price and a submission, with their waits. A probe that comes to nothing is followed by another.
    private var probeTime: TimeInterval { max(1, policy.modelPause.first * 4) }

    /// Pauses a model that the answer shows to be away.
    func learn(from error: VeniceError, about model: String) async {
        guard error.isModelUnavailable else { return await noteAnswer(from: model, error) }
        do {
            let seconds = try await store.pause(
                model: model, reason: error.evidence.message, retryAfter: error.retryAfter?.seconds,
                policy: policy.modelPause)
            note(model, seconds, error.evidence.message)
            log.warning("a model is unavailable and paused", metadata: ["model": "\(model)", "seconds": "\(seconds)"])
        } catch {
            // This process keeps to it all the same.
            note(model, policy.modelPause.first, "\(error)")
        }
    }

    private func note(_ model: String, _ seconds: TimeInterval, _ reason: String) {
        known.withLock { known in
            known.ends[model] = .now + .seconds(seconds)
            known.reasons[model] = reason
        }
    }

    /// A model that refuses a request for what it says is there.
    private func noteAnswer(from model: String, _ error: VeniceError) async {
        switch error {
        case .refused, .consentNeeded, .invalid: await answered(model)
        case .notSent, .outcomeUnknown, .throttled, .retryLater, .paymentNeeded, .operatorMustAct, .gone,
            .unexpectedAnswer:
            break
        }
    }

    /// The model took a submission: everybody may ask again.
    func answered(_ model: String) async {
        guard known.withLock({ $0.ends[model] }) != nil else { return }
        do {
            if try await store.resume(model: model) {
                log.notice("the model answers again", metadata: ["model": "\(model)"])
            }
            known.withLock { $0.ends[model] = nil }
        } catch {
            log.warning("cannot end the pause of a model", metadata: ["model": "\(model)", "error": "\(error)"])
        }
    }

    /// Takes over what other processes have found, until `stop()`.
    func run() async {
        while !isStopped.load(ordering: .acquiring) {
            await refresh()
            await bell.wait(atMost: .seconds(freshness))
        }
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        bell.ring()
    }

    func refresh() async {
        do {
            let pauses = try await store.modelPauses()
            let now = ContinuousClock.now
            known.withLock { known in
                known.ends = [:]
                known.reasons = [:]
                for pause in pauses {
                    known.ends[pause.model] = now + .seconds(pause.pauseSeconds)
                    known.reasons[pause.model] = pause.reason
                }
            }
        } catch {
            log.debug("cannot read the pauses of models", metadata: ["error": "\(error)"])
        }
    }
}

extension VeniceError {
    /// What the upstream said on when to come back.
    var retryAfter: Duration? {
        switch self {
        case .throttled(let delay, _), .retryLater(let delay, _, _): delay
        case .notSent, .outcomeUnknown, .refused, .invalid, .paymentNeeded, .operatorMustAct, .consentNeeded, .gone,
            .unexpectedAnswer:
            nil
        }
    }
}
