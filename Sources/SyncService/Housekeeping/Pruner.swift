public import Foundation
import JobStore
import Logging
import ObjectStorage

/// How long things are kept that nobody asks for any more, and how they go. Times are seconds.
public struct RetentionSettings: Hashable, Sendable {
    /// A phone that was away for less finds out what was deleted meanwhile. One that was away for longer starts over.
    public var tombstones: TimeInterval = 30 * 86_400
    /// A phone may repeat a submission for so long.
    public var idempotencyKeys: TimeInterval = 86_400
    /// What was learned of a kind of rendering is forgotten so long after the last of them.
    public var durations: TimeInterval = 180 * 86_400
    /// Between two rounds.
    public var interval: TimeInterval = 3600
    /// Rows a transaction.
    public var batch = 1000

    public init() {}
}

/// Forgets what nobody needs any more, in small transactions with pauses between them, so that nobody waits for it.
///
/// Many may run at once. One that is cut off leaves whole batches behind, and the next round goes on.
struct Pruner: Sendable {
    var store: PostgresStore
    var objects: any ObjectStore
    var settings: RetentionSettings
    var log: Logger
    var pause: @Sendable () async throws -> Void = { try await Task.sleep(for: .milliseconds(200)) }

    /// One round over everything. Returns how much of what has gone; throws where the database or the storage fails.
    @discardableResult
    func prune() async throws -> [String: Int] {
        var gone: [String: Int] = [:]
        // Videos before jobs: a job stays as long as it has one.
        gone["videos"] = try await batches("videos") { try await pruneVideos() }
        let cleaner = UploadCleaner(store: store, objects: objects)
        gone["uploads"] = try await batches("uploads") {
            try await cleaner.clearUploads(limit: settings.batch) { warn("cannot remove an unfinished upload", $0) }
        }
        gone["assets"] = try await batches("assets") {
            try await cleaner.clearAssets(limit: settings.batch) { warn("cannot remove an old upload", $0) }
        }
        for what in Expiring.allCases {
            gone[what.rawValue] = try await batches(what.rawValue) {
                try await store.prune(what, olderThan: age(of: what), limit: settings.batch)
            }
        }
        return gone
    }

    /// What cannot be removed holds up nothing else; its row stays, and so it is tried again.
    private func warn(_ message: Logger.Message, _ error: any Error) {
        log.warning(message, metadata: ["error": "\(error)"])
    }

    private func age(of what: Expiring) -> TimeInterval {
        switch what {
        case .idempotencyKeys: settings.idempotencyKeys
        case .jobs: settings.tombstones
        case .durations: settings.durations
        case .accounts: 86_400
        }
    }

    private func batches(_ name: String, _ batch: () async throws -> Int) async throws -> Int {
        var total = 0
        while true {
            let count = try await batch()
            total += count
            if count < settings.batch { break }
            log.info("forgetting what is old", metadata: ["what": "\(name)", "rows": "\(total)"])
            try await pause()
        }
        if total > 0 { log.info("forgot what is old", metadata: ["what": "\(name)", "rows": "\(total)"]) }
        return total
    }

    /// The bytes first: without the row nobody would find them again.
    private func pruneVideos() async throws -> Int {
        let videos = try await store.expiredVideos(olderThan: settings.tombstones, limit: settings.batch)
        var gone: [ExpiredVideo] = []
        for video in videos {
            do {
                try await objects.delete(try ObjectKey(video.key))
                gone.append(video)
            } catch {
                // One that cannot be removed holds up nothing else; its row stays, and so it is tried again.
                log.warning("cannot remove a forgotten video", metadata: ["key": "\(video.key)", "error": "\(error)"])
            }
        }
        return gone.isEmpty ? 0 : try await store.prune(gone)
    }
}
