import Crypto
import Failpoints
public import Foundation
public import JobStore
import ObjectStorage
import VideoModels

/// What `gondola restore` is asked for.
public struct RestoreRequest: Sendable {
    public var directory: String
    /// Nil for the newest.
    public var generation: String?
    /// Whether a database that is not empty goes.
    public var isReplacing = false
    /// Whether it goes on where objects of the backup are damaged.
    public var acceptsDamage = false
    /// Whether it goes on without the key, and without what that has sealed.
    public var isForgettingKey = false
    /// Whether unpaid jobs wait for a person, since they may have been paid after the backup.
    public var isHolding = true
    public var isDryRun = false

    public init(directory: String) { self.directory = directory }
}

/// What it did, and how far it is.
public struct RestoreReport: Codable, Hashable, Sendable {
    public var generation = ""
    public var madeAt = Date(timeIntervalSince1970: 0)
    public var objects = 0
    public var bytes: Int64 = 0
    public var restored = 0
    public var restoredBytes: Int64 = 0
    public var alreadyThere = 0
    /// Not in the backup as it should be, or damaged in storage already when it was made.
    public var damaged: [BackupDamage] = []
    /// Deleted while the backup was made, and so deleted here.
    public var gone = 0
    /// The new epoch; nil until the database is restored.
    public var epoch: String?
    public var jobs: RestoredJobs?
    /// Of the jobs that wait: those whose videos are in storage, so that they were paid after the backup.
    public var found = 0
    /// Whether the key file was taken out of the backup.
    public var restoredKey = false

    public var done: Int { restored + alreadyThere + damaged.count + gone }

    enum CodingKeys: String, CodingKey {
        case generation, objects, bytes, restored, damaged, gone, epoch, jobs, found
        case madeAt = "made_at"
        case restoredBytes = "restored_bytes"
        case alreadyThere = "already_there"
        case restoredKey = "restored_key"
    }
}

/// Brings one generation back: first every object, then the database in one transaction. So no row comes before its file,
/// and whatever dies, the database is as it was or restored whole, with nothing in it that could pay again by itself.
struct RestoreRun: Sendable {
    var store: PostgresStore
    var objects: any ObjectStore
    var folder: BackupFolder
    var request: RestoreRequest
    var conninfo: String
    var keyFile: String
    /// A folder for files of a moment.
    var scratch: String
    var atOnce = 4

    func run(progress: (RestoreReport) -> Void) async throws -> RestoreReport {
        let lock = try folder.lock(exclusively: false)
        defer { withExtendedLifetime(lock) {} }
        var report = RestoreReport()
        report.generation = try folder.chosen(request.generation)
        let manifest = try await checked(report.generation)
        (report.madeAt, report.objects) = (manifest.madeAt, manifest.objects)
        (report.bytes, report.damaged) = (manifest.objectBytes, manifest.damaged)
        if !request.isDryRun { report.restoredKey = try restoreKey(manifest, report.generation) }
        try await bringObjects(manifest, &report, progress)
        guard !request.isDryRun else { return report }
        Failpoint.restoreCopied.reach()
        try refuseDamage(manifest, report)
        report.epoch = try await restoreDatabase(manifest, report.generation)
        report.jobs = try await store.restoredJobs()
        report.found = try await noteFinds()
        return report
    }

    // MARK: - before anything is changed

    private func checked(_ name: String) async throws -> BackupManifest {
        if let damage = try BackupVerify.damagedFiles(of: name, in: folder).first {
            throw SetupError("\(damage.key): \(damage.reason); take another generation with --generation")
        }
        let manifest = try folder.manifest(of: name)
        if let stranger = script(manifest).unknownMigrations.first {
            throw SetupError(
                "the backup has migration \(stranger), which this build does not know; install a newer gondola")
        }
        if !request.isReplacing, try await !store.isEmpty() {
            throw SetupError(
                "the database is not empty; name an empty one (createdb), or say --replace to lose what is in it")
        }
        try await refuseCompany()
        try checkKey(manifest)
        return manifest
    }

    /// What a process has left that ended a moment ago is gone in a moment.
    private func refuseCompany() async throws {
        var others = try await store.otherSessions()
        for _ in 0..<20 where others > 0 {
            try await Task.sleep(for: .milliseconds(250))
            others = try await store.otherSessions()
        }
        guard others == 0 else {
            throw SetupError("\(others) connections of gondola are open to this database; stop every process first")
        }
    }

