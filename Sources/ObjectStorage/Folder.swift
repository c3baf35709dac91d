import Foundation

/// What stands in a folder.
enum Folder {
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

    /// Removes the files that nobody has touched since; says how many.
    static func removeFiles(in folder: String, before moment: Date) throws(ObjectStoreError) -> Int {
        var removed = 0
        for name in try names(folder) {
            let path = "\(folder)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0, status.modified < moment else { continue }
            if unlink(path) == 0 { removed += 1 }
        }
        return removed
    }
}
