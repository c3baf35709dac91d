import Foundation
import StackSupport
import TestSupport
import Testing
import VideoModels

/// Another sealing key, with the real executable, while a private job is under way.
@Suite(.timeLimit(.minutes(10))) struct SecretKeyTests {
    @Test func `the key is changed as the manual says, and a private video comes home`() async throws {
        try await Stack.with { stack in
            let file = stack.directory.appending(path: "keys")
            let environment = [
                "GONDOLA_SECRET_KEY_FILE": file.path, "GONDOLA_STATE_DIR": stack.directory.appending(path: "s").path,
            ]
            let old = try await newKey(stack)
            let new = try await newKey(stack)
            #expect(old != new)
            func restart(_ keys: [String], _ process: GondolaProcess?) async throws -> GondolaProcess {
                if let process { #expect(await process.terminate() == 0) }
                try Data(keys.joined(separator: "\n").utf8).write(to: file)
                return try await stack.start(environment)
            }
            var gondola = try await restart([old], nil)
            let job = try await stack.phone(gondola).submit(
                JobSubmission(request: Stack.privateRequest()), idempotencyKey: "1"
            ).job.id
            gondola = try await restart([old, new], gondola)
            gondola = try await restart([new, old], gondola)
            let rotated = try await stack.gondola(["secrets", "rotate", "--json"], environment)
            #expect(rotated.status == 0 && rotated.output.contains("resealed"), "\(rotated.complaint)")
            let status = try await stack.gondola(["secrets", "status"], environment)
            #expect(status.status == 0 && status.output.contains("seals"), "\(status.complaint)")
            gondola = try await restart([new], gondola)
            let copy = try await stack.follow(try stack.phone(gondola)) { $0.jobs[job]?.isOver == true }
            #expect(copy.jobs[job]?.status == .known(.ready))
            #expect(await gondola.terminate() == 0)

            // The old key alone is no longer enough, and a file that holds none is told what it must hold.
            try Data(old.utf8).write(to: file)
            let refused = try await stack.gondola(["secrets", "rotate"], environment)
            #expect(refused.status == 1 && refused.complaint.contains("none of the keys"))
            try Data("short\n".utf8).write(to: file)
            let unreadable = try await stack.gondola(["secrets", "status"], environment)
            #expect(unreadable.status == 1 && unreadable.complaint.contains("gondola secrets new-key"))
        }
    }

    private func newKey(_ stack: Stack) async throws -> String {
        let made = try await stack.gondola(["secrets", "new-key"])
        #expect(made.status == 0)
        return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
