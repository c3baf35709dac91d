import Foundation

/// One file for all of a user's objects with the same bytes. Never across users: who has what must not show in how fast
/// an upload is, nor in anything else.
extension LocalObjectStore {
    /// Makes the object another link to the bytes that this user has already; false where there are none, or where they
    /// are not whole any more: then the new bytes take their place.
    func shareContent(_ staged: StagedObject, with key: ObjectKey) throws(ObjectStoreError) -> Bool {
        let shared = contentPath(staged.sha256, of: key)
        let path = staging.newPath()
        guard staged.bytes > 0, link(shared, path) == 0 else { return false }
        defer { unlink(path) }  // the rename does nothing, and leaves it, where the object is that same file already
        guard isWhole(path, as: staged) else {
            unlink(shared)
            return false
        }
        try place(path, at: key)
        return true
    }

    /// Read again: sharing a file that the disk has spoilt would throw the good bytes away.
    private func isWhole(_ path: String, as staged: StagedObject) -> Bool {
        guard let file = try? File.open(path, Self.readFlags), let status = try? File.status(of: file, path: path),
            Int64(status.st_size) == staged.bytes
        else { return false }
        return (try? File.hash(of: file, 0..<staged.bytes)) == staged.sha256
    }

    /// Lets later objects find these bytes. Whatever fails here costs room and nothing else.
    func offerContent(_ hash: ContentHash, of key: ObjectKey) {
        let folders = [key.shard, String(key.user)]
        for count in 1...folders.count {
            try? File.makeFolder(([content] + folders.prefix(count)).joined(separator: "/"))
        }
        _ = link(path(of: key), contentPath(hash, of: key))
    }

    /// Frees the bytes once no object has them. Should someone link to them in this instant, only their name here is lost.
    func dropContent(_ hash: ContentHash, of key: ObjectKey) {
        let path = contentPath(hash, of: key)
        var status = stat()
        if lstat(path, &status) == 0, status.st_nlink == 1 { unlink(path) }
    }

    private func contentPath(_ hash: ContentHash, of key: ObjectKey) -> String {
        "\(content)/\(key.shard)/\(key.user)/\(hash)"
    }

    /// Frees bytes whose last object went without this process seeing to them: it was killed, or the file system keeps
    /// no attributes.
    func collectContent() throws(ObjectStoreError) -> Int {
        var removed = 0
        for shard in try Folder.names(content) {
            for user in try Folder.names("\(content)/\(shard)") {
                let folder = "\(content)/\(shard)/\(user)"
                for entry in try Folder.entries(folder) where !entry.isFolder && entry.status.st_nlink == 1 {
                    if unlink("\(folder)/\(entry.name)") == 0 { removed += 1 }
                }
            }
        }
        return removed
    }
}
