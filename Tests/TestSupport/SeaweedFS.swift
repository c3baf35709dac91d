import Foundation
import Synchronization

/// A SeaweedFS of the tests' own: a real S3-compatible service that verifies credentials, checksums and clocks.
///
/// `Tests/scripts/seaweedfs` fetches and runs it. It ends with the process that started it, whatever becomes of that.
public final class SeaweedFS: Sendable {
    public struct Address: Decodable, Sendable {
        public var http: String
        public var https: String
        /// Where a bucket may stand before the host.
        public var byHost: String
        /// The file of certificates that `https` is trusted by.
        public var authority: String
    }

    public static let bucket = "gondola"
    /// Who may do everything.
    public static let key = "AKGONDOLA"
    public static let secret = "secret+/key"
    /// Who may read and nothing else.
    public static let readerKey = "AKREADER"
    public static let readerSecret = "reader/secret"

    public let address: Address
    private let process: ChildProcess
    private let lifeline: Mutex<CInt?>

    /// One for all tests of a process, started by the first that asks.
    public static func shared() async throws -> SeaweedFS { try await Shared.server.value }

    private enum Shared {
        static let server = Task.detached { try await SeaweedFS.start(in: newFolder(), throwaway: true) }
    }

    public static func newFolder() -> String { NSTemporaryDirectory() + "gondola-seaweedfs-" + UUID().uuidString }

    /// Starts one on the data of a folder, made when it is not there; returns once it answers.
    public static func start(in folder: String, throwaway: Bool = false) async throws -> SeaweedFS {
        try await withCheckedThrowingContinuation { continuation in
            // A thread, since a first start has to wait for a download.
            Thread { continuation.resume(with: Result { try SeaweedFS(folder, throwaway) }) }.start()
        }
    }

    private init(_ folder: String, _ throwaway: Bool) throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../scripts/seaweedfs").standardizedFileURL.path
        // Closed in every other child: an end that someone inherits would keep the server alive.
        var (input, output): ([CInt], [CInt]) = ([0, 0], [0, 0])
        guard pipe(&input) == 0, pipe(&output) == 0 else { throw POSIXError(.EMFILE) }
        for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        process = try ChildProcess(
            [script, "serve", folder] + (throwaway ? ["throwaway"] : []), in: "/", input: input[0], output: output[1])
        close(input[0])
        close(output[1])
        lifeline = Mutex(input[1])
        let line = FileHandle(fileDescriptor: output[0], closeOnDealloc: true).availableData
        guard !line.isEmpty else {
            close(input[1])
            _ = process.wait()
            throw NoSeaweedFS(folder: folder)
        }
        address = try JSONDecoder().decode(Address.self, from: line)
    }

    /// Ends it as a power cut would. Its data stays for another start.
    public func kill() {
        guard let end = lifeline.withLock({ $0.take() }) else { return }
        close(end)
        _ = process.wait()
    }

    deinit { kill() }

    public struct NoSeaweedFS: Error, CustomStringConvertible {
        var folder: String
        public var description: String {
            "SeaweedFS does not start; try `Tests/scripts/seaweedfs serve \(folder)`, and see \(folder)/log"
        }
    }
}
