import Foundation
import HTTPTransport
import JobLifecycle
import JobStore
public import Logging
import ObjectStorage
import VeniceTransport
import VideoModels

/// What `gondola storage verify` is asked for.
public struct VerifyRequest: Sendable {
    public var isRepairing: Bool
    public var isResuming: Bool
    public var bytesPerSecond: Int64?

    public init(isRepairing: Bool, isResuming: Bool, bytesPerSecond: Int64?) {
        self.isRepairing = isRepairing
        self.isResuming = isResuming
        self.bytesPerSecond = bytesPerSecond
    }
}

extension Configuration {
    /// Compares database and storage, and mends what can be mended. The walk's place is kept in the state directory.
    public func verifyStorage(
        _ request: VerifyRequest, log: Logger, progress: (VerifyReport) -> Void
    ) async throws -> VerifyReport {
        let state = try StateDirectory(stateDirectory)
        let storage = try Storage(self, state: state)
        defer { storage.stop() }
        let http = CurlHTTPClient(transport)
        defer { http.stop() }
        let secrets = request.isRepairing ? try state.secrets(keyFile: secretKeyFile) : nil
        let store = PostgresStore(
            conninfo: databaseURL.reveal(), secrets: secrets, connections: 2, activeJobs: activeJobs, log: log)
        let refetch = VideoRefetch(
            store: store, objects: storage.objects, accounts: Accounts(self, http: http), limit: limit(.retrieve),
            bytesLimit: videoBytesLimit)
        let settings = StorageVerify.Settings(
            isRepairing: request.isRepairing, bytesPerSecond: request.bytesPerSecond,
            cursorFile: "\(state.path)/verify.json", isResuming: request.isResuming)
        let verify = StorageVerify(
            store: store, objects: storage.objects, settings: settings, fetchAgain: { try await refetch($0) })
        let result: Result<VerifyReport, any Error>
        do { result = .success(try await verify.run(progress: progress)) } catch { result = .failure(error) }
        await store.close()
        do { return try result.get() } catch let error as ObjectStoreError {
            throw SetupError("the storage cannot be read: \(error); go on with --resume")
        }
    }

    /// Removes what `verify` put aside more than so many days ago; says what it was.
    public func clearLostAndFound(olderThan days: Int, isDryRun: Bool) async throws -> (objects: Int, bytes: Int64) {
        let storage = try Storage(self, state: StateDirectory(stateDirectory))
        defer { storage.stop() }
        let last = Date(timeIntervalSinceNow: -Double(days) * 86_400).formatted(.iso8601.year().month().day())
        var (count, bytes, after) = (0, Int64(0), ObjectKey?.none)
        while true {
            let page = try await storage.objects.list(
                prefix: "\(StorageVerify.lostAndFound)/", after: after, limit: 500)
            for object in page where object.key.segments.count > 2 && object.key.segments[1] < last[...] {
                if !isDryRun { try await storage.objects.delete(object.key) }
                (count, bytes) = (count + 1, bytes + object.info.bytes)
            }
            guard page.count == 500 else { return (count, bytes) }
            after = page.last?.key
        }
    }
}

/// Fetches a finished video from the upstream once more, while that still has it.
struct VideoRefetch: Sendable {
    var store: PostgresStore
    var objects: any ObjectStore
    var accounts: Accounts
    var limit: RateLimit
    var bytesLimit: Int64

    /// True when the object stands under its key again, with the bytes that the row names.
    func callAsFunction(_ expected: ExpectedObject) async throws -> Bool {
        // A video has its job's id.
        guard let record = try await store.recordWithLink(of: JobID(expected.place.id)),
            let rendering = record.rendering,
            let venice = accounts[record.account], let stream = try await open(rendering, venice)
        else { return false }
        let staged: StagedObject
        do {
            staged = try await objects.stage(
                expecting: stream.announcedLength.map(Int64.init), atMost: bytesLimit, body: stream.body)
        } catch is HTTPClientError {
            return false
        }
        return try await keep(staged, as: expected)
    }

    private func open(_ rendering: Rendering, _ venice: VeniceClient) async throws -> VideoStream? {
        while case .wait(let seconds) = try await store.take(limit, account: venice.account.id, upTo: 1) {
            try await Task.sleep(for: .seconds(seconds))
        }
        do throws(VeniceError) {
            switch try await venice.retrieve(model: rendering.model, queueID: rendering.queueID) {
            case .video(let stream): return stream
            case .completed(let link):
                guard let link = link ?? rendering.link else { return nil }
                return try await venice.download(link)
            case .processing, .failed: return nil
            }
        } catch {
            return nil
        }
    }

    /// The upstream's bytes must be those that were given then, and are made into those that are kept in the same way.
    /// Where that way leads elsewhere by now, what was given is as good: then it is kept, and the row says so.
    private func keep(_ staged: StagedObject, as expected: ExpectedObject) async throws -> Bool {
        let (key, hash) = (try ObjectKey(expected.key), staged.sha256.hex)
        if hash == expected.sha256 {
            _ = try await objects.commit(staged, to: key)
            return true
        }
        guard hash == expected.originalSHA256 else {
            await objects.discard(staged)
            return false
        }
        let moved = try await remade(staged, as: expected)
        if moved != nil { await objects.discard(staged) }
        _ = try await objects.commit(moved ?? staged, to: key)
        return moved != nil ? true : try await store.keepOriginal(of: expected)
    }

    /// The original with its index in front, if that makes the bytes that the row names.
    private func remade(_ original: StagedObject, as expected: ExpectedObject) async throws -> StagedObject? {
        let moved: StagedObject?
        do { moved = try await objects.stagedFastStart(of: original) } catch {
            await objects.discard(original)
            throw error
        }
        guard let moved else { return nil }
        if moved.sha256.hex == expected.sha256 { return moved }
        await objects.discard(moved)
        return nil
    }
}
