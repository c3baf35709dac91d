import ArgumentParser
import Foundation
import HTTPTransport

/// Bytes of a file a second as base64, block by block as they go out, against `base64` of coreutils on the same file.
struct Base64: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Base64 of a file while it is sent, against coreutils.")

    @Option(help: "Size of the file in MiB.") var mebibytes = 256

    func run() async throws {
        let path = NSTemporaryDirectory() + "gondola-bench-\(getpid())"
        defer { unlink(path) }
        try Self.write(mebibytes, to: path)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let time = try await seconds {
            let reader = try BodyReader([.file(path: path, encoding: .base64)])
            try reader.open()
            while try buffer.withUnsafeMutableBytes({ try reader.read(into: $0) }) > 0 {}
        }
        let sending = try await Self.send(path)
        let peer = try await seconds { try Self.coreutils(path) }
        let size = Double(mebibytes << 20)
        try compare("base64", time, with: "coreutils", peer, count: size, unit: "bytes", limit: 2)
        try compare("base64 over a socket", sending, with: "coreutils", peer, count: size, unit: "bytes", limit: 4)
    }

    private static func write(_ mebibytes: Int, to path: String) throws {
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        guard let file = FileHandle(forWritingAtPath: path) else { throw CocoaError(.fileWriteNoPermission) }
        var generator = SystemRandomNumberGenerator()
        let block = Data((0..<1 << 17).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } })
        for _ in 0..<mebibytes { try file.write(contentsOf: block) }
        try file.close()
    }

    private static func send(_ path: String) async throws -> Double {
        let server = try LoopbackServer { connection in
            connection.drainRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let client = CurlHTTPClient(.direct)
        let parts: [HTTPRequest.Part] = [.file(path: path, encoding: .base64)]
        return try await seconds(rounds: 3) {
            var request = HTTPRequest("POST", server.url, body: .parts(parts))
            request.freshConnection = true
            _ = try await client.send(request).body.collect(upTo: 0)
        }
    }

    private static func coreutils(_ path: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["base64", "-w0", path]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ValidationError("base64 failed") }
    }
}

extension CurlHTTPClient.Configuration {
    /// Without any proxy.
    static var direct: Self {
        var configuration = Self()
        configuration.proxy = .none
        return configuration
    }
}