    private func checkKey(_ manifest: BackupManifest) throws {
        guard let needed = manifest.sealingKeyID, !request.isForgettingKey else { return }
        if !FileManager.default.fileExists(atPath: keyFile) {
            if manifest.hasKeys { return }
            throw SetupError(
                "the secrets in the backup are sealed with the key \(needed), and there is no key file \(keyFile): bring it "
                    + "back, or say --without-key to go on without those secrets")
        }
        let ring = try StateDirectory.secrets(in: keyFile).keyIDs
        guard ring.contains(needed) else {
            throw SetupError(
                "the secrets in the backup are sealed with the key \(needed), and \(keyFile) has \(ring.joined(separator: ", ")): "
                    + "bring the right one back, or say --without-key to go on without those secrets")
        }
    }

    /// From a backup that was made with its keys, where there is no key file.
    private func restoreKey(_ manifest: BackupManifest, _ name: String) throws -> Bool {
        guard manifest.hasKeys, !FileManager.default.fileExists(atPath: keyFile),
            let key = FileManager.default.contents(atPath: "\(folder.generations)/\(name)/\(BackupFolder.key)")
        else { return false }
        let beside = "\(keyFile).\(getpid())"
        try Durable.write(key, to: beside)
        try Durable.rename(beside, to: keyFile)
        return true
    }

    // MARK: - the objects

    private enum Fate: Sendable {
        case restored, alreadyThere
        case damaged(String)
    }

    private func bringObjects(
        _ manifest: BackupManifest, _ report: inout RestoreReport, _ progress: (RestoreReport) -> Void
    ) async throws {
        let (absent, damaged) = (Set(manifest.absent), Set(manifest.damaged.map(\.key)))
        report.gone = absent.count
        var reader = try LineReader<BackupEntry>("\(folder.generations)/\(report.generation)/\(BackupFolder.list)")
        while case let entries = try reader.next(500), !entries.isEmpty {
            let wanted = entries.filter { !absent.contains($0.place) && !damaged.contains($0.key) }
            for (entry, fate) in try await fates(of: wanted) {
                switch fate {
                case .restored:
                    report.restored += 1
                    report.restoredBytes += entry.bytes
                case .alreadyThere: report.alreadyThere += 1
                case .damaged(let reason): report.damaged.append(BackupDamage(key: entry.key, reason: reason))
                }
            }
            progress(report)
        }
    }

    private func fates(of entries: [BackupEntry]) async throws -> [(BackupEntry, Fate)] {
        try await withThrowingTaskGroup(of: (BackupEntry, Fate).self) { group in
            var fates: [(BackupEntry, Fate)] = []
            for (index, entry) in entries.enumerated() {
                if index >= atOnce, let fate = try await group.next() { fates.append(fate) }
                group.addTask { (entry, try await bring(entry)) }
            }
            for try await fate in group { fates.append(fate) }
            return fates
        }
    }

    private func bring(_ entry: BackupEntry) async throws -> Fate {
        let (key, hash) = (try ObjectKey(entry.key), entry.sha256)
        if try await isThere(key, entry) { return .alreadyThere }
        if request.isDryRun { return await folder.has(entry) ? .restored : .damaged("its copy is not there") }
        let staged: StagedObject
        do {
            let bytes = try await SourceBytes(of: try BackupFolder.key(hash), in: folder.objects)
            staged = try await objects.stage(expecting: entry.bytes, atMost: entry.bytes, body: bytes)
        } catch let trouble as SourceTrouble {
            guard trouble.isOfOneObject else { throw trouble.error }
            return .damaged(
                trouble.error == .notFound ? "its copy is not there" : "its copy cannot be read: \(trouble.error)")
        } catch let error as ObjectStoreError where error.isOfTheLength {
            return .damaged("its copy cannot be read: \(error)")
        }
        guard staged.sha256.hex == hash else {
            await objects.discard(staged)
            return .damaged("its copy has the SHA-256 \(staged.sha256) instead of \(hash)")
        }
        _ = try await objects.commit(staged, to: key)
        return .restored
    }

