import Foundation
import JobLifecycle
import JobStore
import Logging
import Synchronization
import VideoModels

/// What this deployment knows of the durations of renderings: a copy of the database's, kept fresh.
final class DurationBook: Sendable {
    private let store: PostgresStore
    private let policy: JobPolicy
    private let log: Logger
    private let known = Mutex<[RenderingKind: DurationKnowledge]>([:])
    private let bell = Bell()
    private let isStopped = Atomic(false)

    /// Kinds that are remembered: some hundred models with a few durations and resolutions each.
    private static let kindLimit = 5000

    init(store: PostgresStore, policy: JobPolicy, log: Logger) {
        self.store = store
        self.policy = policy
        self.log = log
    }

    func law(of record: JobRecord, _ rendering: Rendering) -> DurationLaw {
        let knowledge = known.withLock { $0[RenderingKind(record, rendering)] } ?? DurationKnowledge()
        return knowledge.law(usual: rendering.usual, unknownUsual: policy.polling.unknownUsual)
    }

    /// A rendering was under way at `lastLook` and done at `end`, in seconds after its submission.
    func observe(_ record: JobRecord, _ rendering: Rendering, from lastLook: Double, to end: Double) async {
        let law = law(of: record, rendering)
        guard let seen = DurationKnowledge.Observation(from: lastLook, to: end, law: law) else { return }
        let kind = RenderingKind(record, rendering)
        known.withLock { $0[kind, default: DurationKnowledge()].add(seen) }
        do {
            try await store.observe(kind, mean: seen.mean, square: seen.square)
        } catch {
            // The law is a matter of speed alone.
            log.debug("an observed duration was not written", metadata: ["error": "\(error)"])
        }
    }

    /// Takes over what other processes have learned, once a minute, until `stop()`.
    func run() async {
        while !isStopped.load(ordering: .acquiring) {
            await refresh()
            await bell.wait(atMost: .seconds(60))
        }
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        bell.ring()
    }

    private func refresh() async {
        do {
            let fresh = try await store.durations(limit: Self.kindLimit)
            known.withLock { $0 = fresh }
        } catch {
            log.debug("cannot read the durations", metadata: ["error": "\(error)"])
        }
    }
}

extension RenderingKind {
    fileprivate init(_ record: JobRecord, _ rendering: Rendering) {
        // One that cannot be read stops the job elsewhere; here it only cannot be told from others.
        let request = try? record.request
        self.init(
            model: rendering.model, duration: request?.duration ?? "", resolution: request?.resolution ?? "")
    }
}
