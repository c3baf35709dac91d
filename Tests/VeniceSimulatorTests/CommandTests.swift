import Foundation
import Testing

@testable import VeniceSimulator

/// The executable, as a process of its own.
struct CommandTests {
    /// The executable lies beside the bundle of the tests.
    private func command(_ arguments: [String]) throws -> Process {
        let folder =
            Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }?.deletingLastPathComponent()
            ?? Bundle.main.bundleURL
        let process = Process()
        process.executableURL = folder.appendingPathComponent("venice-simulator")
        process.arguments = arguments
        return process
    }

    private func output(of arguments: [String]) throws -> (status: Int32, text: String) {
        let process = try command(arguments)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self))
    }

    @Test func `it announces its address, says that it listens and ends cleanly on SIGTERM`() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let announcement = folder.appendingPathComponent("address")
        let process = try command([
            "--announce", announcement.path, "--media-dir", Bench.media.path, "--state-dir", folder.path,
        ])
        let log = Pipe()
        process.standardError = log
        try process.run()
        // The first line comes once it listens and has announced that.
        let first = try log.fileHandleForReading.read(upToCount: 1)
        #expect(first?.count == 1)
        let address = try String(contentsOf: announcement, encoding: .utf8).trimmingCharacters(in: .newlines)
        let models = try await PlainClient(address).call("GET", "/api/v1/models?type=video")
        #expect(models.json["data"]?.array?.count == 116)
        process.terminate()
        let rest = log.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 0, "\(String(decoding: rest, as: UTF8.self))")
        #expect(!FileManager.default.fileExists(atPath: announcement.path))
    }

    @Test(arguments: [
        ["--listen", "nowhere"], ["--listen", ":80"], ["--log-level", "loud"], ["--rate-limit-form", "x"],
        ["--median-render-of", "film=3"], ["--time-scale", "0"], ["--chaos-rate", "2"], ["--dialect", "latin"],
        ["--world", "/nowhere.json"], ["--balance", "nan"],
    ])
    func `a wrong value is named`(_ arguments: [String]) throws {
        let (status, text) = try output(of: arguments)
        #expect(status != 0)
        #expect(text.contains("expected"), "\(text)")
    }

    @Test func `help explains every option`() throws {
        let (status, text) = try output(of: ["--help"])
        #expect(status == 0)
        for option in [
            "--listen", "--announce", "--state-dir", "--media-dir", "--seed", "--time-scale", "--median-render",
            "--chaos", "--chaos-rate", "--balance", "--log-level", "--world", "--dialect", "--list-unlisted",
            "--no-gzip", "--no-ranges",
        ] { #expect(text.contains(option)) }
    }
}
