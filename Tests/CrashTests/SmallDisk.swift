import Foundation
import TestSupport

/// A file system of a few megabytes, which a test can fill.
struct SmallDisk: Sendable {
    let directory: URL
    private var filler: URL { directory.appending(path: "filler") }

    /// Nil where this user may not mount anything.
    init?(at directory: URL, megabytes: Int = 64) throws {
        guard getuid() == 0 else { return nil }
        self.directory = directory
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try runNow(["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m,mode=755", "tmpfs", directory.path])
    }

    func remove() { _ = try? runNow(["umount", "-l", directory.path]) }

    func setReadOnly(_ isReadOnly: Bool) throws {
        try runNow(["mount", "-o", "remount,\(isReadOnly ? "ro" : "rw")", directory.path])
    }

    /// Takes all the room that there is but so many bytes.
    func fill(leaving rest: Int = 0) {
        let file = open(filler.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(file) }
        let piece = [UInt8](repeating: 0, count: 1 << 16)
        while write(file, piece, piece.count) > 0 {}
        ftruncate(file, max(0, lseek(file, 0, SEEK_END) - off_t(rest)))
    }

    func clear() { unlink(filler.path) }

    func full(for seconds: Double) async throws {
        fill()
        try await Task.sleep(for: .seconds(seconds))
        clear()
    }
}
