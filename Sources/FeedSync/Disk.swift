import Foundation

/// The few things that a change log does to the files of its directory. Nothing is durable before it is synced.
protocol Disk: AnyObject {
    /// The whole file; nil if there is none.
    func read(_ name: String) throws(ChangeFileError) -> Data?
    /// Makes the file hold this and nothing else.
    func write(_ data: Data, to name: String) throws(ChangeFileError)
    /// Cuts the file off at `offset` and writes on from there.
    func append(_ data: Data, to name: String, at offset: Int) throws(ChangeFileError)
    func sync(_ name: String) throws(ChangeFileError)
    func rename(_ name: String, to other: String) throws(ChangeFileError)
    /// Makes the names durable.
    func syncDirectory() throws(ChangeFileError)
}

/// A file of the copy could not be read or written.
public struct ChangeFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public var path: String
    public var reason: String

    public var description: String { "\(path): \(reason)" }
}

/// The files of a directory.
final class FileDisk: Disk {
    private let directory: String

    init(directory: String) { self.directory = directory }

    func read(_ name: String) throws(ChangeFileError) -> Data? {
        guard FileManager.default.fileExists(atPath: path(name)) else { return nil }
        return try attempt(name) { try Data(contentsOf: URL(fileURLWithPath: path(name))) }
    }

    func write(_ data: Data, to name: String) throws(ChangeFileError) {
        try attempt(name) { try data.write(to: URL(fileURLWithPath: path(name))) }
    }

    func append(_ data: Data, to name: String, at offset: Int) throws(ChangeFileError) {
        try attempt(name) {
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path(name)))
            defer { try? handle.close() }
            try handle.truncate(atOffset: UInt64(offset))
            try handle.write(contentsOf: data)
        }
    }

    func sync(_ name: String) throws(ChangeFileError) {
        try attempt(name) {
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path(name)))
            defer { try? handle.close() }
            #if canImport(Darwin)
                // There `fsync` leaves the bytes in the drive's own memory. Not every volume knows better.
                if fcntl(handle.fileDescriptor, F_FULLFSYNC) != -1 { return }
            #endif
            try handle.synchronize()
        }
    }

    func rename(_ name: String, to other: String) throws(ChangeFileError) {
        guard Foundation.rename(path(name), path(other)) == 0 else { throw failure(other) }
    }

    func syncDirectory() throws(ChangeFileError) {
        let descriptor = open(directory, O_RDONLY)
        guard descriptor >= 0 else { throw failure("") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("") }
    }

    private func path(_ name: String) -> String { directory + "/" + name }

    private func attempt<Value>(_ name: String, _ body: () throws -> Value) throws(ChangeFileError) -> Value {
        do { return try body() } catch { throw ChangeFileError(path: path(name), reason: Self.reason(error)) }
    }

    private func failure(_ name: String) -> ChangeFileError {
        ChangeFileError(path: path(name), reason: String(cString: strerror(errno)))
    }

    private static func reason(_ error: any Error) -> String {
        let error = error as NSError
        let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError
        return (cause ?? error).localizedDescription
    }
}
