public import Foundation
import JobStore
import Logging
import ObjectStorage
public import VideoModels

/// How long things are kept that nobody asks for any more, and how they go. Times are seconds.
public struct RetentionSettings: Hashable, Sendable {
    /// What was deleted can be brought back for so long; then its files go.
    public var grace: TimeInterval = 7 * 86_400
    /// How much is kept of the videos of users who have no rule of their own. By itself everything is.
    public var keeping = KeepingRule()
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

    /// What a full quota does to those users.
    public enum WhenFull: String, Sendable, CaseIterable {
        case refuse
        case removeOldest = "remove-oldest"
    }

    /// The same as `keeping.quotaRemovesOldest`, by its word.
    public var whenFull: WhenFull {
        get { keeping.quotaRemovesOldest ? .removeOldest : .refuse }
        set { keeping.quotaRemovesOldest = newValue == .removeOldest }
    }
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
        gone["deleted"] = try await deleteExcess()
        gone["files"] = try await batches("files") { try await removeFiles() }
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
        case .videos, .jobs: settings.tombstones
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

    /// Deletes what users or the deployment do not want kept, a bounded batch a transaction. It can be brought back within the
    /// grace like everything that is deleted.
    private func deleteExcess() async throws -> Int {
        var (total, last) = (0, UserID?.none)
        while true {
            let users = try await store.keptUsers(after: last, orElse: settings.keeping, limit: settings.batch)
            for kept in users {
                total += try await batches("videos beyond a rule") {
                    try await store.deleteExcess(of: kept.user, under: kept.rule, limit: settings.batch)
                }
            }
            guard users.count == settings.batch else { return total }
            last = users.last?.user
        }
    }

    /// Removes the files of deleted videos whose grace is over. Three steps, each found again if the process dies after it: the
    /// row says that nothing brings the video back, the files go, the row says that they are gone. Only then may it be
    /// forgotten, so that no file is left without a row.
    private func removeFiles() async throws -> Int {
        var gone: [Removal] = []
        for removal in try await store.beginRemovals(grace: settings.grace, limit: settings.batch) {
            do {
                for key in try removal.keys { try await objects.delete(key) }
                gone.append(removal)
            } catch {
                // One that cannot be removed holds up nothing else; its row stays, and so it is tried again.
                log.warning("cannot remove a deleted video", metadata: ["key": "\(removal.key)", "error": "\(error)"])
            }
        }
        if !gone.isEmpty { try await store.finishRemovals(gone) }
        return gone.count
    }
}

extension Removal {
    /// All that a video may have left in storage. The video's own file last: while it is there, so may be the others.
    fileprivate var keys: [ObjectKey] {
        get throws {
            try PictureKind.allCases.map { try $0.key(of: video, user: user) } + [try ObjectKey(key)]
        }
    }
}
