import Foundation
import ObjectStorage
import VideoModels

/// A directory of backups. `objects/` has the bytes of every object once, by their hash; each folder in `generations/` has
/// a dump of the database, and the list of objects that its rows name.
///
/// A generation is put together in `unfinished/`, synced, and renamed to its place: it is whole or it is not there. Objects
/// come before it and go after it, so none that a generation needs is missing whatever dies.
struct BackupFolder: Sendable {
    let path: String
    let objects: LocalObjectStore

    static let dump = "database.dump"
    static let list = "objects.jsonl"
    static let manifest = "manifest.json"
    static let sums = "SHA256SUMS"
    static let key = "secret.key"

    var generations: String { "\(path)/generations" }
    var unfinished: String { "\(path)/unfinished" }

    /// Opens a directory of backups; makes it, but not its parents, where `isNew` allows that.
    init(_ path: String, makingIt isNew: Bool) throws {
        let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        let isThere = FileManager.default.fileExists(atPath: path + "/generations")
        guard isThere || isNew else { throw SetupError("there are no backups in \(path)") }
        if !isThere, let names = try? FileManager.default.contentsOfDirectory(atPath: path),
            !Set(names).subtracting(["objects", "unfinished", "lock", "lost+found"]).isEmpty
        {
            throw SetupError("\(path) holds other things; name an empty directory for backups")
        }
        do throws(ObjectStoreError) {
            try Durable.makeFolder(path)
            for folder in isNew ? ["generations", "unfinished"] : [] { try Durable.makeFolder("\(path)/\(folder)") }
            objects = try LocalObjectStore(root: path + "/objects")
        } catch {
            throw SetupError("\(path) cannot be used for backups: \(error)")
        }
        self.path = path
    }

    /// Waits for nobody: two that change the directory at once would take each other's files away. The lock ends with the
    /// process, or when the value does.
    func lock(exclusively isExclusive: Bool) throws(SetupError) -> HeldLock {
        let file = open("\(path)/lock", isExclusive ? O_CREAT | O_RDWR | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SetupError("cannot open \(path)/lock: \(String(cString: strerror(errno)))") }
        let held = HeldLock(file)
        guard flock(file, (isExclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 else {
            throw SetupError("another process works in \(path)")
        }
        return held
    }

    /// The generations, the oldest first. Each was whole when it got its name: one that lacks a file is damaged, not absent.
    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: generations).filter { !$0.hasPrefix(".") }.sorted()
    }

    /// Whether a generation's list of objects is the one that was made. One that is not may have named any object.
    func hasWholeList(_ name: String) -> Bool {
        let place = "\(generations)/\(name)"
        guard let hash = try? Durable.hash(of: "\(place)/\(Self.list)"),
            let sums = FileManager.default.contents(atPath: "\(place)/\(Self.sums)")
        else { return false }
        return String(decoding: sums, as: UTF8.self).contains("\(hash)  \(Self.list)\n")
    }

    func manifest(of name: String) throws -> BackupManifest {
        let file = "\(generations)/\(name)/\(Self.manifest)"
        guard let data = FileManager.default.contents(atPath: file) else { throw SetupError("there is no \(file)") }
        struct Head: Decodable { var format: Int }
        guard let head = try? Wire.decode(Head.self, from: data) else {
            throw SetupError("\(file) is damaged; `gondola backup verify` looks through all of it")
        }
        guard head.format == BackupManifest.format, let manifest = try? Wire.decode(BackupManifest.self, from: data)
        else { throw SetupError("\(file) is of the format \(head.format): it takes another version of gondola") }
        return manifest
    }

    /// The generation that is asked for, or else the newest.
    func chosen(_ wanted: String?) throws -> String {
        let names = try names()
        guard let wanted else {
            guard let newest = names.last else { throw SetupError("there is no whole backup in \(path)") }
            return newest
        }
        guard names.contains(wanted) else {
            throw SetupError("there is no generation \(wanted); there are: \(names.joined(separator: " "))")
        }
        return wanted
    }

    /// Where the bytes of this hash are kept.
    static func key(_ hash: String) throws -> ObjectKey { try ObjectKey("\(hash.prefix(2))/\(hash)") }

    func has(_ entry: BackupEntry) async -> Bool {
        guard let key = try? Self.key(entry.sha256), let info = try? await objects.head(key) else { return false }
        return info.bytes == entry.bytes
    }

    /// What was begun and did not come to its end.
    func clearUnfinished() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: unfinished) {
            try FileManager.default.removeItem(atPath: "\(unfinished)/\(name)")
        }
    }
}

/// A lock that lasts as long as the value.
final class HeldLock: Sendable {
    private let file: Int32

    init(_ file: Int32) { self.file = file }

    /// Unlocked by name: a child that is just being started has the file too, until it becomes another program.
    deinit {
        flock(file, LOCK_UN)
        close(file)
    }
}
