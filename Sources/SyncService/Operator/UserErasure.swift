import Foundation
import JobLifecycle
public import JobStore
import ObjectStorage
public import VideoModels

/// Erases everything of one user: objects, rows, devices and the name. What is left is the ledger with its counters, whose
/// rows nobody can change, and an id.
///
/// Every step may be repeated, and the first one is durable before anything goes: whatever the process dies at, running it
/// again carries on, and until then the user stays shut out.
public struct UserErasure: Sendable {
    private let store: PostgresStore
    private let objects: any ObjectStore
    private let batch: Int

    init(store: PostgresStore, objects: any ObjectStore, batch: Int = 500) {
        (self.store, self.objects, self.batch) = (store, objects, batch)
    }

    public struct Report: Encodable, Hashable, Sendable {
        public var holdings: UserHoldings
        public var cancelledJobs = 0
        public var deletedObjects = 0
        public var deletedRows = 0
        /// What holds the end up. Run it again when that is over.
        public var waitsFor: [String] = []
        public var isErased = false

        public init(holdings: UserHoldings) { self.holdings = holdings }

        enum CodingKeys: String, CodingKey {
            case holdings
            case cancelledJobs = "cancelled_jobs"
            case deletedObjects = "deleted_objects"
            case deletedRows = "deleted_rows"
            case waitsFor = "waits_for"
            case isErased = "is_erased"
        }
    }

    /// Stops before anything is deleted where paid work is under way or a person has to decide, and says what that is.
    func run(_ user: UserID) async throws -> Report {
        var report = Report(holdings: try await store.holdings(of: user))
        if report.holdings.isErased {
            report.isErased = true
            return report
        }
        try await store.beginErasure(of: user)
        report.cancelledJobs = try await cancelUnpaid(of: user)
        report.waitsFor = try await hindrances(of: user)
        guard report.waitsFor.isEmpty else { return report }
        report.deletedObjects = try await deleteObjects(of: user)
        while case let rows = try await store.eraseRows(of: user, limit: batch), rows > 0 { report.deletedRows += rows }
        try await store.finishErasure(of: user)
        report.isErased = true
        return report
    }

    /// What the lifecycle lets nobody cancel, such as a paid rendering, stays.
    private func cancelUnpaid(of user: UserID) async throws -> Int {
        var count = 0
        for job in try await store.erasureHindrance(of: user).jobs {
            do {
                _ = try await store.move(job.id, user: user, by: .cancelRequested, policy: JobPolicy(), at: Date())
                count += 1
            } catch is InvalidEvent {
                continue
            } catch StoreError.notFound {
                continue
            }
        }
        return count
    }

    private func hindrances(of user: UserID) async throws -> [String] {
        let found = try await store.erasureHindrance(of: user)
        let jobs = found.jobs.prefix(20).map { job in
            let state = job.progress.state
            if case .attention = state {
                return "job \(job.id) waits for a decision: gondola jobs decide \(job.id) give-up"
            }
            if case .ready = state { return "job \(job.id): its copy upstream is still to be removed" }
            return "job \(job.id) is \(state.name), and paid or about to be"
        }
        let more = found.jobs.count > 20 ? ["\(found.jobs.count - 20) more jobs"] : []
        return jobs + more + (found.writers > 0 ? ["\(found.writers) files are being written"] : [])
    }

    /// All that has the user's name in its key, known to the database or not, and what was put aside by a repair.
    private func deleteObjects(of user: UserID) async throws -> Int {
        let own = try await delete(prefix: "\(user)/") { _ in true }
        let astray = try await delete(prefix: "\(StorageVerify.lostAndFound)/") { key in
            key.segments.dropFirst(2).first == user.description[...]
        }
        return own + astray
    }

    private func delete(prefix: String, where fits: (ObjectKey) -> Bool) async throws -> Int {
        var (count, after) = (0, ObjectKey?.none)
        while true {
            let page = try await objects.list(prefix: prefix, after: after, limit: batch)
            for object in page where fits(object.key) {
                try await objects.delete(object.key)
                count += 1
            }
            guard page.count == batch else { return count }
            after = page.last?.key
        }
    }
}

extension Configuration {
    /// Erases everything of a user, as `UserErasure` says.
    public func erase(_ user: UserID, in store: PostgresStore) async throws -> UserErasure.Report {
        let storage = try Storage(self, state: StateDirectory(stateDirectory))
        defer { storage.stop() }
        do { return try await UserErasure(store: store, objects: storage.objects).run(user) } catch let error
            as ObjectStoreError
        {
            throw SetupError("the storage cannot be used: \(error); run it again to carry on")
        }
    }
}
