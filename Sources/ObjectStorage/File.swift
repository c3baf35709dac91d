import CXattr
import Crypto
import Foundation

/// The system calls that the store uses, with `EINTR` retried and errors in the store's words.
enum File {
    static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(ObjectStoreError) -> OpenFile {
        while true {
            let descriptor = Foundation.open(path, flags | O_CLOEXEC, mode)
            if descriptor >= 0 { return OpenFile(owning: descriptor) }
            guard errno == EINTR else { throw failure(errno, "open", path) }
        }
    }

    /// Up to `count` bytes from `offset`; fewer only at the end of the file.
    static func read(_ descriptor: Int32, at offset: Int64, upTo count: Int) throws(ObjectStoreError) -> [UInt8] {
        var failed: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset) + off_t(filled))
                if got > 0 {
                    filled += got
                } else if got == 0 {
                    break
                } else if errno != EINTR {
                    failed = errno
                    break
                }
            }
        }
        guard failed == 0 else { throw .io(errno: failed, what: "pread") }
        return bytes
    }

    static func append(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(ObjectStoreError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count >= 0 { written += count } else if errno != EINTR { throw failure(errno, "write", path) }
        }
    }

    static func sync(_ file: OpenFile, path: String) throws(ObjectStoreError) {
        guard fsync(file.descriptor) == 0 else { throw failure(errno, "fsync", path) }
    }

    /// Makes the entries of a folder durable.
    static func syncFolder(_ path: String) throws(ObjectStoreError) {
        try sync(open(path, O_RDONLY | O_DIRECTORY), path: path)
    }

    /// Makes one folder, if it is not there.
    static func makeFolder(_ path: String) throws(ObjectStoreError) {
        guard mkdir(path, 0o700) != 0 else { return }
        guard errno == EEXIST else { throw failure(errno, "mkdir", path) }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { throw .foreignFile(path: path) }
    }

    /// The status of a regular file; anything else under its name is foreign.
    static func status(of file: OpenFile, path: String) throws(ObjectStoreError) -> stat {
        var status = stat()
        guard fstat(file.descriptor, &status) == 0 else { throw failure(errno, "fstat", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .foreignFile(path: path) }
        return status
    }

    private static let hashAttribute = "user.gondola.sha256"

    /// Notes the hash in an attribute of the file. Where the file system has none the object is as good, but its hash is
    /// not known without reading it.
    static func keep(_ hash: ContentHash, with file: OpenFile) {
        #if os(Linux)
            _ = fsetxattr(file.descriptor, hashAttribute, hash.bytes, hash.bytes.count, 0)
        #endif
    }

    /// The hash that was kept with a file; nil where there is none.
    static func keptHash(of file: OpenFile) -> ContentHash? {
        #if os(Linux)
            var bytes = [UInt8](repeating: 0, count: 32)
            guard fgetxattr(file.descriptor, hashAttribute, &bytes, bytes.count) == bytes.count else { return nil }
            return ContentHash(bytes: bytes)
        #else
            return nil
        #endif
    }

    /// The hash of what stands in a part of a file, read a block at a time.
    static func hash(of file: OpenFile, _ range: Range<Int64>) throws(ObjectStoreError) -> ContentHash {
        var hasher = SHA256()
        var offset = range.lowerBound
        while offset < range.upperBound {
            let bytes = try read(file.descriptor, at: offset, upTo: Int(min(256 << 10, range.upperBound - offset)))
            guard !bytes.isEmpty else { throw .truncated(expected: range.upperBound, got: offset) }
            hasher.update(data: bytes)
            offset += Int64(bytes.count)
        }
        return ContentHash(hasher.finalize())
    }

    static func failure(_ code: Int32, _ call: String, _ path: String) -> ObjectStoreError {
        switch code {
        case ENOENT: .notFound
        case ENOSPC, EDQUOT: .noSpace
        case EACCES, EPERM, EROFS: .notWritable(path: path)
        case EISDIR, ENOTDIR, EEXIST, ENOTEMPTY, ELOOP, ENXIO: .foreignFile(path: path)
        default: .io(errno: code, what: "\(call) \(path)")
        }
    }
}

extension stat {
    /// When the file was last written, linked or renamed. Bytes that get a further name are as old as ever, but the object
    /// that they make is new.
    var modified: Date {
        #if canImport(Darwin)
            let times = [st_mtimespec, st_ctimespec]
        #else
            let times = [st_mtim, st_ctim]
        #endif
        let seconds = times.map { Double($0.tv_sec) + Double($0.tv_nsec) / 1e9 }
        return Date(timeIntervalSince1970: max(seconds[0], seconds[1]))
    }

    func info(_ hash: ContentHash? = nil) -> ObjectInfo {
        ObjectInfo(bytes: Int64(st_size), sha256: hash, modified: modified)
    }
}
