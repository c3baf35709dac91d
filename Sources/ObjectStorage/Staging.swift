import Foundation

/// The folder in which bodies gather before they are objects. A local store has it on its own file system; one for a
/// service has it on this machine, since a body is checked as a file before it may be seen.
struct Staging: Sendable {
    let folder: String
    /// Whether a staged file must survive a crash by itself: a service makes its own copy durable.
    let isDurable: Bool

    /// Small chunks are gathered to this size before they are written.
    private static let writeSize = 256 << 10

    /// A name that nobody else uses.
    func newPath() -> String { "\(folder)/\(UUID().uuidString.lowercased())" }

    func stage<Body: AsyncSequence>(
        expecting length: Int64?, atMost limit: Int64, body: Body
    ) async throws -> StagedObject where Body.Element == [UInt8] {
        if let length, length > limit { throw ObjectStoreError.tooLarge(limit: limit) }
        let path = newPath()
        let file = try await writing { () throws(ObjectStoreError) in try StagingFile(path: path, reserving: length) }
        do {
            try await fill(file, atMost: length ?? limit, from: body)
            if let length, file.bytes < length {
                throw ObjectStoreError.truncated(expected: length, got: file.bytes)
            }
            return try await writing { () throws(ObjectStoreError) in try file.finish(durably: isDurable) }
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

    func discard(_ staged: StagedObject) async {
        await BlockingIO.run { _ = unlink(staged.path) }
    }

    /// The bytes that an ordinary process may still write on this file system.
    func freeBytes() async throws(ObjectStoreError) -> Int64 {
        let folder = folder
        return try await writing { () throws(ObjectStoreError) in
            var status = statvfs()
            guard statvfs(folder, &status) == 0 else { throw File.failure(errno, "statvfs", folder) }
            return Int64(
                clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
        }
    }

    func collectRubbish(olderThan moment: Date) async throws(ObjectStoreError) -> Int {
        let folder = folder
        return try await BlockingIO.run { () throws(ObjectStoreError) in
            try Folder.removeFiles(in: folder, before: moment)
        }
    }

    /// For writing, something missing on the way is a missing folder, never a missing object.
    func writing<Value: Sendable>(
        _ work: @escaping @Sendable () throws(ObjectStoreError) -> Value
    ) async throws(ObjectStoreError) -> Value {
        let folder = folder
        return try await BlockingIO.run { () throws(ObjectStoreError) in
            do throws(ObjectStoreError) { return try work() } catch .notFound { throw .missingFolder(path: folder) }
        }
    }
}
