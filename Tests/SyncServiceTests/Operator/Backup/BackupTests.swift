import Foundation
import JobStore
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct BackupTests {
    private let first = [UInt8](repeating: 1, count: 100_000)
    private let second = [UInt8](repeating: 2, count: 50_000)

    @Test func `an object is copied once, whoever names it and however often`() async throws {
        try await BackedUp.with { place in
            _ = try await place.database.addVideos([first, second, first], in: place.objects)
            let rehearsed = try await place.backUp { $0.isDryRun = true }
            #expect(rehearsed.objects == 3 && rehearsed.copiedBytes == 250_000 && rehearsed.generation == nil)
            #expect(!FileManager.default.fileExists(atPath: place.backups))

            let report = try await place.backUp()
            #expect(report.objects == 3 && report.bytes == 250_000 && report.damaged.isEmpty && report.done == 3)
            let kept = try await LocalObjectStore(root: place.backups + "/objects")
                .list(prefix: "", after: nil, limit: 10)
            #expect(kept.count == 2)
            let again = try await place.backUp()
            #expect(again.copied == 0 && again.alreadyThere == 3 && again.generation != report.generation)
            #expect(try Backups.list(in: place.backups).map(\.objects) == [3, 3])
            let found = try await place.verify()
            #expect(found.damage == 0 && found.generations.count == 2)
            #expect(found.objects == 2 && found.bytes == 150_000)
            // What a person has without this program: the sums are those of sha256sum.
            let generation = try place.generation("").path
            #expect(try runNow(["sh", "-c", "cd '\(generation)' && sha256sum --quiet -c SHA256SUMS"]).isEmpty)
        }
    }

    @Test func `everything is destroyed and comes back, schema and policies included`() async throws {
        try await BackedUp.with { place in
            let ids = try await place.database.addVideos([first, second], in: place.objects)
            let (schema, rows) = (
                try await place.database.schema(), try await place.database.sql("select * from videos order by id")
            )
            try await place.backUp()
            try place.loseFiles()
            try await place.restore { target, report in
                #expect(report.restored == 2 && report.restoredBytes == 150_000 && report.damaged.isEmpty)
                #expect(try await target.schema() == schema)
                #expect(try await target.sql("select * from videos order by id") == rows)
                #expect(try await target.sql("select epoch from database_epoch") == report.epoch)
                let former = try await place.database.sql("select epoch from database_epoch")
                #expect(report.epoch != nil && report.epoch != former)
                #expect(try await Migrator(conninfo: target.conninfo).status().pending.isEmpty)
            }
            let key = try ObjectKey(user: UserID.sample().description, "videos", "\(ids[1]).mp4")
            #expect(try await place.objects.all(key.description) == second)
            // Files that are there are not brought again.
            try await place.restore { _, report in #expect(report.alreadyThere == 2 && report.restored == 0) }
        }
    }

    @Test func `a role that owns nothing backs up, and one that row-level security binds restores`() async throws {
        try await BackedUp.with { place in
            _ = try await place.database.addVideos([first], in: place.objects)
            let ordinary = try await place.database.ordinaryConninfo()
            let request = BackupRequest(directory: place.backups)
            let report = try await place.configuration(ordinary).backUp(request) { _ in }
            #expect(report.objects == 1)
            try await TestDatabase.with(isMigrated: false) { target in
                try await target.sql("grant all on schema public to gondola_ordinary")
                let owner = try await target.ordinaryConninfo()
                let restored = try await place.configuration(owner)
                    .restore(RestoreRequest(directory: place.backups)) { _ in }
                #expect(restored.epoch != nil)
                #expect(try await target.sql("select count(*) from jobs") == "1")
                #expect(
                    try await target.sql("select tableowner from pg_tables where tablename = 'jobs'")
                        == "gondola_ordinary")
            }
        }
    }

    @Test func `the oldest generations go, and only the objects that no other needs`() async throws {
        try await BackedUp.with { place in
            let ids = try await place.database.addVideos([first, second], in: place.objects)
            let oldest = try await place.backUp()
            try await place.database.sql(
                "update videos set deleted_at = now(), removing_since = now() where id = '\(ids[0])'")
            let newest = try await place.backUp { $0.keep = 1 }
            let (old, new) = (try #require(oldest.generation), try #require(newest.generation))
            #expect(newest.removedGenerations == [old] && newest.removedObjects == 1)
            #expect(try Backups.list(in: place.backups).map(\.name) == [new])
            #expect(try await place.verify().damage == 0)
            #expect(throws: (any Error).self) { try Data(contentsOf: place.copy(of: first)) }
        }
    }

    @Test func `what the storage does not have as the rows say is named, and the rest is kept`() async throws {
        try await BackedUp.with { place in
            let ids = try await place.database.addVideos([first, second], in: place.objects)
            let key = try ObjectKey(user: UserID.sample().description, "videos", "\(ids[0]).mp4")
            try flip(URL(fileURLWithPath: place.objects.path(of: key)))
            let report = try await place.backUp()
            #expect(report.damaged.map(\.key) == [key.description] && report.copied == 1)
            #expect(report.generation != nil)
            #expect(try await place.verify().damage == 0)
            try place.loseFiles()
            try await place.restore { _, report in
                #expect(report.restored == 1 && report.damaged.map(\.key) == [key.description])
            }
        }
    }

    @Test func `an object that cannot be read is damage of its own, and a store that is away ends the backup`()
        async throws
    {
        try await BackedUp.with { place in
            let ids = try await place.database.addVideos([first, second], in: place.objects)
            let bad = try ObjectKey(user: UserID.sample().description, "videos", "\(ids[0]).mp4")
            let folder = try BackupFolder(place.backups, makingIt: true)
            func backUp(_ trouble: ObjectStoreError) async throws -> BackupReport {
                var hooked = HookedStore(try place.objects)
                hooked.beforeOpen = { key in if key == bad { throw trouble } }
                let run = BackupRun(
                    store: place.database.store, objects: hooked, folder: folder,
                    request: BackupRequest(directory: place.backups), conninfo: place.database.conninfo,
                    keyFile: place.keyFile, scratch: place.folder)
                return try await run.run { _ in }
            }
            let report = try await backUp(.io(errno: EIO, what: "pread"))
            #expect(report.damaged.map(\.key) == [bad.description] && report.copied == 1)
            #expect(report.generation != nil)
            await #expect(throws: ObjectStoreError.unavailable("503")) { try await backUp(.unavailable("503")) }
        }
    }

    @Test(arguments: [BackupFolder.sums, BackupFolder.list, BackupFolder.manifest])
    func `a generation that lacks a file is damaged, and keeps its objects`(file: String) async throws {
        try await BackedUp.with { place in
            let ids = try await place.database.addVideos([first, second], in: place.objects)
            let old = try #require(try await place.backUp().generation)
            try FileManager.default.removeItem(at: try place.generation(file))
            try await place.database.sql(
                "update videos set deleted_at = now(), removing_since = now() where id = '\(ids[0])'")
            let report = try await place.backUp { $0.keep = 2 }
            #expect(report.unreadable == (file == BackupFolder.manifest ? [] : [old]))
            let copy = try place.copy(of: first).path
            #expect(report.removedObjects == 0 && FileManager.default.fileExists(atPath: copy))
            let listed = try Backups.list(in: place.backups)
            #expect(listed.map(\.name) == [old, report.generation ?? ""])
            #expect(listed[0].problem != nil && listed[1].problem == nil)
            #expect(try await place.verify().findings.contains { $0.key.hasPrefix("generations/\(old)/") })
            await #expect(throws: SetupError.self) { try await place.restore(place.asking { $0.generation = old }) }
            try await place.restore { _, report in #expect(report.objects == 1) }
        }
    }

    @Test func `trouble of one object is told from that of a whole store`() {
        let ofOne: [ObjectStoreError] = [.io(errno: EIO, what: "pread"), .notWritable(path: "f"), .notFound]
        let ofAll: [ObjectStoreError] = [.missingFolder(path: "f"), .unavailable("503"), .noSpace]
        #expect(ofOne.allSatisfy { SourceTrouble(error: $0).isOfOneObject })
        #expect(!ofAll.contains { SourceTrouble(error: $0).isOfOneObject })
    }

    @Test func `what is deleted while the backup is made is deleted after its restore`() async throws {
        try await BackedUp.with { place in
            let ids = try await place.database.addVideos([first, second], in: place.objects)
            var hooked = HookedStore(try place.objects)
            let database = place.database
            let gone = try ObjectKey(user: UserID.sample().description, "videos", "\(ids[0]).mp4")
            let inner = try place.objects
            hooked.beforeOpen = { key in
                guard key == gone else { return }
                try await database.sql(
                    "update videos set deleted_at = now(), removing_since = now() where id = '\(ids[0])'")
                try await inner.delete(key)
            }
            let folder = try BackupFolder(place.backups, makingIt: true)
            let run = BackupRun(
                store: database.store, objects: hooked, folder: folder,
                request: BackupRequest(directory: place.backups), conninfo: database.conninfo, keyFile: place.keyFile,
                scratch: place.folder)
            let report = try await run.run { _ in }
            #expect(report.gone == 1 && report.copied == 1 && report.damaged.isEmpty)
            try await place.restore { target, report in
                #expect(report.gone == 1 && report.damaged.isEmpty)
                let living = try await target.sql("select id from videos where deleted_at is null")
                #expect(living == "\(ids[1])")
                #expect(try await target.sql("select removed_at is not null from videos where id = '\(ids[0])'") == "t")
            }
        }
    }

    @Test func `every spoilt file of a backup is found, and a spoilt copy is made again`() async throws {
        try await BackedUp.with { place in
            _ = try await place.database.addVideos([first, second], in: place.objects)
            try await place.backUp()
            try flip(place.copy(of: first))
            try FileManager.default.removeItem(at: place.copy(of: second))
            let found = try await place.verify()
            #expect(found.corrupt == 1 && found.missing == 1 && found.findings.count == 2)
            try place.loseFiles()
            await #expect(throws: SetupError.self) { try await place.restore() }
            try await place.restore(place.asking { $0.acceptsDamage = true }) { _, report in
                #expect(report.damaged.count == 2 && report.epoch != nil)
            }

            for file in [BackupFolder.dump, BackupFolder.list, BackupFolder.manifest] {
                let sound = try Data(contentsOf: place.generation(file))
                try flip(place.generation(file))
                #expect(try await place.verify().findings.contains { $0.key.hasSuffix(file) }, "\(file)")
                await #expect(throws: SetupError.self, "\(file)") { try await place.restore() }
                try sound.write(to: place.generation(file))
            }
        }
    }

    @Test func `a spoilt copy that was taken away is copied by the next backup`() async throws {
        try await BackedUp.with { place in
            _ = try await place.database.addVideos([first], in: place.objects)
            try await place.backUp()
            try flip(place.copy(of: first))
            #expect(try await place.verify(repairing: true).repaired == 1)
            #expect(try await place.backUp().copied == 1)
            #expect(try await place.verify().damage == 0)
        }
    }

    @Test func `a directory that holds other things, or that another process works in, is refused`() async throws {
        try await BackedUp.with { place in
            try FileManager.default.createDirectory(atPath: place.backups, withIntermediateDirectories: true)
            try Data().write(to: URL(fileURLWithPath: place.backups + "/holiday.jpg"))
            await #expect(throws: SetupError.self) { try await place.backUp() }
            try FileManager.default.removeItem(atPath: place.backups)
            await #expect(throws: SetupError.self) { try await place.restore() }
            try await place.backUp()
            let lock = try BackupFolder(place.backups, makingIt: false).lock(exclusively: true)
            await #expect(throws: SetupError("another process works in \(place.backups)")) { try await place.backUp() }
            withExtendedLifetime(lock) {}
        }
    }
}
