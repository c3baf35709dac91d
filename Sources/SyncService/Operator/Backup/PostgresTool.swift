import Foundation
import JobStore
import Synchronization

/// A program of Postgres's own (`pg_dump`, `pg_restore`, `psql`) on the configured database, run to its end.
///
/// It is told of the database by its environment, where a password does not show in the list of processes, and of nothing
/// else that this process knows.
final class PostgresTool: Sendable {
    private let environment: [String: String]
    /// Where what it complains about is kept for a moment.
    private let complaints: String
    private let running = Mutex(State())

    private struct State {
        var process: Process?
        var isCancelled = false
    }

    init(_ conninfo: String, complaints: String) {
        environment = Self.environment(conninfo, from: ProcessInfo.processInfo.environment)
        self.complaints = complaints
    }

    /// With everything that libpq obeys in this process: the programs connect to where it does, and as safely.
    static func environment(_ conninfo: String, from own: [String: String]) -> [String: String] {
        let kept = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"]
        let ours = own.filter { name, _ in
            kept.contains(name) || name.hasPrefix("PG") && !name.hasPrefix("PG_") && name != "PGAPPNAME"
        }
        return ours.merging(["LC_ALL": "C"]) { $1 }.merging(ConnectionWords.environment(conninfo)) { $1 }
    }

    /// Ends what runs, and keeps more from being run.
    func cancel() {
        running.withLock { state in
            state.isCancelled = true
            if state.process?.isRunning == true { state.process?.terminate() }
        }
    }

    /// Blocks until it has ended; throws what it complained about last unless it ended well.
    func run(_ words: [String]) throws {
        _ = FileManager.default.createFile(atPath: complaints, contents: nil, attributes: [.posixPermissions: 0o600])
        defer { unlink(complaints) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: complaints)
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try running.withLock { state in
            if state.isCancelled { throw CancellationError() }
            try process.run()
            state.process = process
        }
        ended.wait()
        if running.withLock({ $0.isCancelled }) { throw CancellationError() }
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw failure(words, process.terminationStatus)
        }
    }

    /// Runs it on a thread of its own; cancelling the task ends it.
    func runAside(_ words: [String]) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                Thread.detachNewThread { done.resume(with: Result { try self.run(words) }) }
            }
        } onCancel: {
            cancel()
        }
    }

    private func failure(_ words: [String], _ status: Int32) -> SetupError {
        let name = words[0] == "sh" ? "the restore" : words[0]
        let said = String(
            decoding: FileManager.default.contents(atPath: complaints)?.suffix(4000) ?? Data(), as: UTF8.self)
        if status == 127 {
            return SetupError(
                "\(words[0]) is not installed, or not in the PATH (Debian: apt install postgresql-client)")
        }
        let lines = said.split(whereSeparator: \.isNewline)
        // The cause: of a pipeline whoever is cut off by it complains after that.
        let told = lines.first { $0.contains("error:") || $0.contains("ERROR:") || $0.contains("FATAL:") } ?? lines.last
        return SetupError("\(name) failed: \(told.map(String.init) ?? "it ended with \(status)")")
    }
}
