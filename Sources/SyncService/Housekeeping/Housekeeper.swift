import AsyncAlgorithms
import Foundation
import Logging
import ObjectStorage

/// What is put away from time to time: files that uploads and downloads left behind, and rows that nobody needs any more.
struct Housekeeper: Sendable {
    var objects: any ObjectStore
    var pruner: Pruner
    var log: Logger

    /// Until cancelled. What fails is tried again in the next round.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await every(3600) { await collectRubbish() } }
            group.addTask { await every(pruner.settings.interval) { await prune() } }
        }
    }

    private func every(_ seconds: TimeInterval, _ body: () async -> Void) async {
        for await _ in chain(
            [ContinuousClock.now].async, AsyncTimerSequence(interval: .seconds(seconds), clock: .continuous))
        {
            await body()
        }
    }

    /// Removes what uploads and downloads that died left behind. Older than a day: nothing takes that long.
    private func collectRubbish() async {
        do {
            let count = try await objects.collectRubbish(olderThan: Date(timeIntervalSinceNow: -86_400))
            if count > 0 { log.info("removed left-over files", metadata: ["files": "\(count)"]) }
        } catch {
            log.warning("cannot remove left-over files", metadata: ["error": "\(error)"])
        }
    }

    private func prune() async {
        do {
            try await pruner.prune()
        } catch is CancellationError {
        } catch {
            log.warning("cannot forget what is old", metadata: ["error": "\(error)"])
        }
    }
}
