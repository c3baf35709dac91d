import Foundation
import HTTPTransport
import JobStore
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// The same walk over a bucket of a real service.
@Suite(.timeLimit(.minutes(10))) struct StorageVerifyBucketTests {
    @Test func `damage in a bucket is found and mended, and a second walk finds nothing`() async throws {
        try await TestDatabase.with { database in
            try await withFolder { folder in
                let objects = try await bucket(folder)
                let videos = (1...3).map { [UInt8](repeating: UInt8($0), count: 100_000) }
                _ = try await database.addVideos(videos, in: objects)
                let keys = try await objects.list(prefix: "", after: nil, limit: 10).map(\.key)
                let orphan = try ObjectKey(user: UserID.sample().description, "videos", "\(VideoID.sample(99)).mp4")
                try await objects.put(orphan, bytes: [1, 2, 3])
                try await objects.delete(keys[0])
                try await objects.put(keys[1], bytes: [UInt8](repeating: 9, count: 100_000))

                var settings = StorageVerify.Settings()
                (settings.grace, settings.isRepairing) = (0, true)
                let verify = StorageVerify(
                    store: database.store, objects: objects, settings: settings,
                    now: { Date(timeIntervalSinceNow: 60) },
                    fetchAgain: { expected in
                        guard let at = keys.firstIndex(where: { $0.description == expected.key }) else { return false }
                        try await objects.put(keys[at], bytes: videos[at])
                        return true
                    })
                let report = try await verify.run { _ in }
                #expect(report.missing == 1 && report.corrupt == 1 && report.orphaned == 1)
                #expect(report.repaired == 3 && report.damage == 0)
                // The spoilt bytes and the orphan are kept aside.
                let aside = try await objects.list(prefix: "lost-found/", after: nil, limit: 10)
                #expect(Set(aside.map(\.info.bytes)) == [3, 100_000])
                let again = try await verify.run { _ in }
                #expect(again.findings.isEmpty && again.rows == 3 && again.bytes == 300_000)
                for (key, bytes) in zip(keys, videos) { #expect(try await objects.all(key.description) == bytes) }
            }
        }
    }

    @Test func `a service that refuses ends the walk instead of calling everything missing`() async throws {
        try await TestDatabase.with { database in
            try await withFolder { folder in
                _ = try await database.addVideos([[1, 2, 3]], in: try await bucket(folder))
                let wrong = try await bucket(folder, key: "AKNOBODY")
                let verify = StorageVerify(store: database.store, objects: wrong, settings: .init())
                await #expect(throws: ObjectStoreError.self) { try await verify.run { _ in } }
            }
        }
    }

    @Test func `what is in a bucket is backed up to a directory and comes back to another bucket`() async throws {
        try await BackedUp.with { place in
            let videos: [[UInt8]] = [[1, 2, 3], .init(repeating: 7, count: 200_000)]
            let old = try await bucket(place.folder)
            _ = try await place.database.addVideos(videos, in: old)
            let folder = try BackupFolder(place.backups, makingIt: true)
            let made = try await BackupRun(
                store: place.database.store, objects: old, folder: folder,
                request: BackupRequest(directory: place.backups), conninfo: place.database.conninfo,
                keyFile: place.keyFile, scratch: place.folder
            ).run { _ in }
            #expect(made.copied == 2 && made.damaged.isEmpty)
            let new = try await bucket(place.folder)
            try await TestDatabase.with(isMigrated: false) { target in
                let report = try await place.configuration(target.conninfo).withStore { store in
                    try await RestoreRun(
                        store: store, objects: new, folder: folder, request: place.asking(),
                        conninfo: target.conninfo, keyFile: place.keyFile, scratch: place.folder
                    ).run { _ in }
                }
                #expect(report.restored == 2 && report.epoch != nil)
            }
            let keys = try await new.list(prefix: "", after: nil, limit: 10).map(\.key)
            #expect(keys.count == 2)
            for (key, bytes) in zip(keys, videos) { #expect(try await new.all(key.description) == bytes) }
        }
    }

    private static let http = {
        var configuration = CurlHTTPClient.Configuration()
        configuration.proxy = .none
        return CurlHTTPClient(configuration)
    }()

    private func bucket(_ folder: String, key: String = SeaweedFS.key) async throws -> S3ObjectStore {
        let location = try S3Location(
            "s3://\(SeaweedFS.bucket)/\(UUID().uuidString.lowercased())",
            endpoint: try await SeaweedFS.shared().address.http, region: "eu-test-1", addressing: .path)
        return try S3ObjectStore(
            location, S3Credentials(accessKeyID: key, secretKey: Redacted(SeaweedFS.secret)), http: Self.http,
            configuration: S3ObjectStore.Configuration(scratch: folder + "/scratch"))
    }
}
