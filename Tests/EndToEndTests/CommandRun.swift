import Foundation
import StackSupport

/// A command of the operator's, run to its end as a process of its own.
struct CommandRun {
    var status: Int32
    var output: String

    /// Its words on standard output; complaints go where the tests' own go.
    static func gondola(_ arguments: [String], _ environment: [String: String]) async throws -> CommandRun {
        try await run(GondolaProcess.productsDirectory.appending(path: "gondola"), arguments, environment)
    }

    static func run(
        _ program: URL, _ arguments: [String], _ environment: [String: String] = [:], input: String? = nil
    ) async throws -> CommandRun {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gondola-run-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (said, given) = (folder.appending(path: "out"), folder.appending(path: "in"))
        try Data().write(to: said)
        try Data((input ?? "").utf8).write(to: given)
        let process = Process()
        (process.executableURL, process.arguments) = (program, arguments)
        let kept = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GONDOLA_") }
        process.environment = kept.merging(environment) { $1 }
        // Files, since the ends of a pipe may outlive the process.
        process.standardOutput = try FileHandle(forWritingTo: said)
        process.standardInput = try FileHandle(forReadingFrom: given)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return CommandRun(
            status: process.terminationStatus, output: String(decoding: try Data(contentsOf: said), as: UTF8.self))
    }
}
