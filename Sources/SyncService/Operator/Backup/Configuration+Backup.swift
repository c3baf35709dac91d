import Foundation
import JobStore
import ObjectStorage

extension Configuration {
    /// Makes a backup of the database and of every object that its rows name.
    public func backUp(_ request: BackupRequest, progress: (BackupReport) -> Void) async throws -> BackupReport {
        if let keep = request.keep, keep < 1 { throw SetupError("--keep must be at least 1") }
        return try await withPlaces { state, storage, store in
            if request.isDryRun {
                let isThere = FileManager.default.fileExists(atPath: request.directory + "/generations")
                let folder = isThere ? try BackupFolder(request.directory, makingIt: false) : nil
                return try await BackupRun.rehearse(store, to: folder, progress: progress)
            }
            let folder = try BackupFolder(request.directory, makingIt: true)
            let run = BackupRun(
                store: store, objects: storage.objects, folder: folder, request: request,
                conninfo: databaseURL.reveal(), keyFile: state.keyFile(secretKeyFile), scratch: state.path)
            return try await run.run(progress: progress)
        }
    }

    /// Brings a backup back.
    public func restore(_ request: RestoreRequest, progress: (RestoreReport) -> Void) async throws -> RestoreReport {
        try await withPlaces { state, storage, store in
            let run = RestoreRun(
                store: store, objects: storage.objects,
                folder: try BackupFolder(request.directory, makingIt: false), request: request,
                conninfo: databaseURL.reveal(), keyFile: state.keyFile(secretKeyFile), scratch: state.path)
            return try await run.run(progress: progress)
        }
    }

    private func withPlaces<T>(
        _ body: (StateDirectory, Storage, PostgresStore) async throws -> T
    ) async throws -> T {
        let state = try StateDirectory(stateDirectory)
        let storage = try Storage(self, state: state)
        defer { storage.stop() }
        do { return try await withStore { try await body(state, storage, $0) } } catch let error as ObjectStoreError {
            throw SetupError("it stopped, and goes on from there when it is repeated: \(error)")
        }
    }
}

/// What an operator may ask of a directory of backups without a database.
public enum Backups {
    public static func list(in directory: String) throws -> [BackupGeneration] {
        let folder = try BackupFolder(directory, makingIt: false)
        return try folder.names().map { name in
            let manifest = Result { try folder.manifest(of: name) }
            var row = BackupGeneration(name, try? manifest.get())
            if case .failure(let error) = manifest { row.problem = "\(error)" }
            if row.problem == nil, !folder.hasWholeList(name) { row.problem = "its list of objects is damaged" }
            return row
        }
    }

    /// Hashes all of it, or one generation, again.
    public static func verify(
        _ directory: String, generation: String?, isRepairing: Bool, bytesPerSecond: Int64?,
        progress: (BackupVerifyReport) -> Void
    ) async throws -> BackupVerifyReport {
        var verify = BackupVerify(folder: try BackupFolder(directory, makingIt: false), generation: generation)
        (verify.isRepairing, verify.bytesPerSecond) = (isRepairing, bytesPerSecond)
        return try await verify.run(progress: progress)
    }
}
