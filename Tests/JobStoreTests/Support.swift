import Foundation
import JobLifecycle
import Synchronization
import TestSupport
import VideoModels

@testable import JobStore

/// A number that tasks count up together.
final class Counter: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .acquiring) }

    @discardableResult
    func increment() -> Int { count.add(1, ordering: .acquiringAndReleasing).newValue }
}

extension TestDatabase {
    /// A store on a pool of its own, for the tests that look underneath.
    func withPool<T>(
        connections: Int = 2, queueLimit: Int = 4096, _ body: (ConnectionPool) async throws -> T
    ) async throws -> T {
        let pool = ConnectionPool(
            conninfo: conninfo, connections: connections, applicationName: "test", queueLimit: queueLimit)
        defer { pool.stop() }
        return try await body(pool)
    }

    func addAsset(_ id: AssetID, user: UserID, key: String, bytes: Int64) async throws -> Asset {
        let writer = UploadWriter(lease: 3600)
        _ = try await store.addUpload(
            id, user: user, bytes: bytes, metadata: nil, writer: writer, lifetime: 3600,
            quota: AssetQuota(bytes: .max, count: 1000))
        let asset = try await store.finishUpload(
            id, user: user, writer: writer, key: key, contentType: "image/png",
            sha256: String(repeating: "0", count: 64), keptFor: 3600)
        guard let asset else { throw PostgresError.unexpectedRow("the upload is another's") }
        return asset
    }

    func addUser(_ number: UInt64 = 1) async throws -> UserID {
        try await store.addUser(named: "user \(number)", id: .sample(number)).id
    }

    @discardableResult
    func submit(_ number: UInt64 = 1, user: UserID = .sample(), key: IdempotencyKey? = nil) async throws -> JobDetail {
        try await store.submit(
            JobSubmission(request: .sample), id: .sample(number), user: user, account: "main", key: key)
    }

    /// Submits one job for one new user and claims it.
    func claimedJob() async throws -> JobRecord {
        _ = try await addUser()
        try await submit()
        return try await claimOne()
    }

    func claimOne(lease: TimeInterval = 60, worker: String = "w") async throws -> JobRecord {
        guard let record = try await store.claim(limit: 1, lease: lease, worker: worker).first else {
            throw PostgresError.unexpectedRow("nothing to claim")
        }
        return record
    }

    /// Makes every job under way due, as if its lease or its wait had ended.
    func makeAllDue() async throws {
        try await sql("update jobs set next_action_at = clock_timestamp() where next_action_at is not null")
    }

    /// A row as text, its columns parted by `|`.
    func ledger() async throws -> [String] {
        try await sql("select kind, amount from ledger order by number").split(separator: "\n").map(String.init)
    }

    func steps() async throws -> [String] {
        try await sql("select state from job_steps order by number").split(separator: "\n").map(String.init)
    }
}

extension PostgresStore {
    /// Applies an event as a worker does.
    func advance(
        _ record: JobRecord, by event: JobEvent, policy: JobPolicy = JobPolicy(), at now: Date = Date(),
        evidence: AttemptEvidence? = nil
    ) async throws -> JobRecord {
        var next = record
        let effects = try next.progress.apply(event, policy: policy, at: now, jitter: 0)
        return try await commit(next, effects, evidence: evidence)
    }

    /// Reads the whole feed from where the device stands, what changed since a snapshot began included.
    func follow(_ device: inout ChangeReducer<MemoryChangeStore>, user: UserID, limit: Int = 100) async throws {
        var page: ChangePage
        repeat {
            let cursor = try device.cursor.map { try FeedCursor($0, user: user) }
            page = try await changes(after: cursor, user: user, limit: limit)
            device.apply(page, askedWith: device.cursor)
        } while page.hasMore || page.isSnapshot
    }
}

extension Sequence where Element: Sendable {
    /// Runs `body` for all elements at once and returns the results in order.
    func concurrently<T: Sendable>(_ body: @escaping @Sendable (Element) async throws -> T) async throws -> [T] {
        try await withThrowingTaskGroup(of: (Int, T).self) { group in
            for (index, element) in enumerated() { group.addTask { (index, try await body(element)) } }
            var results: [(Int, T)] = []
            for try await result in group { results.append(result) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

extension JobRecord {
    /// A job as it was taken in, for what needs no database.
    static func sample(_ number: UInt64 = 1) -> JobRecord {
        let job = NewJob(JobSubmission(request: .sample), id: .sample(number), user: .sample(), account: "main")
        return JobRecord(new: job, json: Data(), sequence: 1, isSeated: true, at: .sample)
    }
}
