import Foundation
import Synchronization

/// The file that survives the simulator: one line for each change of a job, its whole new state. The last line of a job
/// counts. Written under the state's lock, so that lines stand in the order of the changes.
final class Journal: Sendable {
    private let descriptor: Int32

    struct Failed: Error, CustomStringConvertible {
        var description: String

        init(_ what: String) { description = "\(what): \(String(cString: strerror(errno)))" }
        init(description: String) { self.description = description }
    }

    /// Opens the journal in a directory and reads what it holds, in the order of acceptance. A line that a crash has
    /// torn is dropped. Refuses a directory that another simulator is using.
    static func open(in directory: URL) throws -> (journal: Journal, jobs: [SimulatedJob]) {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let path = directory.appendingPathComponent("journal.jsonl").path
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failed("cannot open \(path)") }
        let journal = Journal(descriptor)
        guard journal.lock() else { throw Failed("\(path) is used by another simulator") }
        let content = try Data(contentsOf: URL(fileURLWithPath: path))
        let whole = content.lastIndex(of: 0x0A).map { content.prefix(through: $0) } ?? Data()
        guard ftruncate(descriptor, off_t(whole.count)) == 0 else { throw Failed("cannot repair \(path)") }
        return (journal, try read(whole, path))
    }

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// One that is just ending may hold it for a moment longer.
    private func lock() -> Bool {
        for _ in 0..<100 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK || errno == EINTR else { return false }
            usleep(20_000)
        }
        return false
    }

    /// Unlocked by name: a child that is just being started has the file too, until it becomes another program.
    deinit {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private static func read(_ content: Data, _ path: String) throws -> [SimulatedJob] {
        let decoder = JSONDecoder()
        var jobs: [String: SimulatedJob] = [:]
        var order: [String] = []
        for (index, line) in content.split(separator: 0x0A).enumerated() {
            guard let job = try? decoder.decode(SimulatedJob.self, from: line) else {
                throw Failed(description: "\(path) line \(index + 1) is not a job: remove the file to start afresh")
            }
            if jobs.updateValue(job, forKey: job.id) == nil { order.append(job.id) }
        }
        return order.compactMap { jobs[$0] }
    }

    /// Hands the job's state to the kernel: it survives this process, not yet the machine.
    func append(_ job: SimulatedJob) throws {
        let line = try JSONEncoder().encode(job) + [0x0A]
        let written = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written == line.count else { throw Failed("cannot write to the journal") }
    }

    /// Makes everything that was appended durable.
    func sync() throws {
        guard fsync(descriptor) == 0 else { throw Failed("cannot sync the journal") }
    }
}
