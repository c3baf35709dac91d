import Failpoints
import Foundation

/// Objects as plain files below one folder.
///
/// `objects/<shard>/<key>` holds what is visible, and `staging/` what is being written, on the same file system, so that
/// a rename makes an object visible whole. The shard is taken from a hash of the user: users' ids are time-sortable, and
/// would otherwise crowd one folder. Several processes may share the folder.
///
/// A user's objects with the same bytes share one file: `content/<shard>/<user>/<hash>` is a further hard link to it, by
/// which the next such object finds it. The kernel counts the links, so that deleting one never takes another's bytes.
public struct LocalObjectStore: ObjectStore {
    public let root: String
    var objects: String { root + "/objects" }
    var content: String { root + "/content" }
    var staging: Staging { Staging(folder: root + "/staging", isDurable: true) }

    /// Opens the store in a folder, which is made (not its parents) when it is not there.
    public init(root: String) throws(ObjectStoreError) {
        self.root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
        for folder in [self.root, objects, content, staging.folder] {
            do throws(ObjectStoreError) { try File.makeFolder(folder) } catch .notFound {
                throw .missingFolder(path: folder)
            }
        }
        try File.syncFolder(self.root)
    }

    public func stage<Body: AsyncSequence>(
        expecting length: Int64?, atMost limit: Int64, body: Body
    ) async throws -> StagedObject where Body.Element == [UInt8] {
        try await staging.stage(expecting: length, atMost: limit, body: body)
    }

    public func discard(_ staged: StagedObject) async { await staging.discard(staged) }

    public func commit(_ staged: StagedObject, to key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await writing { () throws(ObjectStoreError) in
            defer { unlink(staged.path) }
            try makeFolders(objects, for: key.folders)
            if try !shareContent(staged, with: key) {
                try place(staged.path, at: key)
                offerContent(staged.sha256, of: key)
            }
            let info = try look(at: key)
            return ObjectInfo(bytes: staged.bytes, sha256: staged.sha256, modified: info.modified)
        }
    }

    /// One more link to the same file, which is as durable as the first.
    public func copy(_ key: ObjectKey, to target: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let linked = try await BlockingIO.run { () throws(ObjectStoreError) in
            _ = try look(at: key)
            let fresh = staging.newPath()
            guard link(path(of: key), fresh) == 0 else {
                let code = errno
                // Too many links, or a file system without: then the bytes are copied.
                if [EMLINK, EPERM, EOPNOTSUPP, ENOSYS].contains(code) { return ObjectInfo?.none }
                throw File.failure(code, "link", fresh)
            }
            defer { unlink(fresh) }
            try makeFolders(objects, for: target.folders)
            try place(fresh, at: target)
            return try look(at: target)
        }
        if let linked { return linked }
        let reader = try await open(key, range: nil)
        do {
            return try await put(target, expecting: reader.count, atMost: .max, body: reader.chunks())
        } catch {
            throw error as? ObjectStoreError ?? .cancelled
        }
    }

    public func delete(_ key: ObjectKey) async throws(ObjectStoreError) {
        let target = path(of: key)
        try await writing { () throws(ObjectStoreError) in
            // Opened first: afterwards nothing says where the shared link is.
            let file = try? File.open(target, Self.readFlags)
            guard unlink(target) == 0 else {
                let code = errno
                if code == ENOENT { return }
                // Linux says EISDIR for a folder, others EPERM.
                throw code == EPERM ? .foreignFile(path: target) : File.failure(code, "unlink", target)
            }
            try File.syncFolder(Self.folder(of: target))
            if let hash = file.flatMap(File.keptHash) { dropContent(hash, of: key) }
        }
    }

    /// Gives a complete file its place among the objects; durable on return.
    func place(_ file: String, at key: ObjectKey) throws(ObjectStoreError) {
        let target = path(of: key)
        Failpoint.objectNaming.reach()
        guard rename(file, target) == 0 else { throw File.failure(errno, "rename", target) }
        Failpoint.objectNamed.reach()
        try File.syncFolder(Self.folder(of: target))
        Failpoint.objectDurable.reach()
    }

    /// Makes the folders that lead to a key. Each is synced, made now or before: another writer may have made it and not
    /// have come to its sync yet, and syncing a clean folder costs next to nothing.
    func makeFolders(_ root: String, for names: [String]) throws(ObjectStoreError) {
        var folder = root
        for name in names {
            let parent = folder
            folder += "/" + name
            try File.makeFolder(folder)
            Failpoint.folderMade.reach()
            try File.syncFolder(parent)
        }
    }

    /// Where an object's file lies. Only for reading.
    public func path(of key: ObjectKey) -> String {
        "\(objects)/\(key.shard)/\(key)"
    }

    private static func folder(of path: String) -> String {
        String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
    }

    /// For writing, something missing on the way is a missing folder, never a missing object.
    private func writing<Value: Sendable>(
        _ work: @escaping @Sendable () throws(ObjectStoreError) -> Value
    ) async throws(ObjectStoreError) -> Value {
        let root = root
        return try await BlockingIO.run { () throws(ObjectStoreError) in
            do throws(ObjectStoreError) { return try work() } catch .notFound { throw .missingFolder(path: root) }
        }
    }
}

extension ObjectKey {
    var shard: String { Self.shard(of: user) }

    /// The folders that lead to the object, the shard's first.
    fileprivate var folders: [String] { [shard] + segments.dropLast().map(String.init) }

    static func shard(of user: Substring) -> String {
        String(ContentHash(of: user.utf8).hex.prefix(2))
    }
}
