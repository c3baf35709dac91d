import Crypto
public import Foundation
public import JobStore
import ObjectStorage
import Synchronization
public import VideoModels

/// Writes everything of one user into a directory: a JSON list for each table, and every file with its bytes checked. The
/// directory appears whole or not at all; a run that was cut off leaves `NAME.partial`, which the next one replaces.
public struct UserExport: Sendable {
    private let store: PostgresStore
    private let objects: any ObjectStore

    init(store: PostgresStore, objects: any ObjectStore) {
        (self.store, self.objects) = (store, objects)
    }

    public struct Report: Codable, Hashable, Sendable {
        /// Of the layout; another number when a reader would have to know.
        public var format = 1
        public var user: UserID
        public var exportedAt: Date
        /// Rows by table: each is a list in `TABLE.json`.
        public var tables: [String: Int] = [:]
        /// Each with its path, bytes and SHA-256 in `files.json`.
        public var files = 0
        public var bytes: Int64 = 0

        enum CodingKeys: String, CodingKey {
            case format, tables, files, bytes
            case user = "user_id"
            case exportedAt = "exported_at"
        }
    }

    func run(_ user: UserID, to directory: String) async throws -> Report {
        let target = URL(fileURLWithPath: directory).standardizedFileURL.path
        guard !FileManager.default.fileExists(atPath: target) else {
            throw SetupError("\(target) is there already; name a directory that is not")
        }
        let partial = target + ".partial"
        try Self.make(partial)
        do {
            let report = try await write(user, into: partial)
            try Self.finish(partial, as: target)
            return report
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
    }

    private func write(_ user: UserID, into directory: String) async throws -> Report {
        var report = Report(user: user, exportedAt: Date())
        let lists = Mutex<[String: JSONList]>([:])
        try await store.export(user) { table, row in
            try lists.withLock { lists in
                var list = try lists[table] ?? JSONList(at: "\(directory)/\(table).json")
                try list.add(row)
                lists[table] = list
            }
        }
        for (table, list) in lists.withLock({ $0 }) {
            try list.close()
            report.tables[table] = list.count
        }
        try await writeFiles(of: user, into: directory, &report)
        let manifest = try JSONList.File(at: "\(directory)/export.json")
        try manifest.write(try Wire.encode(report))
        try manifest.close()
        return report
    }

    private func writeFiles(of user: UserID, into directory: String, _ report: inout Report) async throws {
        var list = try JSONList(at: "\(directory)/files.json")
        var place: ExpectedObject.Place? = ExpectedObject.Place(user: user, id: UUID(uuid: UUID.zero), kind: "")
        while let after = place {
            let page = try await store.expectedObjects(after: after, limit: 200).filter { $0.place.user == user }
            for expected in page {
                guard let bytes = try await copy(expected, user, into: directory) else { continue }
                let file = File(path: Self.path(expected), bytes: bytes, sha256: expected.sha256)
                try list.add(try Wire.encode(file))
                report.files += 1
                report.bytes += bytes
            }
            place = page.count == 200 ? page.last?.place : nil
        }
        try list.close()
    }

    private struct File: Encodable {
        var path: String
        var bytes: Int64
        var sha256: String
    }

    /// The key without its user.
    private static func path(_ expected: ExpectedObject) -> String {
        "files/" + expected.key.split(separator: "/").dropFirst().joined(separator: "/")
    }

    /// Nil where the object has gone by its user's own wish since it was listed.
    private func copy(_ expected: ExpectedObject, _ user: UserID, into directory: String) async throws -> Int64? {
        let path = "\(directory)/\(Self.path(expected))"
        try FileManager.default.createDirectory(
            atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let reader: ObjectReader
        do { reader = try await objects.open(try ObjectKey(expected.key), range: nil) } catch ObjectStoreError.notFound
        {
            if try await store.expectedObject(at: expected.place) == nil { return nil }
            throw Self.damaged(expected.key, "it is not there")
        }
        let file = try JSONList.File(at: path)
        var (hasher, bytes) = (SHA256(), Int64(0))
        for try await chunk in reader.chunks() {
            hasher.update(data: chunk)
            try file.write(Data(chunk))
            bytes += Int64(chunk.count)
        }
        try file.close()
        guard ContentHash(bytes: hasher.finalize())?.hex == expected.sha256 else {
            throw Self.damaged(expected.key, "its bytes are not those that were kept")
        }
        return bytes
    }

    private static func damaged(_ key: String, _ what: String) -> SetupError {
        SetupError(
            "\(key): \(what); `gondola storage verify` looks into it, and nothing is exported until it is mended")
    }

    private static func make(_ partial: String) throws {
        try? FileManager.default.removeItem(atPath: partial)
        do {
            try FileManager.default.createDirectory(
                atPath: partial, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw SetupError("\(partial) cannot be made: \(error.localizedDescription)")
        }
    }

    private static func finish(_ partial: String, as target: String) throws {
        for folder in try FileManager.default.subpathsOfDirectory(atPath: partial) + [""] {
            var isFolder: ObjCBool = false
            let path = "\(partial)/\(folder)"
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { sync(path) }
        }
        guard rename(partial, target) == 0 else {
            throw SetupError("\(target) cannot be made: \(String(cString: strerror(errno)))")
        }
        sync(URL(fileURLWithPath: target).deletingLastPathComponent().path)
    }

    private static func sync(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }
}

extension UUID {
    fileprivate static let zero: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
}

extension Configuration {
    /// Writes everything of a user into a directory, as `UserExport` says.
    public func export(_ user: UserID, to directory: String, from store: PostgresStore) async throws
        -> UserExport.Report
    {
        let storage = try Storage(self, state: StateDirectory(stateDirectory))
        defer { storage.stop() }
        do { return try await UserExport(store: store, objects: storage.objects).run(user, to: directory) } catch let
            error
            as ObjectStoreError
        {
            throw SetupError("the storage cannot be read: \(error)")
        }
    }
}
