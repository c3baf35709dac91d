public import Foundation

extension LocalObjectStore {
    /// Neither follows a link nor hangs on a pipe that someone put there.
    static let readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

    public func open(_ key: ObjectKey, range: Range<Int64>?) async throws(ObjectStoreError) -> ObjectReader {
        let path = path(of: key)
        return try await BlockingIO.run { () throws(ObjectStoreError) in
            let file = try File.open(path, Self.readFlags)
            let info = try File.status(of: file, path: path).info
            let range = (range ?? 0..<info.bytes).clamped(to: 0..<info.bytes)
            return ObjectReader(info: info, range: range, file: file)
        }
    }

    public func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let path = path(of: key)
        return try await BlockingIO.run { () throws(ObjectStoreError) in
            var status = stat()
            guard lstat(path, &status) == 0 else { throw File.failure(errno, "stat", path) }
            guard status.st_mode & S_IFMT == S_IFREG else { throw .foreignFile(path: path) }
            return status.info
        }
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
            return [(String(user), "\(objects)/\(shard(of: user))/\(user)")]
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

    /// The bytes that an ordinary process may still write on this file system.
    public func freeBytes() async throws(ObjectStoreError) -> Int64 {
        let root = root
        return try await BlockingIO.run { () throws(ObjectStoreError) in
            var status = statvfs()
            guard statvfs(root, &status) == 0 else { throw File.failure(errno, "statvfs", root) }
            return Int64(
                clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
        }
    }

    /// Removes what was staged and never committed, last written before `moment`; says how many files.
    ///
    /// Choose a moment further back than the longest pause of a download: a file that is still being written would go, too.
    public func collectRubbish(olderThan moment: Date) async throws(ObjectStoreError) -> Int {
        let staging = staging
        return try await BlockingIO.run { () throws(ObjectStoreError) in
            var removed = 0
            for name in try Folder.names(staging) {
                let path = "\(staging)/\(name)"
                var status = stat()
                guard lstat(path, &status) == 0, status.modified < moment else { continue }
                if unlink(path) == 0 { removed += 1 }
            }
            return removed
        }
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
                found.append(ListedObject(key: object, info: entry.status.info))
            }
        }
    }
}

private enum Folder {
    struct Entry {
        let name: String
        let status: stat
        var isFolder: Bool { status.st_mode & S_IFMT == S_IFDIR }
    }

    /// The names in a folder that can be segments of a key, unsorted; none when it is not there or is no folder.
    static func names(_ path: String) throws(ObjectStoreError) -> [String] {
        guard let folder = opendir(path) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw File.failure(errno, "opendir", path)
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { start in
                start.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if ObjectKey.isValid(segment: name[...]) { names.append(name) }
        }
        return names
    }

    /// The files and folders in a folder, in the order of the keys that they are part of.
    static func entries(_ path: String) throws(ObjectStoreError) -> [Entry] {
        var entries: [(key: String, entry: Entry)] = []
        for name in try names(path) {
            var status = stat()
            guard lstat("\(path)/\(name)", &status) == 0 else { continue }
            let entry = Entry(name: name, status: status)
            guard entry.isFolder || status.st_mode & S_IFMT == S_IFREG else { continue }
            entries.append((entry.isFolder ? name + "/" : name, entry))
        }
        return entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map(\.entry)
    }
}
