import FeedSync
import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VideoModels

/// A phone that listens, as a phone does: its copy in a file, its server killed and started again.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FeedStreamJobTests {
    @Test func `a phone that listens sees a job to its end through the death of its server`() async throws {
        try await Stack.with { stack in
            let path = stack.directory.appending(path: "phone.log").path
            let first = try await stack.start()
            let phone = try stack.phone(first)
            let detail = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "once")
            var feed = FeedClient(phone, copy: try FileChangeStore(path: path))
            while feed.copy.contents.jobs[detail.job.id]?.status != .known(.rendering) { _ = try await feed.next() }
            await first.kill()

            // The phone's process is gone as well: another goes on from the file, at the server's new address.
            let second = try await stack.start()
            var other = FeedClient(try stack.phone(second), copy: try FileChangeStore(path: path))
            #expect(other.cursor == feed.cursor && other.copy.opening == .whole)
            while other.copy.contents.jobs[detail.job.id]?.isOver != true { _ = try await other.next() }
            #expect(other.copy.contents.jobs[detail.job.id]?.status == .known(.ready))

            var fresh = FeedClient(try stack.phone(second))
            try await fresh.catchUp()
            try await other.catchUp()
            #expect(fresh.copy.jobs == other.copy.contents.jobs && fresh.copy.videos == other.copy.contents.videos)
            let proof = try await other.check()
            #expect(proof.differences.isEmpty && proof.questions == 1 && proof.count == other.copy.contents.count)
            #expect(await second.terminate() == 0)
        }
    }
}
