import Crypto
import Foundation
import ObjectStorage

/// Files that survive a crash of the machine, and the reading of large ones a piece at a time.
enum Durable {
    static func makeFolder(_ path: String) throws(ObjectStoreError) {
        guard mkdir(path, 0o700) != 0 else { return }
        switch errno {
        case EEXIST: return
        case ENOENT: throw .missingFolder(path: path)
        case EACCES, EPERM, EROFS: throw .notWritable(path: path)
        case ENOSPC, EDQUOT: throw .noSpace
        default: throw .io(errno: errno, what: "mkdir \(path)")
        }
    }

    /// Of a file or a folder.
    static func sync(_ path: String) throws(ObjectStoreError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .io(errno: errno, what: "open \(path)") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw .io(errno: errno, what: "fsync \(path)") }
    }

    static func rename(_ from: String, to target: String) throws(ObjectStoreError) {
        guard Foundation.rename(from, target) == 0 else { throw .io(errno: errno, what: "rename \(from)") }
        try sync((target as NSString).deletingLastPathComponent)
        try sync((from as NSString).deletingLastPathComponent)
    }

    static func write(_ data: Data, to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: data, attributes: [.posixPermissions: 0o600])
        else { throw errno == ENOSPC ? ObjectStoreError.noSpace : ObjectStoreError.notWritable(path: path) }
        try sync(path)
    }

    static func bytes(of path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }

    /// The SHA-256 of a file in hexadecimal. Blocks.
    static func hash(of path: String) throws -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { throw ObjectStoreError.notFound }
        defer { try? file.close() }
        var hasher = SHA256()
        while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty { hasher.update(data: piece) }
        return ContentHash(bytes: hasher.finalize())?.hex ?? ""
    }
}

/// Reads a file of JSON values, one a line, some at a time.
struct LineReader<Value: Decodable> {
    private let file: FileHandle
    private let path: String
    private var rest = Data()
    private var isAtEnd = false

    init(_ path: String) throws {
        guard let file = FileHandle(forReadingAtPath: path) else { throw SetupError("\(path) cannot be read") }
        (self.file, self.path) = (file, path)
    }

    /// The next values, at most so many; none at the end.
    mutating func next(_ count: Int) throws -> [Value] {
        var values: [Value] = []
        while values.count < count, let line = try nextLine() {
            guard let value = try? JSONDecoder().decode(Value.self, from: line) else {
                throw SetupError("\(path) is damaged; `gondola backup verify` looks through all of it")
            }
            values.append(value)
        }
        return values
    }

    private mutating func nextLine() throws -> Data? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest = rest[rest.index(after: end)...] }
                return Data(rest[..<end])
            }
            if isAtEnd { return nil }
            let piece = try file.read(upToCount: 256 << 10) ?? Data()
            isAtEnd = piece.isEmpty
            rest = Data(rest) + piece
        }
    }
}

/// Writes such a file.
final class LineWriter {
    private let file: FileHandle
    private var buffer = Data()
    private let encoder = JSONEncoder()

    init(_ path: String) throws {
        try Durable.write(Data(), to: path)
        guard let file = FileHandle(forWritingAtPath: path) else { throw ObjectStoreError.notWritable(path: path) }
        self.file = file
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    func append(_ value: some Encodable) throws {
        buffer += try encoder.encode(value) + Data("\n".utf8)
        if buffer.count > 256 << 10 { try flush() }
    }

    func finish() throws {
        try flush()
        try file.synchronize()
        try file.close()
    }

    private func flush() throws {
        try file.write(contentsOf: buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
