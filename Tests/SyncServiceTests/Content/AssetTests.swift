import Foundation
import JobStore
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// Finished uploads: who sees them, how many there may be, and how they go.
@Suite(.timeLimit(.minutes(10))) struct AssetTests {
    private func upload(_ phone: PhoneServer, _ bytes: Int) async throws -> Asset {
        let answer = try await phone.ask("POST", "/v1/assets", body: pictureBytes(bytes))
        #expect(answer.status == 201, "\(answer.text)")
        return try Wire.decode(Asset.self, from: Data(answer.body))
    }

    private func page(_ phone: PhoneServer, _ query: String) async throws -> AssetPage {
        try Wire.decode(AssetPage.self, from: Data(try await phone.ask("GET", "/v1/assets\(query)").body))
    }

    @Test func `assets are listed newest first, page by page`() async throws {
        try await PhoneServer.with { phone in
            var all: [Asset] = []
            for bytes in 20..<25 { all.insert(try await upload(phone, bytes), at: 0) }
            #expect(try await page(phone, "") == AssetPage(assets: all, hasMore: false))
            let first = try await page(phone, "?limit=2")
            #expect(first == AssetPage(assets: Array(all[..<2]), hasMore: true))
            let second = try await page(phone, "?limit=3&before=\(first.assets[1].id)")
            #expect(second == AssetPage(assets: Array(all[2...]), hasMore: false))
            for wrong in ["?limit=0", "?limit=201", "?before=x", "?after=1"] {
                #expect(try await phone.ask("GET", "/v1/assets\(wrong)").status == 400)
            }
        }
    }

    @Test func `a deleted asset is gone with its bytes, and one that a job under way names is kept`() async throws {
        try await PhoneServer.with { phone in
            let (free, named) = (try await upload(phone, 100), try await upload(phone, 200))
            var request = VideoRequest.sample
            request.image = .asset(named.id)
            _ = try await phone.database.store.submit(
                JobSubmission(request: request), id: .sample(7), user: phone.user, account: "main", key: nil)
            #expect(try await phone.ask("DELETE", "/v1/assets/\(free.id)").status == 204)
            for method in ["GET", "DELETE"] {
                #expect(try await phone.ask(method, "/v1/assets/\(free.id)").status == 404)
            }
            let refused = try await phone.ask("DELETE", "/v1/assets/\(named.id)")
            #expect(refused.status == 409 && refused.code == "asset_in_use")
            #expect(try await phone.keys().count == 1)
            // Nor does it expire, until the job is over.
            try await phone.database.sql("update assets set expires_at = now() - interval '1 y'")
            #expect(try await phone.pruner.prune()["assets"] == 0)
            #expect(try await phone.ask("GET", "/v1/assets/\(named.id)").status == 200)
            try await phone.database.sql(
                "update jobs set state = 'failed', failure_code = 'x', next_action_at = null, leased_by = null")
            #expect(try await phone.pruner.prune()["assets"] == 1)
            #expect(try await phone.ask("GET", "/v1/assets/\(named.id)").status == 404)
            #expect(try await phone.keys() == [])
            #expect(try await phone.database.sql("select count(*) from assets") == "0")
        }
    }

    @Test func `a deletion that was cut off is brought to its end`() async throws {
        try await PhoneServer.with { phone in
            let asset = try await upload(phone, 100)
            _ = try await phone.database.store.deleteAsset(asset.id, user: phone.user)
            #expect(try await phone.ask("GET", "/v1/assets/\(asset.id)").status == 404)
            #expect(try await phone.keys().count == 1)
            #expect(try await phone.pruner.prune()["assets"] == 1)
            #expect(try await phone.keys() == [])
        }
    }

    @Test func `an asset that is used stays for longer`() async throws {
        try await PhoneServer.with {
            $0.assetRetention = 7200
        } _: { phone in
            let asset = try await upload(phone, 100)
            let expiry = try #require(asset.expiresAt)
            #expect(abs(expiry.timeIntervalSince(asset.createdAt) - 7200) < 600)
            try await phone.database.sql("update assets set expires_at = now() - interval '1 s'")
            let used = try await phone.database.store.useAsset(asset.id, user: phone.user, for: 7200)
            #expect(try #require(used.object.expiresAt) >= expiry)
            #expect(try await phone.pruner.prune()["assets"] == 0)
        }
    }

    @Test func `what a user has is bounded in bytes and in number, unfinished uploads included`() async throws {
        try await PhoneServer.with {
            $0.assetQuota = 1000
            $0.assetCount = 3
        } _: { phone in
            let first = try await upload(phone, 600)
            let tus = [("Tus-Resumable", "1.0.0")]
            let begun = try await phone.ask("POST", "/v1/uploads", tus + [("Upload-Length", "300")])
            #expect(begun.status == 201)
            for refused in [
                try await phone.ask("POST", "/v1/assets", body: pictureBytes(101)),
                try await phone.ask("POST", "/v1/uploads", tus + [("Upload-Length", "101")]),
            ] {
                #expect(refused.status == 413 && refused.code == "quota_exceeded")
                #expect(try refused.problem().detail?.contains("2 uploads with 900 bytes") == true)
            }
            #expect(try await phone.keys().count == 1 && phone.stagedBytes() == 0)
            _ = try await upload(phone, 50)
            // There is room for fifty bytes, and for no fourth.
            #expect(try await phone.ask("POST", "/v1/assets", body: pictureBytes(20)).code == "quota_exceeded")
            #expect(try await phone.ask("DELETE", "/v1/assets/\(first.id)").status == 204)
            _ = try await upload(phone, 650)
        }
    }

    @Test func `of many uploads at once no more are taken than there is room for`() async throws {
        try await PhoneServer.with {
            $0.assetQuota = 500
        } _: { phone in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<12 {
                    group.addTask { try await phone.ask("POST", "/v1/assets", body: pictureBytes(100)).status }
                }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [201: 5, 413: 7])
            #expect(try await phone.database.sql("select sum(bytes) from assets") == "500")
        }
    }

    @Test func `an upload of nothing is refused, however it comes`() async throws {
        try await PhoneServer.with { phone in
            #expect(try await phone.ask("POST", "/v1/assets", body: []).status == 400)
            let client = try RawClient(phone.server)
            let headers = [("Transfer-Encoding", "chunked")]
            try await client.send(phone.head("POST", "/v1/assets", headers, length: nil) + "0\r\n\r\n")
            #expect(try await client.response().status == 400)
            #expect(try await phone.database.sql("select count(*) from uploads") == "0")
        }
    }
}
