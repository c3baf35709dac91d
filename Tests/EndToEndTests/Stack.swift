import Foundation
import SyncService
import Synchronization
import TestSupport
import VeniceSimulator
import VideoModels

/// The whole product on real parts: a Postgres database, directories, the simulator on a socket, and Gondola as a process
/// of its own that can be killed and started again.
struct Stack {
    let database: TestDatabase
    let simulator: Simulator
    let directory: URL
    let user: UserID
    let token: Redacted<String>
    let processes = Processes()

    /// A hundred times as fast as the real service.
    static let timeScale = 0.01

    static func with(
        _ configure: (inout VeniceSimulator.Configuration) -> Void = { _ in }, _ body: (Stack) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let directory = FileManager.default.temporaryDirectory.appending(path: "gondola-e2e-\(UUID())")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            // Clips are kept between runs: making them takes longer than the tests.
            let media = FileManager.default.temporaryDirectory.appending(path: "gondola-test-media")
            var configuration = VeniceSimulator.Configuration(mediaDirectory: media)
            configuration.timeScale = timeScale
            configure(&configuration)
            let simulator = try await Simulator.start(configuration)
            let user = UserID(at: Date())
            _ = try await database.store.addUser(named: "e2e", id: user)
            let token = try await database.store.issueToken(user: user, device: DeviceID(at: Date()), name: "phone")
            let stack = Stack(
                database: database, simulator: simulator, directory: directory, user: user, token: token)
            let result: Result<Void, any Error>
            do { result = .success(try await body(stack)) } catch { result = .failure(error) }
            await stack.processes.killAll()
            try await simulator.shutdown()
            try result.get()
        }
    }

    /// Starts `gondola run` and returns once it serves.
    func start(_ extra: [String: String] = [:]) async throws -> GondolaProcess {
        let environment = [
            "DATABASE_URL": database.conninfo, "VENICE_API_KEY": "VENICE_INFERENCE_KEY_e2e",
            "VENICE_BASE_URL": simulator.baseURL + "/api/v1", "VENICE_DOWNLOAD_HOSTS": "127.0.0.1",
            "GONDOLA_STORAGE": directory.appending(path: "objects").path,
            "GONDOLA_STATE_DIR": directory.appending(path: "state").path, "GONDOLA_LISTEN": "127.0.0.1:0",
            "GONDOLA_OPS_LISTEN": "127.0.0.1:0", "GONDOLA_TIME_SCALE": "\(Self.timeScale)",
            "GONDOLA_LOG_FORMAT": "json", "GONDOLA_LEASE": "2s", "GONDOLA_LEASE_RENEWAL": "500ms",
        ]
        return try await GondolaProcess.start(environment.merging(extra) { $1 }, in: processes)
    }

    func phone(_ process: GondolaProcess) throws -> PhoneClient {
        try PhoneClient(server: process.api, token: token)
    }

    static func textRequest(_ prompt: String = "a gondola at dawn") -> VideoRequest {
        var request = VideoRequest(model: "wan-2.5-preview-text-to-video", prompt: prompt)
        (request.duration, request.resolution, request.aspectRatio) = ("5s", "480p", "16:9")
        return request
    }

    static func privateRequest() -> VideoRequest {
        var request = VideoRequest(model: "grok-imagine-text-to-video-private", prompt: "a gondola at dusk")
        (request.duration, request.resolution, request.aspectRatio) = ("5s", "480p", "16:9")
        return request
    }

    static func imageRequest(_ image: AssetID) -> VideoRequest {
        var request = VideoRequest(model: "wan-2.5-preview-image-to-video", prompt: "it begins to move")
        (request.duration, request.resolution, request.image) = ("5s", "480p", .asset(image))
        return request
    }
}

