import Foundation
import JobStore
import Logging
import ObjectStorage
import VideoModels

/// Makes facts, posters and previews of videos that phones see already: few at a time and with the lowest priority, since
/// nobody waits for them. Whatever it dies at is claimed again, and what it makes twice replaces itself.
struct MediaWorker: Sendable {
    struct Settings: Hashable, Sendable {
        /// Videos at the same time.
        var atOnce = 1
        /// Longer than all of one video's programs may take together.
        var claim: TimeInterval = 900
        /// Between two looks for something to do.
        var interval: Duration = .seconds(3)
        /// Then what is there is all that there will be.
        var tries = 5
        /// Before the second try; four times as long before each that follows.
        var firstWait: TimeInterval = 60
    }

    var store: PostgresStore
    var objects: any ObjectStore
    var tools: MediaTools
    /// For files of runs, of this process alone.
    var folder: String
    var settings = Settings()
    var log: Logger
    /// Why nothing that takes room should be begun; nil when all is well.
    var trouble: @Sendable () async -> String? = { nil }

    /// Until cancelled.
    func run(_ heartbeat: Heartbeat? = nil) async {
        defer { heartbeat?.end() }
        // What a former process left.
        try? FileManager.default.removeItem(atPath: folder)
        while !Task.isCancelled {
            heartbeat?.beat()
            var count = 0
            do { count = try await round() } catch {
                log.debug("cannot look for videos without pictures", metadata: ["error": "\(error)"])
            }
            if count < settings.atOnce { try? await Task.sleep(for: settings.interval) }
        }
    }

    /// Takes what is due, and returns how many they were.
    @discardableResult
    func round() async throws -> Int {
        guard await trouble() == nil else { return 0 }
        let claims = try await store.claimMedia(limit: settings.atOnce, for: settings.claim)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for claim in claims { group.addTask { try await work(on: claim) } }
            try await group.waitForAll()
        }
        return claims.count
    }

    private func work(on claim: MediaClaim) async throws {
        let run = "\(folder)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: run, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: run) }
        var draft = Draft()
        do {
            try await withFile(of: claim) { file in draft = await draw(file, in: run) }
        } catch {
            draft.made.trouble = "the video cannot be read: \(error)"
        }
        // Last of all, right before the row: until that names them, the pictures that are shown are the former ones.
        let isLast = claim.number >= settings.tries
        if !Task.isCancelled, draft.made.trouble == nil || isLast { await put(&draft, of: claim) }
        if Task.isCancelled {
            return try await store.postponeMedia(claim, after: 0, trouble: "the process was stopped")
        }
        if let trouble = draft.made.trouble, !isLast {
            return try await postpone(claim, trouble)
        }
        try await finish(claim, draft.made)
    }

    private func postpone(_ claim: MediaClaim, _ trouble: String) async throws {
        let wait = settings.firstWait * pow(4, Double(claim.number - 1))
        log.info("pictures of a video are tried again", metadata: metadata(claim, trouble))
        try await store.postponeMedia(claim, after: wait, trouble: trouble)
    }

    private func finish(_ claim: MediaClaim, _ made: MadeMedia) async throws {
        switch try await store.finishMedia(claim, made) {
        case .written:
            if let trouble = made.trouble {
                log.warning("a video stays without pictures", metadata: metadata(claim, trouble))
            }
        case .superseded: log.debug("another made the pictures", metadata: metadata(claim, "the claim ran out"))
        case .gone:
            for kind in PictureKind.allCases { try await objects.delete(kind.key(of: claim.video, user: claim.user)) }
        }
    }

    private func metadata(_ claim: MediaClaim, _ reason: String) -> Logger.Metadata {
        ["video_id": "\(claim.video)", "tries": "\(claim.number)", "reason": "\(reason)"]
    }

    /// The video as a file of this machine. One that is kept elsewhere is fetched, and gone afterwards.
    private func withFile(of claim: MediaClaim, _ body: (String) async throws -> Void) async throws {
        let key = try ObjectKey(claim.key)
        let reader = try await objects.open(key, range: nil)
        if reader.file != nil { return try await body(try await objects.localFile(of: key)) }
        let staged = try await objects.stage(expecting: claim.bytes, atMost: claim.bytes, body: reader.chunks())
        let result: Result<Void, any Error>
        do { result = .success(try await body(staged.path)) } catch { result = .failure(error) }
        await objects.discard(staged)
        try result.get()
    }

    /// What was made of a video and is not stored yet.
    private struct Draft: Sendable {
        var made = MadeMedia()
        var pictures: [(kind: PictureKind, bytes: [UInt8], size: (width: Int, height: Int))] = []
    }

    /// All that can be made; what cannot is in `trouble`, and holds up nothing else.
    private func draw(_ file: String, in folder: String) async -> Draft {
        var draft = Draft()
        do {
            draft.made.facts = try await tools.probe(file, in: folder)
            for kind in PictureKind.allCases {
                let path = try await tools.draw(kind, of: file, in: folder)
                let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
                guard let size = PictureSize.find(in: bytes) else {
                    throw LimitedProgram.Failed(words: "no \(kind.rawValue) came of it")
                }
                draft.pictures.append((kind, bytes, size))
            }
        } catch {
            draft.made.trouble = "\(error)"
        }
        return draft
    }

    private func put(_ draft: inout Draft, of claim: MediaClaim) async {
        do {
            for (kind, bytes, size) in draft.pictures {
                draft.made.pictures[kind] = try await put(bytes, size, as: kind, of: claim)
            }
        } catch {
            draft.made.trouble = "\(error)"
        }
    }

    private func put(
        _ bytes: [UInt8], _ size: (width: Int, height: Int), as kind: PictureKind, of claim: MediaClaim
    ) async throws -> Stored<Video.Picture> {
        let key = try kind.key(of: claim.video, user: claim.user)
        let body = AsyncStream<[UInt8]> { stream in
            stream.yield(bytes)
            stream.finish()
        }
        let info = try await objects.put(key, expecting: Int64(bytes.count), atMost: Int64(bytes.count), body: body)
        return Stored(
            Video.Picture(
                contentType: kind.contentType, bytes: info.bytes,
                sha256: info.sha256?.hex ?? ContentHash(of: bytes).hex, width: size.width, height: size.height),
            key: key.description)
    }
}
