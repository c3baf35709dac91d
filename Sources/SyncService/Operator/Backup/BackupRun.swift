import Failpoints
import Foundation
import JobStore
import ObjectStorage
import VideoModels

/// What `gondola backup` did, and how far it is.
public struct BackupReport: Codable, Hashable, Sendable {
    /// The generation's name; nil until it is there.
    public var generation: String?
    public var databaseBytes: Int64 = 0
    /// What the rows name.
    public var objects = 0
    public var bytes: Int64 = 0
    public var copied = 0
    public var copiedBytes: Int64 = 0
    /// In the backup already, from an earlier generation or a run that was stopped.
    public var alreadyThere = 0
    /// Deleted while the backup was made.
    public var gone = 0
    /// Not in storage as the rows say: `gondola storage verify` tells more.
    public var damaged: [BackupDamage] = []
    public var removedGenerations: [String] = []
    public var removedObjects = 0
    /// Generations whose lists of objects are damaged: as long as they are there no object is removed.
    public var unreadable: [String] = []

    public var done: Int { copied + alreadyThere + gone + damaged.count }

    enum CodingKeys: String, CodingKey {
        case generation, objects, bytes, copied, gone, damaged, unreadable
        case databaseBytes = "database_bytes"
        case copiedBytes = "copied_bytes"
        case alreadyThere = "already_there"
        case removedGenerations = "removed_generations"
        case removedObjects = "removed_objects"
    }
}

/// What `gondola backup` is asked for.
public struct BackupRequest: Sendable {
    public var directory: String
    /// How many generations stay, this one included; nil for all.
    public var keep: Int?
    /// Whether the key file goes along.
    public var includesKeys = false
    public var isDryRun = false

    public init(directory: String) { self.directory = directory }
}

/// Makes one generation: the database as it is at one moment, and every object that its rows name.
struct BackupRun: Sendable {
    var store: PostgresStore
    var objects: any ObjectStore
    var folder: BackupFolder
    var request: BackupRequest
    var conninfo: String
    /// The file of the sealing keys.
    var keyFile: String
    /// A folder for files of a moment.
    var scratch: String
    /// Objects that travel at the same time.
    var atOnce = 4

    func run(progress: (BackupReport) -> Void) async throws -> BackupReport {
        let lock = try folder.lock(exclusively: true)
        defer { withExtendedLifetime(lock) {} }
        try folder.clearUnfinished()
        let place = "\(folder.unfinished)/\(UUID().uuidString.lowercased())"
        try Durable.makeFolder(place)
        var (manifest, report) = (try await dump(to: place), BackupReport())
        Failpoint.backupDumped.reach()
        (report.objects, report.bytes) = (manifest.objects, manifest.objectBytes)
        report.databaseBytes = manifest.databaseBytes
        progress(report)
        try await copy(listedIn: "\(place)/\(BackupFolder.list)", &manifest, &report, progress)
        report.generation = try finish(place, manifest)
        if let keep = request.keep { try await prune(keeping: keep, &report) }
        return report
    }

    /// The new generation stands whatever comes of it.
    private func prune(keeping count: Int, _ report: inout BackupReport) async throws {
        do { try await BackupPruner(folder: folder).prune(keeping: count, &report) } catch {
            throw SetupError(
                "the backup \(report.generation ?? "") is made, but what is old could not be removed: \(error)")
        }
    }

    /// What would be copied, without writing anything; nil stands for a directory that is still to be made.
    static func rehearse(
        _ store: PostgresStore, to folder: BackupFolder?, progress: (BackupReport) -> Void
    ) async throws -> BackupReport {
        var (report, place) = (BackupReport(), ExpectedObject.Place?.none)
        while true {
            let page = try await store.expectedObjects(after: place, limit: 1000)
            for object in page {
                report.objects += 1
                report.bytes += object.bytes
                if await folder?.has(BackupEntry(object)) == true {
                    report.alreadyThere += 1
                } else {
                    report.copied += 1
                    report.copiedBytes += object.bytes
                }
            }
            progress(report)
            guard page.count == 1000 else { return report }
            place = page.last?.place
        }
    }

    // MARK: - the database

    /// Dump and list are of one snapshot, so the list names exactly what the dump's rows do.
    private func dump(to place: String) async throws -> BackupManifest {
        let tool = PostgresTool(conninfo, complaints: "\(scratch)/complaints-\(getpid())")
        return try await withTaskCancellationHandler {
            try await store.withSnapshot { name, facts, eachObject in
                let file = "\(place)/\(BackupFolder.dump)"
                // Policies hide nothing from a session that names no user, but pg_dump refuses to rely on that by itself.
                try tool.run([
                    "pg_dump", "--format=custom", "--enable-row-security", "--no-password", "--snapshot=\(name)",
                    "--file=\(file)",
                ])
                try tool.run(["pg_restore", "--list", file])
                try Durable.sync(file)
                var manifest = BackupManifest(
                    madeAt: facts.at, databaseBytes: Durable.bytes(of: file), serverVersion: facts.serverVersion,
                    epoch: facts.epoch, migrations: facts.migrations, sealingKeyID: facts.sealingKeyID)
                let list = try LineWriter("\(place)/\(BackupFolder.list)")
                try eachObject { object in
                    try list.append(BackupEntry(object))
                    manifest.objects += 1
                    manifest.objectBytes += object.bytes
                }
                try list.finish()
                return manifest
            }
        } onCancel: {
            tool.cancel()
        }
    }

