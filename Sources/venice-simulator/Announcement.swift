import Foundation

/// The file that tells others where the simulator listens. It appears whole or not at all.
struct Announcement {
    let path: String

    struct Failed: Error, CustomStringConvertible {
        var description: String
    }

    func write(_ text: String) throws {
        let temporary = "\(path).\(getpid()).new"
        try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: temporary))
        guard rename(temporary, path) == 0 else {
            throw Failed(description: "--announce: cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    func remove() { unlink(path) }
}
