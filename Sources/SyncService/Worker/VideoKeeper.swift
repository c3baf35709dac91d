import Failpoints
import JobLifecycle
import JobStore
import ObjectStorage
import VeniceTransport
import VideoModels

/// Brings a video that arrives into storage: checked, with its index in front, and only then visible under its key.
struct VideoKeeper: Sendable {
    var objects: any ObjectStore
    var bytesLimit: Int64

    /// `isOurs` is asked last of all: a worker whose lease ran out must not put its bytes over those of the one that has
    /// recorded its own. Whatever goes wrong, nothing stays staged.
    func keep(
        _ stream: VideoStream, of user: UserID, _ job: JobID, while isOurs: @Sendable () -> Bool = { true }
    ) async throws -> StoredVideo {
        let original = try await objects.stage(
            expecting: stream.announcedLength.map(Int64.init), atMost: bytesLimit, body: stream.body)
        return try await keep(original, isEndMarked: stream.isEndMarked, of: user, job, while: isOurs)
    }

    /// The same with the bytes that lie under the job's key already. Throws `notFound` where none do.
    func keepAgain(
        of user: UserID, _ job: JobID, while isOurs: @Sendable () -> Bool = { true }
    ) async throws -> StoredVideo {
        let reader = try await objects.open(try Self.key(of: user, job), range: nil)
        let original = try await objects.stage(
            expecting: reader.info.bytes, atMost: reader.info.bytes, body: reader.chunks())
        return try await keep(original, isEndMarked: true, of: user, job, while: isOurs)
    }

    /// One video a job: its identifier is the job's, so that storing again after a crash replaces the same object.
    static func key(of user: UserID, _ job: JobID) throws -> ObjectKey {
        try ObjectKey(user: user.description, "videos", "\(VideoID(job.uuid)).mp4")
    }

    private func keep(
        _ original: StagedObject, isEndMarked: Bool, of user: UserID, _ job: JobID, while isOurs: @Sendable () -> Bool
    ) async throws -> StoredVideo {
        let key = try Self.key(of: user, job)
        let (facts, kept) = try await check(original, isEndMarked: isEndMarked)
        do {
            try Task.checkCancellation()
            guard isOurs() else { throw StoreError.leaseLost }
        } catch {
            await objects.discard(kept)
            throw error
        }
        _ = try await objects.commit(kept, to: key)
        return StoredVideo(
            id: VideoID(job.uuid), key: key.description,
            contentType: facts.brand == "qt  " ? "video/quicktime" : "video/mp4",
            bytes: kept.bytes, sha256: kept.sha256.hex, durationSeconds: facts.durationSeconds, width: facts.width,
            height: facts.height, hasSound: facts.hasSound, frameRate: facts.frameRate, videoCodec: facts.videoCodec,
            audioCodec: facts.audioCodec, originalSHA256: kept == original ? nil : original.sha256.hex)
    }

    /// What is to be kept of a staged video, which is used up. The index is moved before anybody sees the video: its hash
    /// is what phones know it by, and they keep it for good.
    private func check(
        _ original: StagedObject, isEndMarked: Bool
    ) async throws -> (facts: VideoFacts, kept: StagedObject) {
        do {
            let facts = try await VideoFileCheck.facts(ofFileAt: original.path, isEndMarked: isEndMarked)
            Failpoint.videoChecked.reach()
            guard let moved = try await objects.stagedFastStart(of: original) else { return (facts, original) }
            await objects.discard(original)
            return (facts, moved)
        } catch {
            await objects.discard(original)
            throw error
        }
    }
}
