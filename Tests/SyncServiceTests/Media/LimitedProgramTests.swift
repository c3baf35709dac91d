import Foundation
import Testing

@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct LimitedProgramTests {
    private func run(
        _ words: [String], seconds: Int = 60, output: Int64 = 1 << 20
    ) async throws -> (said: String, folder: [String]) {
        try await withFolder { folder in
            let limits = LimitedProgram.Limits(seconds: seconds, memory: 1 << 30, output: output)
            let said = try await LimitedProgram(limits: limits, folder: folder).run(words)
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            return (String(decoding: said, as: UTF8.self), names)
        }
    }

    @Test func `it has the limits, and nothing of ours is open in it`() async throws {
        let (said, _) = try await run(["sh", "-c", "ulimit -t; ulimit -v; ulimit -f; ulimit -n; ulimit -c; nice"])
        #expect(said.split(separator: "\n") == ["60", "1048576", "2048", "64", "0", "19"])
        // The last is that of the folder that `ls` reads.
        let (open, _) = try await run(["ls", "/proc/self/fd"])
        #expect(open.split(separator: "\n").count == 4)
        let (environment, _) = try await run(["env"])
        #expect(!environment.contains("DATABASE_URL") && !environment.contains("VENICE"))
    }

    @Test func `words reach it as they are`() async throws {
        let words = ["$(touch /tmp/x)", "; rm -rf /", "a b", "'\"", "-x", ""]
        let (said, _) = try await run(["printf", "%s|"] + words)
        #expect(said == words.map { $0 + "|" }.joined())
    }

    @Test func `one that hangs is ended with all that it started`() async throws {
        try await withFolder { folder in
            let limits = LimitedProgram.Limits(seconds: 1, memory: 1 << 30, output: 1 << 20)
            let script = "sleep 3000 & echo $! > \(folder)/child; sleep 3000"
            await #expect(throws: LimitedProgram.Failed.self) {
                try await LimitedProgram(limits: limits, folder: folder).run(["sh", "-c", script])
            }
            try await expectGone(folder)
        }
    }

    @Test func `one that is cancelled ends at once with all that it started`() async throws {
        try await withFolder { folder in
            let limits = LimitedProgram.Limits(seconds: 3000, memory: 1 << 30, output: 1 << 20)
            let script =
                "sleep 3000 & echo $! > \(folder)/child.new; mv \(folder)/child.new \(folder)/child; sleep 3000"
            let task = Task { try await LimitedProgram(limits: limits, folder: folder).run(["sh", "-c", script]) }
            while !FileManager.default.fileExists(atPath: "\(folder)/child") { await Task.yield() }
            task.cancel()
            await #expect(throws: (any Error).self) { try await task.value }
            try await expectGone(folder)
        }
    }

    /// Returns when the child of the group is dead: gone, or waiting for its new parent to notice.
    private func expectGone(_ folder: String) async throws {
        let text = try String(contentsOfFile: "\(folder)/child", encoding: .utf8)
        let pid = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        while let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), !status.contains(") Z ") {
            await Task.yield()
        }
    }

    @Test func `one that talks without end is ended, and what it said is bounded`() async throws {
        await #expect(throws: LimitedProgram.Failed.self) { try await run(["yes"], output: 1 << 16) }
    }

    @Test func `a failure has the program's own words`() async throws {
        do {
            _ = try await run(["sh", "-c", "echo no good >&2; exit 3"])
            Issue.record("it succeeded")
        } catch let error as LimitedProgram.Failed {
            #expect(error.words == "no good")
        }
        await #expect(throws: LimitedProgram.Failed.self) { try await run(["no-such-program"]) }
    }
}
