package import Foundation
import Synchronization
import TestSupport
package import VideoModels

/// Everything that a test has started, so that a test that fails leaves nothing running.
package actor Processes {
    package init() {}

    private var started: [Process] = []
    private var logs: [LogLines] = []

    func add(_ process: Process, _ log: LogLines) {
        started.append(process)
        logs.append(log)
    }

    package func lastLines() -> String { logs.map(\.tail).joined(separator: "\n---\n") }

    package func killAll() {
        for process in started where process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
}

/// A `gondola run` with its log, which is also the signal for what it has done.
package final class GondolaProcess: Sendable {
    private let process: Process
    private let log: LogLines
    private let addresses = Mutex((api: "", ops: ""))

    private init(_ process: Process, _ log: LogLines) { (self.process, self.log) = (process, log) }

    /// Where it listens, once it is ready.
    package var api: String { addresses.withLock { $0.api } }
    package var ops: String { addresses.withLock { $0.ops } }

    package static func launch(
        _ program: String, _ environment: [String: String], in all: Processes
    ) async throws -> GondolaProcess {
        let process = Process()
        process.executableURL = productsDirectory.appending(path: program)
        process.arguments = ["run"]
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GONDOLA_") }
        process.environment = inherited.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        let log = LogLines()
        let reader = PipeReader(pipe.fileHandleForReading) { log.take($0) }
        // The process's end, not the pipe's: the write end may outlive it, here or in a child that inherited it. Nor
        // `waitUntilExit`, which holds a thread that every other test needs.
        process.terminationHandler = { _ in
            reader.drain()
            log.close()
        }
        try process.run()
        try? pipe.fileHandleForWriting.close()
        await all.add(process, log)
        return GondolaProcess(process, log)
    }

    /// Throws if the process ends first.
    package func waitUntilReady() async throws {
        let ready = try await log.first { $0["message"] == "ready" }
        addresses.withLock { $0 = Self.addresses(in: ready) }
    }

    /// Returns once it has logged a line that fits; throws if it ends first.
    @discardableResult
    package func line(where fits: @Sendable ([String: String]) -> Bool) async throws -> [String: String] {
        try await log.first(where: fits)
    }

    /// How many lines it has logged; a later `waitForNews` returns once there are more, or it is gone.
    package var lineCount: Int { log.all.count }
    package func waitForNews(after count: Int) async { await log.more(after: count) }

    /// Whether it has logged such a line so far.
    package func hasLogged(_ fits: ([String: String]) -> Bool) -> Bool { log.all.contains(where: fits) }

    /// Returns once it is gone, whatever ended it: its exit status, or minus the signal.
    package func waitUntilGone() async -> Int32 {
        await log.waitUntilClosed()
        return process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
    }

    /// Whether it has said that it serves.
    package var isReady: Bool {
        if !api.isEmpty { return true }
        guard let ready = log.all.first(where: { $0["message"] == "ready" }) else { return false }
        addresses.withLock { $0 = Self.addresses(in: ready) }
        return true
    }

    private static func addresses(in ready: [String: String]) -> (api: String, ops: String) {
        ("http://\(ready["api"] ?? "")", "http://\(ready["ops"] ?? "")")
    }

    /// All that it has logged so far, field by field.
    package var lines: [[String: String]] { log.all }

    /// Asks it to drain, and does not wait.
    package func askToEnd() { process.terminate() }

    package var processIdentifier: Int32 { process.processIdentifier }
    package var isRunning: Bool { process.isRunning }
    package var lastLines: String { log.tail }

    /// Returns once the process has logged that this event of a job is durable.
    package func waitFor(_ event: String, of job: JobID) async throws {
        _ = try await log.first { $0["job_id"] == job.description && $0["event"] == event }
    }

    /// The reason of a job's first setback, once there is one.
    package func setback(of job: JobID) async throws -> String {
        try await log.first { $0["job_id"] == job.description && $0["message"] == "setback" }["reason"] ?? ""
    }

    /// Dies at once, as by a power cut.
    package func kill() async {
        Foundation.kill(process.processIdentifier, SIGKILL)
        await log.waitUntilClosed()
    }

    /// Stands still until `goOn()`, as a process of a machine that sleeps.
    package func pause() { Foundation.kill(process.processIdentifier, SIGSTOP) }
    package func goOn() { Foundation.kill(process.processIdentifier, SIGCONT) }

    /// Asks it to drain. Returns its exit status.
    package func terminate() async -> Int32 {
        process.terminate()
        await log.waitUntilClosed()
        return process.terminationStatus
    }

    /// Where the build left the executables: beside the bundle that holds the tests.
    package static let productsDirectory: URL = {
        let path = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: path).deletingLastPathComponent()
    }()
}
