public import Foundation
public import VideoModels

extension LocalObjectStore {
    /// Neither follows a link nor hangs on a pipe that someone put there.
    static let readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

    public func open(_ key: ObjectKey, range: Range<Int64>?) async throws(ObjectStoreError) -> ObjectReader {
        let path = path(of: key)
        return try await BlockingIO.run { () throws(ObjectStoreError) in
            let file = try File.open(path, Self.readFlags)
            let info = try File.status(of: file, path: path).info(File.keptHash(of: file))
            return ObjectReader(info: info, range: range, source: .file(file))
        }
    }

    public func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await BlockingIO.run { () throws(ObjectStoreError) in try look(at: key) }
    }

    /// Blocks.
    func look(at key: ObjectKey) throws(ObjectStoreError) -> ObjectInfo {
        let path = path(of: key)
        let file = try File.open(path, Self.readFlags)
        return try File.status(of: file, path: path).info(File.keptHash(of: file))
    }

    public func localFile(of key: ObjectKey) async throws(ObjectStoreError) -> String {
        _ = try await head(key)
        return path(of: key)
    }

    /// Files are not served to phones behind this process's back.
    public func temporaryLink(to key: ObjectKey, for lifetime: Duration, as presentation: LinkPresentation) -> Redacted<
        String
    >? {
        nil
    }

    public func freeBytes() async throws(ObjectStoreError) -> Int64 { try await staging.freeBytes() }

    public func check() async throws(ObjectStoreError) {
        let folders = [objects, content, staging.folder]
        try await BlockingIO.run { () throws(ObjectStoreError) in
            for folder in folders where access(folder, W_OK | X_OK) != 0 {
                throw errno == ENOENT ? .missingFolder(path: folder) : File.failure(errno, "access", folder)
            }
        }
    }

    public func collectRubbish(olderThan moment: Date) async throws(ObjectStoreError) -> Int {
        let staged = try await staging.collectRubbish(olderThan: moment)
        return try await staged + BlockingIO.run { () throws(ObjectStoreError) in try collectContent() }
    }

    /// As the seam says; foreign files are passed over. Needs memory for the names of one folder at a time and, where the
    /// prefix names no user, of all users.
    public func list(prefix: String, after: ObjectKey?, limit: Int) async throws(ObjectStoreError) -> [ListedObject] {
        try await BlockingIO.run { () throws(ObjectStoreError) in
            var listing = Listing(prefix: prefix, after: after?.description ?? "", limit: limit)
            for (user, folder) in try userFolders(prefix: prefix) where listing.mayHold("\(user)/") {
                try listing.walk(folder, key: "\(user)/", depth: 1)
                if listing.isFull { break }
            }
            return listing.found
        }
    }

    private func userFolders(prefix: String) throws(ObjectStoreError) -> [(user: String, folder: String)] {
        if let slash = prefix.firstIndex(of: "/") {
            let user = prefix[..<slash]
            guard ObjectKey.isValid(segment: user) else { return [] }
            return [(String(user), "\(objects)/\(ObjectKey.shard(of: user))/\(user)")]
        }
        var folders: [(user: String, folder: String)] = []
        for shard in try Folder.names(objects) {
            for user in try Folder.names("\(objects)/\(shard)") where user.hasPrefix(prefix) {
                folders.append((user, "\(objects)/\(shard)/\(user)"))
            }
        }
        // "a-" < "a/" < "a0": the slash takes part in the order of keys.
        return folders.sorted { ($0.user + "/").utf8.lexicographicallyPrecedes(($1.user + "/").utf8) }
    }
}

/// A walk through folders in key order that stops when a page is full.
private struct Listing {
    let prefix: String
    let after: String
    let limit: Int
    var found: [ListedObject] = []

    var isFull: Bool { found.count >= limit }

    /// Whether keys that begin with `start` can be on this page.
    func mayHold(_ start: String) -> Bool {
        let isAhead = start.hasPrefix(prefix) || prefix.hasPrefix(start)
        return isAhead && (after.hasPrefix(start) || after.utf8.lexicographicallyPrecedes(start.utf8))
    }

    mutating func walk(_ folder: String, key: String, depth: Int) throws(ObjectStoreError) {
        guard depth < ObjectKey.maximumSegments else { return }
        for entry in try Folder.entries(folder) {
            if isFull { return }
            let name = key + entry.name
            if entry.isFolder {
                guard mayHold(name + "/") else { continue }
                try walk("\(folder)/\(entry.name)", key: name + "/", depth: depth + 1)
            } else if name.hasPrefix(prefix), after.utf8.lexicographicallyPrecedes(name.utf8),
                let object = try? ObjectKey(name)
            {
                found.append(ListedObject(key: object, info: entry.status.info()))
            }
        }
    }
}
