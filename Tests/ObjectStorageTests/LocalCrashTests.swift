import Foundation
import TestSupport
import Testing

@testable import ObjectStorage

/// A process that is killed at any step of what it does to a local store leaves whole objects and rubbish, nothing else.
@Suite struct LocalCrashTests {
    @Test func `killed at each step of a put, a replacement, a copy, a deletion and a collection`() async throws {
        let script: [Step] = [
            .put("u/videos/1", 1, 3000), .put("u/videos/2", 1, 3000), .put("u/videos/1", 2, 70_000),
            .copy("u/videos/1", "u/kept/1"), .delete("u/videos/1"), .put("v/a", 1, 3000), .collect, .delete("u/kept/1"),
            .put("u/videos/2", 1, 3000),
        ]
        var kills = 0
        while true {
            let run = try await withStoreFolder { root in
                var keeper = Keeper(root: root)
                return try await keeper.run(script, killedAt: kills + 1)
            }
            if run == script.count { break }
            kills += 1
        }
        // Each put alone takes a dozen steps.
        #expect(kills > 60)
    }

    @Test func `ten thousand random steps with a kill in every hundred or so lose nothing and leave nothing half`()
        async throws
    {
        try await withStoreFolder { root in
            var random = SeededGenerator(state: 20)
            var keeper = Keeper(root: root)
            var steps = 0
            while steps < 10_000 {
                let script = keeper.randomScript(200, using: &random)
                steps += try await keeper.run(script, killedAt: Int.random(in: 1...2500, using: &random)) + 1
            }
        }
    }

    /// In memory where there is such a folder: what is looked at is the order of the steps, not the disk.
    private func withStoreFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let memory = "/dev/shm"
        let base = access(memory, W_OK) == 0 ? memory : NSTemporaryDirectory()
        let root = "\(base)/gondola-crash-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        return try await body(root)
    }
}

private enum Step: CustomStringConvertible {
    case put(String, UInt8, Int)
    case copy(String, String)
    case delete(String)
    case collect

    var description: String {
        switch self {
        case .put(let key, let byte, let count): "put \(key) \(byte) \(count)"
        case .copy(let from, let to): "copy \(from) \(to)"
        case .delete(let key): "delete \(key)"
        case .collect: "collect"
        }
    }
}

/// Runs steps in a process that dies, and compares what is there afterwards with what must be.
private struct Keeper {
    let root: String
    /// What every key must hold.
    var contents: [String: ContentHash] = [:]

    mutating func randomScript(_ count: Int, using random: inout SeededGenerator) -> [Step] {
        var keys = Set(contents.keys)
        return (0..<count).map { _ in
            let key = "u\(Int.random(in: 0..<3, using: &random))/v/\(Int.random(in: 0..<8, using: &random))"
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                keys.insert(key)
                // Few contents, so that they are shared.
                let byte = UInt8.random(in: 0..<4, using: &random)
                return .put(key, byte, 1000 + Int(byte))
            case 6:
                guard let from = keys.sorted().randomElement(using: &random) else { return .collect }
                keys.insert(key)
                return .copy(from, key)
            case 7..<9:
                keys.remove(key)
                return .delete(key)
            default: return .collect
            }
        }
    }

    /// Says how many steps were done, of which nothing may be missing; the one after them may be done or not.
    mutating func run(_ script: [Step], killedAt call: Int) async throws -> Int {
        let done = try await StoreWriterProcess.run(script.map(\.description), root: root, killedAt: call)
        for step in script.prefix(done) { apply(step) }
        var possible = [contents]
        if done < script.count {
            let before = contents
            apply(script[done])
            possible.append(contents)
            contents = before
        }
        let found = try await look()
        #expect(possible.contains(found), "after \(done) of \(script), killed at call \(call)")
        contents = found
        return done
    }

    private mutating func apply(_ step: Step) {
        switch step {
        case .put(let key, let byte, let count):
            contents[key] = ContentHash(of: [UInt8](repeating: byte, count: count))
        case .copy(let from, let to): contents[to] = contents[from]
        case .delete(let key): contents[key] = nil
        case .collect: break
        }
    }

    /// Every object with the hash of its bytes, before and after housekeeping, which leaves no rubbish.
    private func look() async throws -> [String: ContentHash] {
        let store = try LocalObjectStore(root: root)
        let before = try await hashes(store)
        _ = try await store.collectRubbish(olderThan: .distantFuture)
        #expect(files(below: store.staging.folder) == [])
        #expect(try await hashes(store) == before)
        for file in files(below: store.content) {
            var status = stat()
            #expect(stat("\(store.content)/\(file)", &status) == 0 && status.st_nlink > 1)
        }
        return before
    }

    private func hashes(_ store: LocalObjectStore) async throws -> [String: ContentHash] {
        var hashes: [String: ContentHash] = [:]
        for object in try await store.list(prefix: "", after: nil, limit: 1000) {
            let reader = try await store.open(object.key, range: nil)
            let hash = ContentHash(of: try await reader.all())
            #expect(reader.info.sha256 == nil || reader.info.sha256 == hash)
            hashes[object.key.description] = hash
        }
        return hashes
    }
}

private enum StoreWriterProcess {
    /// Gives the lines to a process, and says how many of them it has done when it ends.
    static func run(_ lines: [String], root: String, killedAt call: Int) async throws -> Int {
        try await withTemporaryFolder { folder in
            try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(fileURLWithPath: folder + "/in"))
            let input = open(folder + "/in", O_RDONLY | O_CLOEXEC)
            let output = open(folder + "/out", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            defer {
                close(input)
                close(output)
            }
            let program = productsDirectory.appendingPathComponent("store-writer").path
            let child = try ChildProcess([program, root, "\(call)"], in: "/", input: input, output: output)
            let status = await withCheckedContinuation { continuation in
                Thread { continuation.resume(returning: child.wait()) }.start()
            }
            let done = try String(contentsOfFile: folder + "/out", encoding: .utf8).split(separator: "\n").count
            try #require(status == (done == lines.count ? 0 : -1), "it ended by itself, with \(status)")
            return done
        }
    }

    /// Where the build left the executables: beside the bundle that holds the tests.
    private static let productsDirectory: URL = {
        let path = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: path).deletingLastPathComponent()
    }()
}
