import Foundation
import Synchronization

/// A program of the system, run to its end.
struct Tool {
    var name: String

    /// Runs the program and returns what it wrote to standard output.
    ///
    /// Throws with the last line of its complaints when it fails, is not installed, or takes longer than `limit`.
    func run(_ arguments: [String], limit: Duration = .seconds(60)) async throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        let (ended, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            continuation.yield(process.terminationStatus)
            continuation.finish()
        }
        try process.run()
        let id = process.processIdentifier
        let guardian = Task {
            try await Task.sleep(for: limit)
            kill(id, SIGKILL)
        }
        defer { guardian.cancel() }
        // Both are read while the program runs, or it would stop at a full pipe.
        async let said = Self.read(output)
        async let complained = Self.read(errors)
        let (data, complaint) = await (said, complained)
        let status = await ended.first { _ in true } ?? 1
        guard status == 0 else { throw failure(status, complaint) }
        return data
    }

    private func failure(_ status: Int32, _ complaint: Data) -> CommandFailure {
        if status == 127 {
            return CommandFailure(.unavailable, "\(name) is not installed; deploy/bootstrap installs it")
        }
        let lines = String(decoding: complaint, as: UTF8.self).split(separator: "\n")
        return CommandFailure(.failed, "\(name) failed: \(TextWidth.visible(String(lines.last ?? "no message")))")
    }

    /// Reads on a thread of Dispatch, because reading a pipe blocks.
    private static func read(_ pipe: Pipe) async -> Data {
        await withCheckedContinuation { continuation in
            let handle = pipe.fileHandleForReading
            DispatchQueue.global().async {
                continuation.resume(returning: (try? handle.read(upToCount: 1 << 20)) ?? Data())
            }
        }
    }
}
