import Crypto
import Foundation
import JobStore
import VideoModels

/// The directory of one process: its answer journal, its lock, and unless given elsewhere the key for sealed secrets.
struct StateDirectory: Sendable {
    let path: String

    init(_ path: String) throws(SetupError) {
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw SetupError("cannot make the state directory \(path): \(error.localizedDescription)")
        }
    }

    var journal: String { "\(path)/answers" }
    /// Where bodies on their way to a bucket gather.
    var objects: String { "\(path)/objects" }

    /// One worker a state directory: two would replay each other's answers. The lock ends with the process.
    func lock() throws(SetupError) {
        let file = open("\(path)/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SetupError("cannot open \(path)/lock: \(String(cString: strerror(errno)))") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            close(file)
            throw SetupError(
                "another worker uses the state directory \(path); give each its own with GONDOLA_STATE_DIR")
        }
    }

    /// Where the keys for sealed secrets are, unless a setting names another place.
    func keyFile(_ setting: String?) -> String { setting ?? "\(path)/secret.key" }

    /// Reads the keys for sealed secrets, a line each, and makes one on the first start.
    func secrets(keyFile setting: String?) throws(SetupError) -> SecretBox {
        let file = keyFile(setting)
        if setting == nil, !FileManager.default.fileExists(atPath: file) { try makeKey(file) }
        return try Self.secrets(in: file)
    }

    /// Reads a file of keys.
    static func secrets(in file: String) throws(SetupError) -> SecretBox {
        guard let text = FileManager.default.contents(atPath: file) else {
            throw SetupError("cannot read the key file \(file)")
        }
        let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
        let keys = lines.map { Data(base64Encoded: $0.trimmingCharacters(in: .whitespaces)) ?? Data() }
        guard let box = SecretBox(keys: keys) else {
            throw SetupError(
                "\(file) must hold 32 bytes in base64 (`gondola secrets new-key`), and former keys in lines below it")
        }
        return box
    }

    /// 32 random bytes in base64.
    static func newKey() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }.base64EncodedString()
    }

    /// Exclusive creation: of two processes that start together one makes the key and both read it.
    private func makeKey(_ file: String) throws(SetupError) {
        let key = Self.newKey() + "\n"
        let temporary = "\(file).\(getpid())"
        let made = FileManager.default.createFile(
            atPath: temporary, contents: Data(key.utf8), attributes: [.posixPermissions: 0o600])
        guard made else { throw SetupError("cannot write \(file)") }
        defer { unlink(temporary) }
        guard link(temporary, file) == 0 || errno == EEXIST else {
            throw SetupError("cannot write \(file): \(String(cString: strerror(errno)))")
        }
    }
}

/// The process cannot start as it is set up. Words for the operator.
public struct SetupError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
}
