import Foundation
import HTTPTransport
import JobStore
import ObjectStorage
import TestSupport
import Testing
import VeniceTransport
import VideoModels

@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct VideoKeeperTests {
    private let user = UserID.sample()
    private let job = JobID.sample(1)

    /// A video as it comes from the upstream.
    private func arriving(_ bytes: [UInt8]) async throws -> VideoStream {
        var configuration = Configuration()
        configuration.veniceKey = Redacted("k")
        let http = ScriptedHTTPClient(
            .answer(
                status: 200, headers: ["Content-Type": "video/mp4", "Content-Length": "\(bytes.count)"],
                chunks: [bytes], failure: nil))
        let outcome = try await Accounts(configuration, http: http).first.retrieve(model: "m", queueID: "q")
        guard case .video(let stream) = outcome else { throw StoreError.notFound }
        return stream
    }

    /// One whose index is moved, and one whose index is in front already.
    private static let videos = [[], ["-movflags", "+faststart"]].map { try! SmallVideo.bytes(arguments: $0) }

    @Test(arguments: [0, 1]) func `a commit that fails leaves nothing staged`(_ number: Int) async throws {
        try await withFolder { folder in
            var objects = HookedStore(try LocalObjectStore(root: folder))
            objects.beforeCommit = { _ in throw ObjectStoreError.noSpace }
            let keeper = VideoKeeper(objects: objects, bytesLimit: 1 << 30)
            let stream = try await arriving(Self.videos[number])
            await #expect(throws: ObjectStoreError.noSpace) { try await keeper.keep(stream, of: user, job) }
            #expect(try objects.inner.stagedFiles == [])
        }
    }

    @Test func `a worker whose lease ran out leaves the recorded object as it is`() async throws {
        try await withFolder { folder in
            let objects = try LocalObjectStore(root: folder)
            let keeper = VideoKeeper(objects: objects, bytesLimit: 1 << 30)
            let kept = try await keeper.keep(try await arriving(Self.videos[0]), of: user, job)
            #expect(kept.originalSHA256 == ContentHash(of: Self.videos[0]).hex)
            let late = try await arriving(Self.videos[1])
            await #expect(throws: StoreError.leaseLost) { try await keeper.keep(late, of: user, job) { false } }
            #expect(ContentHash(of: try await objects.all(kept.key)).hex == kept.sha256)
            #expect(try objects.stagedFiles == [])
        }
    }

    @Test func `a task that is cancelled while the index moves is not told that it cannot be moved`() async throws {
        try await withFolder { folder in
            let objects = try LocalObjectStore(root: folder)
            let body = AsyncStream<[UInt8]> { stream in
                stream.yield(Self.videos[0])
                stream.finish()
            }
            let staged = try await objects.stage(expecting: nil, atMost: 1 << 30, body: body)
            let moving = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await objects.stagedFastStart(of: staged)
            }
            await #expect(throws: CancellationError.self) { try await moving.value }
            #expect(try objects.stagedFiles.count == 1)
        }
    }
}
