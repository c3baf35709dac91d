import Foundation
import JobStore
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// Everything of one user on its way out, and its end.
@Suite(.timeLimit(.minutes(10))) struct UserDataTests {
    private func withVideos(
        _ body: (TestDatabase, LocalObjectStore, [VideoID], String) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            try await withFolder { folder in
                let objects = try LocalObjectStore(root: folder + "/objects")
                let videos = (1...3).map { [UInt8](repeating: UInt8($0), count: 300_000) }
                let ids = try await database.addVideos(videos, in: objects)
                try await database.sql("update jobs set is_cleaned_up = true")
                try await body(database, objects, ids, folder)
            }
        }
    }

    private func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test func `an export has every row and every file, with bytes that are those of the database`() async throws {
        try await withVideos { database, objects, ids, folder in
            let export = UserExport(store: database.store, objects: objects)
            let report = try await export.run(.sample(), to: folder + "/alice")
            #expect(report.files == 3 && report.bytes == 900_000 && report.tables["videos"] == 3)
            let written = try Data(contentsOf: URL(fileURLWithPath: folder + "/alice/export.json"))
            #expect(try Wire.decode(UserExport.Report.self, from: written).tables == report.tables)
            let rows = try JSONSerialization.jsonObject(
                with: try Data(contentsOf: URL(fileURLWithPath: folder + "/alice/jobs.json")))
            #expect((rows as? [[String: Any]])?.count == 3)
            let files = try JSONSerialization.jsonObject(
                with: try Data(contentsOf: URL(fileURLWithPath: folder + "/alice/files.json")))
            for file in try #require(files as? [[String: Any]]) {
                let path = try #require(file["path"] as? String)
                let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/alice/" + path))
                #expect(ContentHash(of: bytes).hex == file["sha256"] as? String)
            }
            #expect(try names(folder) == ["alice", "objects"])
            #expect(ids.count == 3)
        }
    }

    @Test(arguments: [true, false])
    func `a file that is missing or spoilt lets no directory appear`(_ isMissing: Bool) async throws {
        try await withVideos { database, objects, ids, folder in
            let key = try ObjectKey(user: UserID.sample().description, "videos", "\(ids[1]).mp4")
            if isMissing { try await objects.delete(key) } else { try await objects.put(key, bytes: [1, 2, 3]) }
            let export = UserExport(store: database.store, objects: objects)
            let error = await #expect(throws: SetupError.self) {
                try await export.run(.sample(), to: folder + "/alice")
            }
            #expect(error?.description.contains("storage verify") == true)
            #expect(try names(folder) == ["objects"])
        }
    }

    @Test func `a directory that is there is not touched, and what a killed run left is replaced`() async throws {
        try await withVideos { database, objects, _, folder in
            let export = UserExport(store: database.store, objects: objects)
            try FileManager.default.createDirectory(atPath: folder + "/alice", withIntermediateDirectories: false)
            await #expect(throws: SetupError.self) { try await export.run(.sample(), to: folder + "/alice") }
            #expect(try names(folder + "/alice") == [])
            let left = folder + "/bob.partial"
            try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: false)
            try Data("half".utf8).write(to: URL(fileURLWithPath: left + "/jobs.json"))
            _ = try await export.run(.sample(), to: folder + "/bob")
            #expect(try names(folder) == ["alice", "bob", "objects"])
        }
    }

    @Test func `an erased user has no object left, not even one that nobody knew, and others keep theirs`() async throws
    {
        try await withVideos { database, objects, _, _ in
            let foreign = try ObjectKey(user: UserID.sample(9).description, "videos", "x.mp4")
            let user = UserID.sample().description
            for key in [
                foreign, try ObjectKey(user: user, "assets", "astray"),
                try ObjectKey("lost-found/2026-11-01/\(user)/videos/old.mp4"),
                try ObjectKey("lost-found/2026-11-01/\(UserID.sample(9))/videos/old.mp4"),
            ] {
                try await objects.put(key, bytes: [1])
            }
            let erasure = UserErasure(store: database.store, objects: objects, batch: 2)
            let report = try await erasure.run(.sample())
            #expect(report.isErased && report.deletedObjects == 5 && report.waitsFor.isEmpty)
            let left = try await objects.list(prefix: "", after: nil, limit: 100).map(\.key.description)
            #expect(left.count == 2 && left.allSatisfy { $0.contains(UserID.sample(9).description) })
            #expect(try await database.sql("select count(*) from videos") == "0")
            let again = try await erasure.run(.sample())
            #expect(again.isErased && again.deletedObjects == 0 && again.holdings.isErased)
        }
    }

    @Test func `what is not paid is cancelled, and what waits for a decision is named and stays`() async throws {
        try await withVideos { database, objects, _, _ in
            let store = database.store
            let waiting = try await store.submit(
                JobSubmission(request: .sample), id: .sample(20), user: .sample(), account: "default"
            ).job.id
            try await database.sql(
                """
                update jobs set state = 'attention', attention_kind = 'unknown_outcome', attention_evidence = 'x',
                    next_action_at = null, video_id = null, is_cleaned_up = null where id = '\(JobID.sample(1))'
                """)
            let erasure = UserErasure(store: store, objects: objects)
            let report = try await erasure.run(.sample())
            #expect(!report.isErased && report.cancelledJobs == 1 && report.deletedObjects == 0)
            #expect(report.waitsFor.count == 1)
            #expect(report.waitsFor.first?.contains("gondola jobs decide \(JobID.sample(1)) give-up") == true)
            #expect(try await store.report(of: waiting).record.progress.state == .cancelled)
            #expect(try await database.sql("select count(*) from videos") == "3")
        }
    }
}
