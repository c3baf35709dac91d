import Foundation
import JobLifecycle
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import JobStore

/// All that is kept of one user: read out whole, and erased whole.
@Suite(.timeLimit(.minutes(10))) struct ErasureStoreTests {
    /// Whoever adds a table decides here what becomes of it.
    @Test func `every table that holds something of users is read out, erased, or said to stay`() async throws {
        try await TestDatabase.with { database in
            let inCatalogue = try await database.sql(
                "select tablename from pg_policies where policyname = 'only_the_user' order by 1")
            #expect(UserTable.all.map(\.name).sorted() == inCatalogue.split(separator: "\n").map(String.init))
        }
    }

    /// A job that is paid and has its video, one that is given up, a device, an asset and an upload.
    private func fill(_ database: TestDatabase, _ number: UInt64) async throws -> UserID {
        let user = try await database.addUser(number)
        let store = database.store
        _ = try await store.issueToken(user: user, device: .sample(number), name: "phone")
        _ = try await database.addAsset(.sample(number), user: user, key: "\(user)/assets/\(number)", bytes: 5)
        _ = try await store.addUpload(
            .sample(number + 100), user: user, bytes: 10, metadata: nil, writer: nil,
            lifetime: 3600, quota: AssetQuota(bytes: .max, count: 1000))
        let key = IdempotencyKey(key: "k", bodyHash: Data(repeating: 1, count: 32))
        try await database.submit(number * 10, user: user, key: key)
        var job = try await database.claimOne()
        var video = StoredVideo.sample
        (video.id, video.key) = (.sample(number), "\(user)/videos/\(number).mp4")
        let receipt = Receipt(model: "m", queueID: "q-\(number)", link: nil)
        for event in [
            JobEvent.priced(.sample), .submissionIntended(by: job.token), .submissionAccepted(receipt),
            .videoAnnounced(link: nil), .videoStored(video), .cleanedUp,
        ] {
            job = try await store.advance(job, by: event)
        }
        try await database.submit(number * 10 + 1, user: user)
        _ = try await store.advance(try await database.claimOne(), by: .refused(.sample))
        return user
    }

    private func rows(of user: UserID, _ database: TestDatabase) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for table in UserTable.all {
            let text = try await database.sql("select count(*) from \(table.name) where \(table.owner) = '\(user)'")
            counts[table.name] = Int(text)
        }
        return counts.filter { $0.value > 0 }
    }

    @Test func `one user goes with all rows, the ledger stays sound without the name, and another keeps everything`()
        async throws
    {
        try await TestDatabase.with { database in
            let (one, two) = (try await fill(database, 1), try await fill(database, 2))
            let kept = try await rows(of: two, database)
            let counted = try await database.store.holdings(of: one)
            #expect(counted.jobs == 2 && counted.videos == 1 && counted.assets == 1 && counted.devices == 1)
            #expect(counted.ledgerRows == 2 && counted.unfinishedJobs == 0)
            try await database.store.beginErasure(of: one)
            #expect(try await database.store.erasureHindrance(of: one).isNone)
            // Piece by piece, and at every point the books agree.
            while try await database.store.eraseRows(of: one, limit: 1) > 0 {
                let report = try await database.store.audit()
                #expect(report.isSound, "\(report.findings)")
            }
            try await database.store.finishErasure(of: one)
            #expect(try await rows(of: one, database) == ["ledger": 2, "spending": 2, "users": 1])
            #expect(try await database.sql("select name from users where id = '\(one)'") == "erased \(one)")
            #expect(try await rows(of: two, database) == kept)
            #expect(try await database.store.audit().isSound)
            #expect(try await database.store.users(limit: 10).map(\.id) == [two])
            await #expect(throws: StoreError.notFound) {
                try await database.store.issueToken(user: one, device: .sample(77), name: "phone")
            }
            await #expect(throws: StoreError.erased) { try await database.store.resume(one) }
        }
    }

    @Test func `work under way and writers hold an erasure up, and nobody lets the user in again`() async throws {
        try await TestDatabase.with { database in
            let job = try await database.claimedJob()
            _ = try await database.store.addUpload(
                .sample(5), user: job.user, bytes: 10, metadata: nil, writer: UploadWriter(lease: 3600),
                lifetime: 3600, quota: AssetQuota(bytes: .max, count: 1000))
            try await database.store.beginErasure(of: job.user)
            let hindrance = try await database.store.erasureHindrance(of: job.user)
            #expect(hindrance.jobs.map(\.id) == [job.id] && hindrance.writers == 1)
            await #expect(throws: StoreError.erased) { try await database.store.resume(job.user) }
            await #expect(throws: StoreError.suspended) { try await database.submit(2) }
        }
    }

    @Test func `what is read out has every row of the user, nobody else's, and nothing that opens anything`()
        async throws
    {
        try await TestDatabase.with { database in
            let (one, two) = (try await fill(database, 1), try await fill(database, 2))
            let read = Mutex<[String: [String]]>([:])
            try await database.store.export(one) { table, row in
                read.withLock { $0[table, default: []].append(String(decoding: row, as: UTF8.self)) }
            }
            let found = read.withLock { $0 }
            let hidden = UserTable.all.filter { $0.hidden == nil }.map(\.name)
            let expected = try await rows(of: one, database).filter { !hidden.contains($0.key) }
            #expect(found.mapValues(\.count) == expected)
            let everything = found.values.joined().joined()
            #expect(!everything.contains(two.description))
            for secret in ["token_hash", "sealed_link", "lease_token"] { #expect(!everything.contains(secret)) }
            #expect(found["jobs"]?.first?.contains(VideoRequest.sample.model) == true)
        }
    }
}
