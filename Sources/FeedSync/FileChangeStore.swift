import Foundation
public import VideoModels

/// A copy of the feed in a file: whole after the death of the process or the device at any moment.
///
/// Each commit appends one line to the file and waits until it is durable; from time to time the file is written anew, so
/// that it stays within a small multiple of what it holds. The objects are held in memory too. One store a file at a time.
///
/// The file is readable text; `ChangeLog` says what is in it. It holds what the user sees, prompts among it: put it where
/// the system protects such data.
public final class FileChangeStore: ChangeStore {
    /// How the file was found.
    public enum Opening: Hashable, Sendable {
        /// There was none.
        case new
        case whole
        /// The last write had not come to its end: the copy is as before it, with the cursor from before it.
        case unfinished
        /// What could be read is kept, and a snapshot will check it.
        case damaged(String)
    }

    /// What a commit throws: the file could not be written.
    public typealias Failure = ChangeFileError

    /// How the file was found when this store was made.
    public let opening: Opening
    /// The copy: what it holds, by type.
    public private(set) var contents: MemoryChangeStore
    /// How many bytes of the file count.
    private(set) var length: Int
    private var lengthWhenCompacted: Int
    /// The file under its name is the one that `length` is of. Not so while another one is being put in its place.
    private var isFileCurrent = true
    private let slack: Int
    private let name: String
    private let disk: any Disk

    /// Opens the file at `path`, or makes a new copy, whose file comes with the first commit.
    ///
    /// - Throws: where the file cannot be read, or one that is damaged cannot be replaced. What is wrong inside is no error.
    public convenience init(path: String) throws(ChangeFileError) {
        let url = URL(fileURLWithPath: path)
        try self.init(
            named: url.lastPathComponent, on: FileDisk(directory: url.deletingLastPathComponent().path))
    }

    /// - Parameter slack: So many bytes more than three times its newest beginning the file may have.
    init(named name: String, on disk: any Disk, slack: Int = 256 << 10) throws(ChangeFileError) {
        (self.name, self.disk, self.slack) = (name, disk, slack)
        let data = try disk.read(name)
        let reading = ChangeLog.read(data ?? Data())
        (contents, length, lengthWhenCompacted) = (
            reading.contents, reading.length, min(reading.beginning, reading.length)
        )
        // Its rounds may end in the middle of the objects: the snapshot that comes needs one of its own.
        if contents.count > 0, contents.state.cursor == nil {
            contents.commit(ChangeBatch(contents.state.startingOver))
        }
        switch reading.fault {
        case nil: opening = data == nil ? .new : .whole
        case .torn: opening = .unfinished
        case .damaged(let what):
            opening = .damaged(what)
            contents.commit(ChangeBatch(contents.state.startingOver))
            try rewrite(contents)
        }
    }

    public var state: FeedState { contents.state }

    public func versions() -> [DigestPage.Entry] { contents.versions() }

    public func commit(_ batch: ChangeBatch) throws(ChangeFileError) {
        if length == 0 || !isFileCurrent {
            var next = contents
            next.commit(batch)
            try rewrite(next)
        } else {
            let line = try encoded { try ChangeLog.line(batch) }
            try disk.append(line, to: name, at: length)
            try disk.sync(name)
            length += line.count
        }
        contents.commit(batch)
        // The batch is durable: a file that could not be shortened now is shortened after another one.
        if length > 3 * lengthWhenCompacted + slack { try? rewrite(contents) }
    }

    /// Writes a new file beside the old one and puts it in its place once it is durable.
    private func rewrite(_ contents: MemoryChangeStore) throws(ChangeFileError) {
        let data = try encoded { try ChangeLog.file(of: contents) }
        let draft = name + ".new"
        try disk.write(data, to: draft)
        try disk.sync(draft)
        isFileCurrent = false
        try disk.rename(draft, to: name)
        try disk.syncDirectory()
        (length, lengthWhenCompacted, isFileCurrent) = (data.count, data.count, true)
    }

    private func encoded(_ encode: () throws -> Data) throws(ChangeFileError) -> Data {
        do { return try encode() } catch { throw ChangeFileError(path: name, reason: "cannot be written: \(error)") }
    }
}