    /// Whether the storage has these very bytes: by the hash that it keeps, or by reading where it keeps none.
    private func isThere(_ key: ObjectKey, _ entry: BackupEntry) async throws -> Bool {
        let info: ObjectInfo
        do { info = try await objects.head(key) } catch {
            if error == .notFound { return false }
            throw error
        }
        guard info.bytes == entry.bytes else { return false }
        if let hash = info.sha256 { return hash.hex == entry.sha256 }
        var hasher = SHA256()
        for try await chunk in try await objects.open(key, range: nil).chunks() { hasher.update(data: chunk) }
        return ContentHash(bytes: hasher.finalize())?.hex == entry.sha256
    }

    private func refuseDamage(_ manifest: BackupManifest, _ report: RestoreReport) throws {
        let found = report.damaged.count - manifest.damaged.count
        guard found > 0, !request.acceptsDamage, let first = report.damaged.last else { return }
        throw SetupError(
            "\(found) objects of the backup are damaged, such as \(first.key): \(first.reason). The database was not touched. "
                + "Take another generation with --generation, or say --accept-damage to go on without them")
    }

    // MARK: - the database

    private func script(_ manifest: BackupManifest) -> RestoreScript {
        var script = RestoreScript(backupAt: manifest.madeAt, migrations: manifest.migrations, epoch: UUID())
        (script.isReplacing, script.isHolding) = (request.isReplacing, request.isHolding)
        script.isForgettingKey = request.isForgettingKey
        script.absent = manifest.absent
        return script
    }

    /// The shell writes what ends the transaction only after the whole dump was written, as a mark says. Whatever dies
    /// before that, psql comes to the end of its script without it, and the server takes everything back.
    private static let pipeline = """
        { cat "$1" \
        && { pg_restore --no-owner --no-privileges --no-comments --schema=public --file=- "$2" && : >"$4"; } | \(older) \
        && [ -e "$4" ] && cat "$3"; } \
        | psql --no-psqlrc --quiet --no-password --set=ON_ERROR_STOP=1 || exit
        [ -e "$4" ]
        """

    /// From 17 on pg_restore sets what servers up to 16 do not know. Rows begin after the first COPY, and are left alone.
    static let older = "sed -e '1,/^COPY /{' -e '/^SET transaction_timeout = 0;$/d' -e '}'"

    private func restoreDatabase(_ manifest: BackupManifest, _ name: String) async throws -> String {
        let place = "\(scratch)/restore-\(getpid())"
        var script = self.script(manifest)
        script.place = try await store.place()
        try Durable.makeFolder(place)
        defer { try? FileManager.default.removeItem(atPath: place) }
        try Durable.write(Data(script.head.utf8), to: "\(place)/head.sql")
        try Durable.write(Data(script.tail.utf8), to: "\(place)/tail.sql")
        let tool = PostgresTool(conninfo, complaints: "\(place)/complaints")
        for program in ["pg_restore", "psql"] { try await tool.runAside([program, "--version"]) }
        Failpoint.restoreWritten.reach()
        let files = [
            "\(place)/head.sql", "\(folder.generations)/\(name)/\(BackupFolder.dump)", "\(place)/tail.sql",
            "\(place)/dump-is-whole",
        ]
        let failure: (any Error)?
        do {
            try await tool.runAside(["sh", "-c", Self.pipeline, "restore"] + files)
            failure = nil
        } catch {
            failure = error
        }
        // What counts is what the database says: a commit may have happened although its answer was lost, and a shell tells
        // only how psql ended.
        let epoch = script.epoch.uuidString.lowercased()
        if try await store.epoch() == epoch { return epoch }
        throw failure ?? SetupError("the dump could not be read to its end; the database is as it was")
    }

    /// Files outlive a database: who decides about a job is told that its video is there.
    private func noteFinds() async throws -> Int {
        var (found, after) = (0, (user: UserID, job: JobID)?.none)
        while true {
            let page = try await store.doubtfulJobs(after: after, limit: 500)
            for (user, job) in page {
                let key = try VideoKeeper.key(of: user, job)
                guard (try? await objects.head(key)) != nil else { continue }
                try await store.noteStoredVideo(of: job, user: user, key: key.description)
                found += 1
            }
            guard page.count == 500 else { return found }
            after = page.last
        }
    }
}
