import ArgumentParser
import Foundation

/// A program that runs beside the benchmark. Its output goes through a file, so that no pipe can fill or stay open.
enum Program {
    /// Runs to the end and returns what it wrote; a failure carries its own words.
    @discardableResult
    static func run(_ words: [String], input: String? = nil) async throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gondola-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["in", "out", "err"].map { folder.appending(path: $0) }
        for file in files { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        try Data((input ?? "").utf8).write(to: files[0])

        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        let status = try await finish(process)
        guard status == 0 else {
            let complaint = String(decoding: try Data(contentsOf: files[2]), as: UTF8.self)
            throw ValidationError("\(words[0]) ended with \(status): \(complaint)")
        }
        return String(decoding: try Data(contentsOf: files[1]), as: UTF8.self)
    }

    private static func finish(_ process: Process) async throws -> Int32 {
        try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
    }

    /// Runs scripts with a text in a file of its own, which is gone afterwards.
    static func withFile<T>(_ text: String, _ body: (String) async throws -> T) async throws -> T {
        let file = FileManager.default.temporaryDirectory.appending(path: "gondola-bench-\(UUID().uuidString).sql")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try await body(file.path)
    }
}

/// pgbench on one database.
struct Pgbench: Sendable {
    var cluster: Cluster
    var database: String
    var clients: Int

    /// Runs each client's share of so many transactions, and returns the seconds that they took together, without the
    /// time to connect.
    func run(_ script: String, transactions: Int, protocol mode: String = "prepared") async throws -> Double {
        let each = max(1, transactions / clients)
        let output = try await Program.withFile(script) { path in
            try await Program.run([
                "pgbench", "-n", "-M", mode, "-c", "\(clients)", "-j", "\(min(clients, 2))", "-t", "\(each)", "-f",
                path, cluster.address(database),
            ])
        }
        guard let rate = Self.figure(after: "tps = ", in: output),
            let done = Self.figure(after: "actually processed: ", in: output), Int(done) == each * clients
        else { throw ValidationError("pgbench did not do all of its work: \(output)") }
        return Double(each * clients) / rate
    }

    private static func figure(after words: String, in output: String) -> Double? {
        output.range(of: words).flatMap { Double(output[$0.upperBound...].prefix { "0123456789.".contains($0) }) }
    }
}
