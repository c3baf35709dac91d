import Failpoints
import Foundation
import HTTPTransport
import JobLifecycle
import VeniceTransport
import VideoModels

/// Keeps the raw answer of a paid submission on the local disk before anybody reads it or Postgres is told: a paid id
/// survives a database outage and a crash at the worst instant.
///
/// One file a submission, made and given its space before the request leaves, so that a disk that is full or read-only
/// refuses the submission instead of losing its answer. Removed once the database holds the outcome.
struct AnswerJournal: Sendable {
    private let directory: String
    private let queue = DispatchQueue(label: "answer journal")
    /// Answers are a few hundred bytes; a longer one takes more space when it is written.
    private static let reserved = 64 << 10

    /// Makes the directory if it is missing.
    init(directory: String) throws(JournalError) {
        self.directory = directory
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw JournalError("cannot make \(directory): \(error.localizedDescription)")
        }
    }

    /// What was submitted.
    struct Submission: Codable, Hashable, Sendable {
        var user: UserID
        var job: JobID
        var token: Int64
        var model: String
    }

    /// What came back.
    struct Answer: Codable, Hashable, Sendable {
        var status: Int
        var headers: [[String]]
        var body: Data
        var isWhole: Bool
    }

    struct Entry: Sendable {
        var file: String
        var submission: Submission
        /// Nil: the process died before there was an answer, and the outcome is unknown.
        var answer: QueueAnswer?
    }

    /// Makes room for an answer. Durable on return. What has the name already may be a paid answer, and is left alone.
    func reserve(_ submission: Submission) async throws(JournalError) -> String {
        let path = "\(directory)/\(submission.job).\(submission.token)"
        try await blocking { () throws(JournalError) in
            let head = try Self.line(submission)
            let file = try Self.check(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600), path)
            defer { close(file) }
            Failpoint.journalMade.reach()
            do throws(JournalError) {
                try Self.makeRoom(in: file, head, path)
                try syncDirectory()
            } catch {
                // Room that was half made would stay taken, and nothing would ever ask for this file again.
                unlink(path)
                throw error
            }
            Failpoint.journalReady.reach()
        }
        return path
    }

    private static func makeRoom(in file: Int32, _ head: Data, _ path: String) throws(JournalError) {
        // Tells its trouble by what it returns, not in `errno`.
        let code = posix_fallocate(file, 0, off_t(head.count + reserved))
        if code != 0 { throw JournalError("\(path): \(String(cString: strerror(code)))") }
        Failpoint.journalReserved.reach()
        try write(head, to: file, at: 0, path)
        Failpoint.journalHeaded.reach()
        try check(fsync(file), path)
        Failpoint.journalSynced.reach()
    }

    /// Writes the answer behind its submission. Durable on return.
    func write(_ answer: QueueAnswer, to path: String) async throws(JournalError) {
        let headers = answer.headers.fields.map { [$0.name, $0.value] }
        let value = Answer(
            status: answer.status, headers: headers, body: Data(answer.body), isWhole: answer.isWhole)
        Failpoint.journalAnswering.reach()
        try await blocking { () throws(JournalError) in
            let line = try Self.line(value)
            let file = try Self.check(open(path, O_RDWR | O_CLOEXEC), path)
            defer { close(file) }
            let beginning = Self.read(file, count: 4096)
            guard let end = beginning.firstIndex(of: UInt8(ascii: "\n")) else {
                throw JournalError("\(path) has lost its first line")
            }
            try Self.write(line, to: file, at: off_t(end + 1), path)
            Failpoint.journalWritten.reach()
            try Self.check(fsync(file), path)
            Failpoint.journalDurable.reach()
        }
    }

    /// The database holds the outcome, or nothing was sent: the file has done its work.
    func settle(_ path: String) async {
        Failpoint.journalSettling.reach()
        _ = try? await blocking { () throws(JournalError) in unlink(path) }
        Failpoint.journalSettled.reach()
    }

    /// What an earlier process left behind.
    func unsettled() async throws(JournalError) -> [Entry] {
        try await blocking { () throws(JournalError) in
            // A directory that cannot be read may hold paid answers: whoever goes on without them loses them.
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
                throw JournalError("cannot read \(directory)")
            }
            return names.sorted().compactMap { Self.entry(at: "\(directory)/\($0)", named: $0) }
        }
    }

    private static func entry(at path: String, named name: String) -> Entry? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let lines = data.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        if lines.count < 2, name.split(separator: ".").first.flatMap({ JobID(String($0)) }) != nil {
            // The process died while it made the file, before anything left.
            unlink(path)
            return nil
        }
        guard let submission = lines.first.flatMap({ try? Wire.decode(Submission.self, from: Data($0)) }) else {
            return nil
        }
        // A line is whole only with its end: what a crash cut off is followed by the reserved zeros.
        let answer = lines.count == 3 ? try? Wire.decode(Answer.self, from: Data(lines[1])) : nil
        return Entry(file: path, submission: submission, answer: answer.map(QueueAnswer.init))
    }

    // MARK: - files

    private func syncDirectory() throws(JournalError) {
        let descriptor = try Self.check(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), directory)
        defer { close(descriptor) }
        try Self.check(fsync(descriptor), directory)
    }

    private static func line(_ value: some Encodable) throws(JournalError) -> Data {
        do { return try Wire.encode(value) + [UInt8(ascii: "\n")] } catch { throw JournalError("\(error)") }
    }

    private static func write(_ data: Data, to file: Int32, at offset: off_t, _ path: String) throws(JournalError) {
        var done = 0
        while done < data.count {
            let count = data.withUnsafeBytes {
                pwrite(file, $0.baseAddress! + done, data.count - done, offset + off_t(done))
            }
            done += Int(try check(Int32(count), path))
        }
    }

    private static func read(_ file: Int32, count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = pread(file, &bytes, count, 0)
        return Array(bytes.prefix(max(0, got)))
    }

    @discardableResult
    private static func check(_ result: Int32, _ path: String) throws(JournalError) -> Int32 {
        if result < 0 { throw JournalError("\(path): \(String(cString: strerror(errno)))") }
        return result
    }

    private func blocking<T: Sendable>(_ body: @escaping @Sendable () throws(JournalError) -> T)
        async throws(JournalError) -> T
    {
        let result: Result<T, JournalError> = await withCheckedContinuation { continuation in
            queue.async {
                do throws(JournalError) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}

/// The local disk cannot take an answer. Nothing may be submitted until it can.
struct JournalError: Error, Hashable, Sendable, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

extension QueueAnswer {
    fileprivate init(_ answer: AnswerJournal.Answer) {
        var headers = HTTPHeaders()
        for field in answer.headers where field.count == 2 { headers.add(field[0], field[1]) }
        self.init(status: answer.status, headers: headers, body: Array(answer.body), isWhole: answer.isWhole)
    }
}