/// Everything that a test has started, so that a test that fails leaves nothing running.
actor Processes {
    private var started: [Process] = []
    private var logs: [LogLines] = []

    fileprivate func add(_ process: Process, _ log: LogLines) {
        started.append(process)
        logs.append(log)
    }

    func lastLines() -> String { logs.map(\.tail).joined(separator: "\n---\n") }

    func killAll() {
        for process in started where process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
}

/// A `gondola run` with its log, which is also the signal for what it has done.
final class GondolaProcess: Sendable {
    private let process: Process
    private let log: LogLines
    let api: String
    let ops: String

    private init(_ process: Process, _ log: LogLines, api: String, ops: String) {
        (self.process, self.log, self.api, self.ops) = (process, log, api, ops)
    }

    static func start(_ environment: [String: String], in all: Processes) async throws -> GondolaProcess {
        let process = Process()
        process.executableURL = productsDirectory.appending(path: "gondola")
        process.arguments = ["run"]
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GONDOLA_") }
        process.environment = inherited.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        let log = LogLines(pipe.fileHandleForReading)
        // The process's end, not the pipe's: the write end may outlive it, here or in a child that inherited it.
        process.terminationHandler = { _ in log.close() }
        try process.run()
        try? pipe.fileHandleForWriting.close()
        await all.add(process, log)
        let ready = try await log.first { $0["message"] == "ready" }
        return GondolaProcess(process, log, api: "http://\(ready["api"] ?? "")", ops: "http://\(ready["ops"] ?? "")")
    }

    /// Returns once the process has logged that this event of a job is durable.
    func waitFor(_ event: String, of job: JobID) async throws {
        _ = try await log.first { $0["job_id"] == job.description && $0["event"] == event }
    }

    /// The reason of a job's first setback, once there is one.
    func setback(of job: JobID) async throws -> String {
        try await log.first { $0["job_id"] == job.description && $0["message"] == "setback" }["reason"] ?? ""
    }

    /// Returns once so many feeds wait for a change, as the metrics tell.
    func waitForFeeds(_ count: Int) async throws {
        let raw = RawPhone(server: ops, token: "")
        while try await !raw.ask("GET", "/metrics").text.contains("gondola_feed_waiters \(Double(count))") {}
    }

    /// Dies at once, as by a power cut.
    func kill() async {
        Foundation.kill(process.processIdentifier, SIGKILL)
        await log.waitUntilClosed()
        process.waitUntilExit()
    }

    /// Stands still until `goOn()`, as a process of a machine that sleeps.
    func pause() { Foundation.kill(process.processIdentifier, SIGSTOP) }
    func goOn() { Foundation.kill(process.processIdentifier, SIGCONT) }

    /// Asks it to drain. Returns its exit status.
    func terminate() async -> Int32 {
        process.terminate()
        await log.waitUntilClosed()
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Where the build left the executables: beside the bundle that holds the tests.
    static let productsDirectory: URL = {
        let path = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: path).deletingLastPathComponent()
    }()
}

/// The JSON lines of a process, kept; whoever waits for one is woken by it.
private final class LogLines: Sendable {
    private struct State {
        var partial: [UInt8] = []
        var lines: [[String: String]] = []
        var isClosed = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    struct Ended: Error, CustomStringConvertible { var description: String }

    private let state = Mutex(State())

    init(_ file: FileHandle) {
        file.readabilityHandler = { [self] file in
            let data = file.availableData
            if data.isEmpty { file.readabilityHandler = nil }
            take(data)
        }
    }

    /// Nothing more is waited for.
    func close() { take(Data()) }

    private func take(_ data: Data) {
        let waiters = state.withLock { state in
            state.isClosed = state.isClosed || data.isEmpty
            state.partial += data
            while let end = state.partial.firstIndex(of: UInt8(ascii: "\n")) {
                state.lines.append(Self.fields(Data(state.partial[..<end])))
                state.partial.removeFirst(end + 1)
            }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// A line's fields as text, those of its metadata among them.
    private static func fields(_ line: Data) -> [String: String] {
        guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else {
            return ["message": String(decoding: line, as: UTF8.self)]
        }
        var fields = object.mapValues { "\($0)" }
        for (key, value) in object["metadata"] as? [String: Any] ?? [:] { fields[key] = "\(value)" }
        return fields
    }

    /// The first line, past or to come, that fits. Throws if the process ends without it.
    func first(where fits: @Sendable ([String: String]) -> Bool) async throws -> [String: String] {
        while true {
            let (found, isClosed, all) = state.withLock { ($0.lines.first(where: fits), $0.isClosed, $0.lines) }
            if let found { return found }
            if isClosed {
                throw Ended(description: "gondola ended:\n" + all.suffix(20).map { "\($0)" }.joined(separator: "\n"))
            }
            await more(after: all.count)
        }
    }

    var tail: String { state.withLock { $0.lines.suffix(30).map { "\($0)" }.joined(separator: "\n") } }

    func waitUntilClosed() async {
        while !state.withLock({ $0.isClosed }) { await more(after: state.withLock { $0.lines.count }) }
    }

    private func more(after count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.lines.count > count || state.isClosed { return true }
                state.waiters.append(continuation)
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
