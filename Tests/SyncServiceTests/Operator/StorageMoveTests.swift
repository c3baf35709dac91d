import Foundation
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct StorageMoveTests {
    /// Both have found nothing in the new place and have read the object; then one of them takes it from the old.
    @Test func `two moves at once lose nothing, also where both bring the same object`() async throws {
        try await TestDatabase.with { database in
            try await withFolder { folder in
                let former = try LocalObjectStore(root: folder + "/old")
                let current = try LocalObjectStore(root: folder + "/new")
                let videos = (1...5).map { [UInt8](repeating: UInt8($0), count: 10_000) }
                _ = try await database.addVideos(videos, in: former)
                let meeting = Meeting(of: 2)
                var hooked = HookedStore(current)
                hooked.beforeCommit = { await meeting.wait(at: $0.description) }
                let shared = hooked
                let reports = try await withThrowingTaskGroup(of: ObjectMove.Report.self) { group in
                    for _ in 1...2 {
                        group.addTask {
                            try await StorageMove.move(
                                from: former, to: shared, keepingOld: false, database.store
                            ).run { _ in }
                        }
                    }
                    return try await group.reduce(into: [ObjectMove.Report]()) { $0.append($1) }
                }
                #expect(reports.allSatisfy { $0.failures.isEmpty })
                #expect(try await former.list(prefix: "", after: nil, limit: 10).isEmpty)
                let keys = try await current.list(prefix: "", after: nil, limit: 10).map(\.key)
                #expect(keys.count == 5)
                for (key, bytes) in zip(keys, videos) { #expect(try await current.all(key.description) == bytes) }
            }
        }
    }

    @Test func `what is deleted while it moves does not come back`() async throws {
        try await TestDatabase.with { database in
            try await withFolder { folder in
                let former = try LocalObjectStore(root: folder + "/old")
                let current = try LocalObjectStore(root: folder + "/new")
                let ids = try await database.addVideos([[1, 2, 3]], in: former)
                var hooked = HookedStore(current)
                hooked.beforeCommit = { key in
                    try await former.delete(key)
                    try await database.sql(
                        """
                        update videos set deleted_at = now(), removing_since = now(), removed_at = now()
                        where id = '\(ids[0])'
                        """)
                }
                let move = StorageMove.move(from: former, to: hooked, keepingOld: false, database.store)
                #expect(try await move.run { _ in }.moved == 0)
                #expect(try await current.list(prefix: "", after: nil, limit: 10).isEmpty)
            }
        }
    }
}

/// Lets each of so many go on once all of them have come to the same place.
private actor Meeting {
    private let count: Int
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]

    init(of count: Int) { self.count = count }

    func wait(at place: String) async {
        await withCheckedContinuation { continuation in
            waiting[place, default: []].append(continuation)
            guard waiting[place]?.count == count else { return }
            for other in waiting.removeValue(forKey: place) ?? [] { other.resume() }
        }
    }
}
