import FeedSync
import Foundation
import ObjectStorage
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// On file systems of a few megabytes, which only root can make.
@Suite(.serialized, .timeLimit(.minutes(10)), .enabled(if: getuid() == 0, "mounting a file system needs root"))
struct DiskTests {
    /// Without the floor, which would keep a job from being paid before it finds the disk full.
    private static let settings = OutageTests.rhythm().merging(["GONDOLA_STORAGE_FLOOR": "1"]) { $1 }

    @Test(arguments: [false, true])
    func `a video that finds the disk full waits, says why, and comes home when there is room`(
        isLengthUnknown: Bool
    ) async throws {
        try await Stack.with {
            OutageTests.configure(&$0)
            $0.omitsContentLength = isLengthUnknown
        } _: { stack in
            let disk = try #require(try SmallDisk(at: stack.directory.appending(path: "objects"), megabytes: 4))
            defer { disk.remove() }
            let process = try await stack.start(Self.settings, program: "crash-worker")
            disk.fill(leaving: 8192)
            let phone = try stack.phone(process)
            let job = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "once").job.id
            #expect(try await process.setback(of: job) == "the disk is full")
            let seen = try await stack.database.sql("select state, last_setback from jobs")
            #expect(seen == "downloading|the disk is full")
            #expect(try FileManager.default.contentsOfDirectory(atPath: disk.directory.path + "/staging") == [])

            disk.clear()
            try await finish(job, stack, process)
        }
    }

    @Test(arguments: [true, false])
    func `without room for the answer nothing is submitted, and with it the job goes on`(isFull: Bool) async throws {
        try await Stack.with(OutageTests.configure) { stack in
            let disk = try #require(try SmallDisk(at: stack.directory.appending(path: "state/answers"), megabytes: 1))
            defer { disk.remove() }
            let process = try await stack.start(Self.settings, program: "crash-worker")
            if isFull { disk.fill() } else { try disk.setReadOnly(true) }
            let phone = try stack.phone(process)
            let job = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "once").job.id
            let reason = try await process.setback(of: job)
            #expect(reason.hasPrefix("the answer journal refuses: "))
            #expect(reason.hasSuffix(isFull ? "No space left on device" : "Read-only file system"), "\(reason)")
            let seen = try await stack.database.sql("select state, last_setback from jobs")
            // It may be trying again already.
            #expect(seen.contains("|the answer journal refuses: "), "\(seen)")
            #expect(try await stack.simulator.ledger().calls(.queue) == 0)
            #expect(Journal(stack).count == (isFull ? 1 : 0))  // the one that fills the disk

            if isFull { disk.clear() } else { try disk.setReadOnly(false) }
            try await finish(job, stack, process)
        }
    }

    /// The wait after trouble with a disk is ten seconds; they pass at once.
    private func finish(_ job: JobID, _ stack: Stack, _ process: GondolaProcess) async throws {
        _ = try await stack.database.sql("update jobs set next_action_at = clock_timestamp() where leased_by is null")
        var follower = FeedClient(try stack.phone(process))
        repeat { _ = try await follower.next() } while follower.copy.jobs[job]?.status.known?.isFinal != true
        #expect(follower.copy.jobs[job]?.status == .known(.ready))
        try await process.waitFor("cleanedUp", of: job)
        #expect(await process.terminate() == 0)
        #expect(try await stack.simulator.ledger().charges.count == 1)
        #expect(try await Agreement(stack).violations() == [])
    }
}

/// Storage alone, on a disk that is full.
@Suite(.serialized, .timeLimit(.minutes(10)), .enabled(if: getuid() == 0, "mounting a file system needs root"))
struct FullStorageTests {
    private func withDisk(_ body: (SmallDisk) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gondola-disk-\(UUID())")
        let disk = try #require(try SmallDisk(at: folder, megabytes: 2))
        let result: Result<Void, any Error>
        do { result = .success(try await body(disk)) } catch { result = .failure(error) }
        disk.remove()
        try FileManager.default.removeItem(at: folder)
        try result.get()
    }

    private func body(_ pieces: Int) -> AsyncStream<[UInt8]> {
        AsyncStream { stream in
            for number in 0..<pieces {
                stream.yield([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 64 << 10))
            }
            stream.finish()
        }
    }

    @Test(arguments: [true, false])
    func `an object that finds the disk full leaves nothing, and those that are there stay whole`(
        isLengthKnown: Bool
    ) async throws {
        try await withDisk { disk in
            let store = try LocalObjectStore(root: disk.directory.appending(path: "objects").path)
            let (old, new) = (try ObjectKey("u/old"), try ObjectKey("u/new"))
            let kept = try await store.put(old, body: body(2))
            let free = try await store.freeBytes()
            await #expect(throws: ObjectStoreError.noSpace) {
                try await store.put(new, expecting: isLengthKnown ? 4_194_304 : nil, body: body(64))
            }
            await #expect(throws: ObjectStoreError.notFound) { try await store.head(new) }
            // The old one cannot be replaced either, and stays as it was.
            await #expect(throws: ObjectStoreError.noSpace) { try await store.put(old, body: body(64)) }
            #expect(try await store.head(old).sha256 == kept.sha256)
            let staged = try FileManager.default.contentsOfDirectory(atPath: store.root + "/staging")
            #expect(staged.isEmpty)
            // The file is closed a moment after its name is gone.
            while try await store.freeBytes() < free { await Task.yield() }

            disk.fill()
            await #expect(throws: ObjectStoreError.noSpace) { try await store.put(new, body: body(1)) }
            disk.clear()
            while try await store.freeBytes() < free { await Task.yield() }
            #expect(try await store.put(new, body: body(1)).bytes == 64 << 10)
        }
    }

    @Test func `a backup that finds its disk full leaves none, and is made when there is room`() async throws {
        try await Stack.with { stack in
            let disk = try #require(try SmallDisk(at: stack.directory.appending(path: "disk"), megabytes: 4))
            defer { disk.remove() }
            let configuration = try Configuration.resolve(environment: [
                "DATABASE_URL": stack.database.conninfo,
                "GONDOLA_STORAGE": stack.directory.appending(path: "objects").path,
                "GONDOLA_STATE_DIR": stack.directory.appending(path: "state").path,
            ])
            let request = BackupRequest(directory: disk.directory.appending(path: "backups").path)
            disk.fill(leaving: 16 << 10)
            await #expect(throws: SetupError.self) { try await configuration.backUp(request) { _ in } }
            disk.clear()
            #expect((try? Backups.list(in: request.directory).count) ?? 0 == 0)
            #expect(try await configuration.backUp(request, progress: { _ in }).generation != nil)
            #expect(try Backups.list(in: request.directory).count == 1)
        }
    }
}
