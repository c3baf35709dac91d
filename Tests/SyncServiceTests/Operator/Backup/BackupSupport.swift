import Foundation
import JobStore
import Logging
import ObjectStorage
import TestSupport
import VideoModels

@testable import SyncService

/// A deployment with a database and a directory of files, which can be destroyed, and a directory of backups.
struct BackedUp: Sendable {
    let database: TestDatabase
    let folder: String

    var objects: LocalObjectStore { get throws { try LocalObjectStore(root: folder + "/objects") } }
    var backups: String { folder + "/backups" }
    var keyFile: String { folder + "/state/secret.key" }

    static func with(_ body: (BackedUp) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            try await withFolder { folder in try await body(BackedUp(database: database, folder: folder)) }
        }
    }

    func configuration(_ conninfo: String? = nil) throws -> Configuration {
        try Configuration.resolve(environment: [
            "DATABASE_URL": conninfo ?? database.conninfo, "GONDOLA_STORAGE": folder + "/objects",
            "GONDOLA_STATE_DIR": folder + "/state",
        ])
    }

    @discardableResult
    func backUp(_ change: (inout BackupRequest) -> Void = { _ in }) async throws -> BackupReport {
        var request = BackupRequest(directory: backups)
        change(&request)
        return try await configuration().backUp(request) { _ in }
    }

    /// Into an empty database of its own, which `check` looks at; the files go to where they were.
    func restore(
        _ request: RestoreRequest? = nil, isMigrated: Bool = false,
        check: (TestDatabase, RestoreReport) async throws -> Void = { _, _ in }
    ) async throws {
        try await TestDatabase.with(isMigrated: isMigrated) { target in
            let report = try await configuration(target.conninfo).restore(request ?? asking()) { _ in }
            try await check(target, report)
        }
    }

    func asking(_ change: (inout RestoreRequest) -> Void = { _ in }) -> RestoreRequest {
        var request = RestoreRequest(directory: backups)
        change(&request)
        return request
    }

    func loseFiles() throws { try FileManager.default.removeItem(atPath: folder + "/objects") }

    /// The files of the newest generation, and the copies of objects.
    func generation(_ file: String) throws -> URL {
        let name = try Backups.list(in: backups).last?.name ?? ""
        return URL(fileURLWithPath: "\(backups)/generations/\(name)/\(file)")
    }

    func copy(of bytes: [UInt8]) throws -> URL {
        let store = try LocalObjectStore(root: backups + "/objects")
        return URL(fileURLWithPath: store.path(of: try BackupFolder.key(ContentHash(of: bytes).hex)))
    }

    func verify(repairing: Bool = false) async throws -> BackupVerifyReport {
        try await Backups.verify(
            backups, generation: nil, isRepairing: repairing, bytesPerSecond: nil, progress: { _ in })
    }
}

func flip(_ file: URL) throws {
    var data = try Data(contentsOf: file)
    data[data.count / 2] ^= 1
    try data.write(to: file)
}
