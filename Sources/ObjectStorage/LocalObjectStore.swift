import Failpoints
import Foundation

/// Objects as plain files below one folder.
///
/// `objects/<shard>/<key>` holds what is visible, and `staging/` what is being written, on the same file system, so that
/// a rename makes an object visible whole. The shard is taken from a hash of the user: users' ids are time-sortable, and
/// would otherwise crowd one folder. Several processes may share the folder.
public struct LocalObjectStore: ObjectStore {
    public let root: String
    var objects: String { root + "/objects" }
    var staging: String { root + "/staging" }

    /// Small chunks are gathered to this size before they are written.
    private static let writeSize = 256 << 10

    /// Opens the store in a folder, which is made (not its parents) when it is not there.
    public init(root: String) throws(ObjectStoreError) {
        self.root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
        for folder in [self.root, objects, staging] {
            do throws(ObjectStoreError) { try File.makeFolder(folder) } catch .notFound {
                throw .missingFolder(path: folder)
            }
        }
        try File.syncFolder(self.root)
    }

    public func stage<Body: AsyncSequence>(
        expecting length: Int64?, atMost limit: Int64, body: Body
    ) async throws -> StagedObject where Body.Element == [UInt8] {
        if let length, length > limit { throw ObjectStoreError.tooLarge(limit: limit) }
        let path = "\(staging)/\(UUID().uuidString.lowercased())"
        let file = try await writing { () throws(ObjectStoreError) in try StagingFile(path: path, reserving: length) }
        do {
            try await fill(file, atMost: length ?? limit, from: body)
            if let length, file.bytes < length {
                throw ObjectStoreError.truncated(expected: length, got: file.bytes)
            }
            return try await writing { () throws(ObjectStoreError) in try file.finish() }
        } catch {
            await BlockingIO.run { file.remove() }
            throw error
        }
    }

    /// Gathers chunks and writes them one batch at a time: the body is asked for more only after the write.
    private func fill<Body: AsyncSequence>(
        _ file: StagingFile, atMost limit: Int64, from body: Body
    ) async throws where Body.Element == [UInt8] {
        var gathered: [UInt8] = []
        var total: Int64 = 0
        for try await chunk in body {
            try Task.checkCancellation()
            total += Int64(chunk.count)
            guard total <= limit else { throw ObjectStoreError.tooLarge(limit: limit) }
            if gathered.isEmpty { gathered = chunk } else { gathered += chunk }
            guard gathered.count >= Self.writeSize else { continue }
            try await write(gathered, to: file)
            gathered.removeAll(keepingCapacity: true)
        }
        // A body that ends because its task was cancelled is not a whole body.
        try Task.checkCancellation()
        if !gathered.isEmpty { try await write(gathered, to: file) }
    }

    private func write(_ bytes: [UInt8], to file: StagingFile) async throws(ObjectStoreError) {
        try await writing { () throws(ObjectStoreError) in try file.append(bytes) }
    }

    public func commit(_ staged: StagedObject, to key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let target = path(of: key)
        return try await writing { () throws(ObjectStoreError) in
            do throws(ObjectStoreError) {
                try makeFolders(for: key)
                Failpoint.objectNaming.reach()
                guard rename(staged.path, target) == 0 else { throw File.failure(errno, "rename", target) }
            } catch {
                _ = unlink(staged.path)
                throw error
            }
            Failpoint.objectNamed.reach()
            try File.syncFolder(Self.folder(of: target))
            Failpoint.objectDurable.reach()
            let info = try File.status(of: File.open(target, Self.readFlags), path: target).info
            return ObjectInfo(bytes: staged.bytes, sha256: staged.sha256, modified: info.modified)
        }
    }

    public func discard(_ staged: StagedObject) async {
        await BlockingIO.run { _ = unlink(staged.path) }
    }

    public func delete(_ key: ObjectKey) async throws(ObjectStoreError) {
        let target = path(of: key)
        try await writing { () throws(ObjectStoreError) in
            guard unlink(target) == 0 else {
                let code = errno
                if code == ENOENT { return }
                // Linux says EISDIR for a folder, others EPERM.
                throw code == EPERM ? .foreignFile(path: target) : File.failure(code, "unlink", target)
            }
            try File.syncFolder(Self.folder(of: target))
        }
    }

    /// Makes the folders that lead to a key. Each is synced, made now or before: another writer may have made it and not
    /// have come to its sync yet, and syncing a clean folder costs next to nothing.
    private func makeFolders(for key: ObjectKey) throws(ObjectStoreError) {
        var folder = objects
        for name in [shard(of: key.user)] + key.segments.dropLast().map(String.init) {
            let parent = folder
            folder += "/" + name
            try File.makeFolder(folder)
            Failpoint.folderMade.reach()
            try File.syncFolder(parent)
        }
    }

    func shard(of user: Substring) -> String {
        String(ContentHash(of: user.utf8).hex.prefix(2))
    }

    /// Where an object's file lies. Only for reading.
    public func path(of key: ObjectKey) -> String {
        "\(objects)/\(shard(of: key.user))/\(key)"
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