    // MARK: - the objects

    fileprivate enum Fate: Sendable {
        case copied, alreadyThere, gone
        case damaged(String)
    }

    private func copy(
        listedIn list: String, _ manifest: inout BackupManifest, _ report: inout BackupReport,
        _ progress: (BackupReport) -> Void
    ) async throws {
        var reader = try LineReader<BackupEntry>(list)
        while case let entries = try reader.next(500), !entries.isEmpty {
            for (entry, fate) in try await fates(of: entries) {
                report.note(entry, fate.isGone, fate.isCopied, fate.damage)
                if fate.isGone { manifest.absent.append(entry.place) }
            }
            manifest.damaged = report.damaged
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
        if await folder.has(entry) { return .alreadyThere }
        guard let reason = try await take(entry) else {
            Failpoint.backupCopied.reach()
            return .copied
        }
        // Gone for good, or made anew, since the snapshot: that is no damage. A picture is made again after a restore.
        let now = try await store.expectedObject(at: entry.place)
        if now == nil || (now?.sha256 != entry.sha256 && entry.place.kind != "video") { return .gone }
        return .damaged(reason)
    }

    /// Nil, or why the storage does not have these bytes. Throws what is the trouble of a whole store.
    private func take(_ entry: BackupEntry) async throws -> String? {
        do {
            let bytes = try await SourceBytes(of: try ObjectKey(entry.key), in: objects)
            let staged = try await folder.objects.stage(expecting: entry.bytes, atMost: entry.bytes, body: bytes)
            guard staged.sha256.hex == entry.sha256 else {
                await folder.objects.discard(staged)
                return "its SHA-256 is \(staged.sha256) instead of \(entry.sha256)"
            }
            _ = try await folder.objects.commit(staged, to: try BackupFolder.key(entry.sha256))
            return nil
        } catch let trouble as SourceTrouble {
            guard trouble.isOfOneObject else { throw trouble.error }
            return "\(trouble.error)"
        } catch let error as ObjectStoreError where error.isOfTheLength {
            return "\(error)"
        } catch is InvalidObjectKey {
            return "its key is none"
        }
    }

    // MARK: - the end

    /// Describes the generation, makes all of it durable, and gives it its place.
    private func finish(_ place: String, _ manifest: BackupManifest) throws -> String {
        var (manifest, files) = (manifest, [BackupFolder.dump, BackupFolder.list, BackupFolder.manifest])
        if request.includesKeys {
            guard let key = FileManager.default.contents(atPath: keyFile) else {
                throw SetupError("the key file \(keyFile) cannot be read, and --with-keys asks for it")
            }
            try Durable.write(key, to: "\(place)/\(BackupFolder.key)")
            manifest.hasKeys = true
            files.append(BackupFolder.key)
        }
        try Durable.write(try Wire.encode(manifest), to: "\(place)/\(BackupFolder.manifest)")
        let sums = try files.map { "\(try Durable.hash(of: "\(place)/\($0)"))  \($0)\n" }.joined()
        try Durable.write(Data(sums.utf8), to: "\(place)/\(BackupFolder.sums)")
        try Durable.sync(place)
        Failpoint.backupDescribed.reach()
        let name = try freeName(manifest.madeAt)
        try Durable.rename(place, to: "\(folder.generations)/\(name)")
        Failpoint.backupNamed.reach()
        return name
    }

    /// By the time, so that names sort; a clock that went back must not make the newest look old.
    private func freeName(_ moment: Date) throws -> String {
        let name = Wire.text(of: moment).filter { !"-:".contains($0) }
        guard let newest = try folder.names().last, newest >= name else { return name }
        return newest + "a"
    }
}

extension BackupRun.Fate {
    fileprivate var isGone: Bool { if case .gone = self { true } else { false } }
    fileprivate var isCopied: Bool { if case .copied = self { true } else { false } }
    fileprivate var damage: String? { if case .damaged(let reason) = self { reason } else { nil } }
}

extension BackupReport {
    fileprivate mutating func note(_ entry: BackupEntry, _ isGone: Bool, _ isCopied: Bool, _ damage: String?) {
        if let damage {
            damaged.append(BackupDamage(key: entry.key, reason: damage))
        } else if isGone {
            gone += 1
        } else if isCopied {
            copied += 1
            copiedBytes += entry.bytes
        } else {
            alreadyThere += 1
        }
    }
}
