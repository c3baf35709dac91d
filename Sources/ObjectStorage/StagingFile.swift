import Crypto
import Failpoints
import Foundation

/// A temporary file that is being written and hashed.
///
/// Unchecked: its methods run on the blocking pool one after another, since the one writer awaits each of them.
final class StagingFile: @unchecked Sendable {
    let path: String
    private let file: OpenFile
    private var hasher = SHA256()
    private var unstarted: Int64 = 0
    private(set) var bytes: Int64 = 0

    /// How much may gather in the page cache before write-back is started: the final fsync then finds little left to do.
    private static let writeBackStride: Int64 = 8 << 20

    init(path: String, reserving length: Int64?) throws(ObjectStoreError) {
        self.path = path
        file = try File.open(path, O_WRONLY | O_CREAT | O_EXCL)
        Failpoint.stageMade.reach()
        if let length, length > 0 { try reserve(length) }
    }

    func append(_ chunk: [UInt8]) throws(ObjectStoreError) {
        try File.append(chunk, to: file.descriptor, path: path)
        hasher.update(data: chunk)
        bytes += Int64(chunk.count)
        startWriteBack(afterAdding: Int64(chunk.count))
        Failpoint.stageWritten.reach()
    }

    /// Closes the hash, which stays with the file, and makes the bytes durable where they must be.
    func finish(durably: Bool) throws(ObjectStoreError) -> StagedObject {
        let hash = ContentHash(hasher.finalize())
        if durably {
            File.keep(hash, with: file)
            try File.sync(file, path: path)
            Failpoint.stageSynced.reach()
        }
        return StagedObject(path: path, bytes: bytes, sha256: hash)
    }

    func remove() {
        _ = unlink(path)
    }

    private func reserve(_ length: Int64) throws(ObjectStoreError) {
        #if os(Linux)
            // Asked first: a reservation that fails half way has filled the disk for a moment, under everybody's feet.
            var disk = statvfs()
            if fstatvfs(file.descriptor, &disk) == 0, length / Int64(max(disk.f_frsize, 1)) >= Int64(disk.f_bavail) {
                remove()
                throw .noSpace
            }
            let code = posix_fallocate(file.descriptor, 0, off_t(length))
            // Not every file system can reserve; then a full disk shows while writing.
            guard code != 0, code != EOPNOTSUPP, code != EINVAL, code != EINTR else { return }
            remove()
            throw File.failure(code, "fallocate", path)
        #endif
    }

    private func startWriteBack(afterAdding count: Int64) {
        unstarted += count
        guard unstarted >= Self.writeBackStride else { return }
        #if os(Linux)
            // "Not needed" makes Linux begin to write dirty pages back, without waiting for them.
            _ = posix_fadvise(file.descriptor, off_t(bytes - unstarted), off_t(unstarted), POSIX_FADV_DONTNEED)
        #endif
        unstarted = 0
    }
}
