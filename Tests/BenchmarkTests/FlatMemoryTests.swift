import Foundation
import Testing

/// Memory stays flat while something much larger passes through, in a process of its own: `gondola-bench memory`.
@Suite(.serialized) struct FlatMemoryTests {
    @Test(arguments: ["retrieve", "store", "upload", "json"])
    func `256 MiB pass through less than 32 MiB`(subject: String) async throws {
        // The executable lies beside the bundle of the tests.
        let folder =
            Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }?.deletingLastPathComponent()
            ?? Bundle.main.bundleURL
        let process = Process()
        process.executableURL = folder.appendingPathComponent("gondola-bench")
        process.arguments = ["memory", subject, "--mebibytes", "256", "--limit-mebibytes", "32"]
        let output = Pipe()
        process.standardOutput = output
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        let said = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        #expect(status == 0, "\(said)")
        #expect(said.contains("grown by"))
    }
}
