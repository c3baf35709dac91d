import Foundation
import Logging
import TestSupport
import Testing
import VideoModels

@testable import JobStore

/// That what a phone asks is asked as its user: with a wall that breaks whoever does not say who it is.
@Suite(.timeLimit(.minutes(10))) struct StrictWallTests {
    /// A store whose role policies bind, on a database where each of them fails without a user.
    private func with(_ body: (PostgresStore, TestDatabase, UserID) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let user = UserID.sample()
            _ = try await database.store.addUser(named: "alice", id: user)
            _ = try await database.store.issueToken(user: user, device: .sample(), name: "phone")
            var log = Logger(label: "test")
            log.logLevel = .critical
            let store = PostgresStore(
                conninfo: try await database.ordinaryConninfo(), secrets: nil, connections: 2, log: log)
            try await database.sql(
                """
                create or replace function visible_user() returns uuid language sql stable parallel safe as
                $$ select current_setting('gondola.user_id')::uuid $$
                """)
            let result: Result<Void, any Error>
            do { result = .success(try await body(store, database, user)) } catch { result = .failure(error) }
            await store.close()
            try result.get()
        }
    }

    @Test func `the wall is strict here`() async throws {
        try await with { store, _, _ in
            await #expect(throws: PostgresError.self) { try await store.markSeen([.sample(): .sample()]) }
        }
    }

    @Test func `an upload and its asset are their user's, from the first byte to the last`() async throws {
        try await with { store, _, user in
            let writer = UploadWriter(lease: 3600)
            let quota = AssetQuota(bytes: 1000, count: 10)
            func begin(_ id: AssetID) async throws {
                _ = try await store.addUpload(
                    id, user: user, bytes: 4, metadata: nil, writer: writer, lifetime: 3600, quota: quota)
            }
            try await begin(.sample(1))
            let piece = UploadPiece(start: 0, bytes: 4, key: "k")
            let grown = try await store.addPiece(piece, to: .sample(1), user: user, writer: writer, lifetime: 3600)
            #expect(grown?.received == 4)
            #expect(try await store.pieces(of: .sample(1), user: user) == [piece])
            #expect(try await store.keepUpload(.sample(1), user: user, writer: writer))
            let asset = try await store.finishUpload(
                .sample(1), user: user, writer: writer, key: "k", contentType: "image/png",
                sha256: String(repeating: "0", count: 64),
                keptFor: 3600)
            #expect(asset?.bytes == 4)
            #expect(try await store.upload(.sample(1), user: user).isFinished)
            #expect(try await store.assets(of: user, before: nil, limit: 10).assets.count == 1)
            #expect(try await store.useAsset(.sample(1), user: user, for: 7200).key == "k")
            #expect(try await store.asset(.sample(1), user: user).key == "k")
            let gone = try await store.deleteAsset(.sample(1), user: user)
            #expect(try await store.removeAssets([gone]) == 1)

            try await begin(.sample(2))
            try await store.releaseUpload(.sample(2), user: user, writer: writer)
            #expect(try await store.takeUpload(.sample(2), user: user, writer: writer).received == 0)
            #expect(try await store.endUpload(.sample(2), user: user, writer: writer))
            try await store.removeUpload(.sample(2), user: user, writer: writer)
        }
    }

    @Test func `so is what is deleted and brought back, digested, measured and revoked`() async throws {
        try await with { store, database, user in
            _ = try await database.store.submit(
                JobSubmission(request: .sample), id: .sample(), user: user, account: "main")
            #expect(try await store.digest(under: "", user: user).count > 0)
            _ = try await store.fullQuota(of: user, orElse: KeepingRule(quotaBytes: 1))
            await #expect(throws: StoreError.self) { try await store.delete(.job(.sample()), user: user, grace: 60) }
            _ = try await store.undelete(.job(.sample()), user: user, grace: 60)
            #expect(try await store.revokeToken(device: .sample(), of: user) == "phone")
        }
    }
}
