// SHA256 is a value; swift-crypto 3.0 just does not say that it is Sendable.
@preconcurrency import Crypto
import Dispatch
import Foundation
import Logging
import Synchronization

/// The finished videos, made one at a time in the background and kept on disk by shape and variant.
final class MediaLibrary: Sendable {
    enum Outcome: Sendable { case ready, failed }

    private struct Entry: Sendable {
        var length: Int
        /// Hash state after the whole shared file.
        var prefix: SHA256
    }

    private struct Shelf: Sendable {
        var entries: [String: Entry] = [:]
        var pending: Set<String> = []
        var waiters: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
    }

    private let directory: URL
    private let encoder: VideoEncoder
    private let log: Logger
    private let shelf = Mutex(Shelf())
    private let worker = DispatchQueue(label: "venice-simulator.media", qos: .utility)

    init(directory: URL, encoder: VideoEncoder, log: Logger) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        self.directory = directory
        self.encoder = encoder
        self.log = log
        removeRemains()
    }

    /// Removes what encodings have left behind that were killed more than ten minutes ago.
    private func removeRemains() {
        let keys: Set<URLResourceKey> = [.contentModificationDateKey]
        let files = try? FileManager.default.contentsOfDirectory(
            at: directory, includingPropertiesForKeys: Array(keys))
        for file in files ?? [] where file.lastPathComponent.contains(".partial-") {
            let changed = try? file.resourceValues(forKeys: keys).contentModificationDate
            if let changed, changed.timeIntervalSinceNow < -600 { try? FileManager.default.removeItem(at: file) }
        }
    }

    /// The job's file; nil while it is being made.
    func file(for job: SimulatedJob) -> MediaFile? {
        let name = job.shape.name(variant: job.variant)
        guard let entry = shelf.withLock({ $0.entries[name] }) else { return nil }
        return MediaFile(path: path(name).path, sharedLength: entry.length, prefix: entry.prefix, queueID: job.id)
    }

    /// Sees to it that a file gets made. `done` is called once for each request that finds the file not there yet, on the
    /// library's own queue; it returns true when the file is there already.
    func request(
        _ shape: VideoShape, variant: Int, done: @escaping @Sendable (String, Outcome) -> Void
    ) -> Bool {
        let name = shape.name(variant: variant)
        let isThere = shelf.withLock { shelf in
            if shelf.entries[name] != nil || shelf.isClosed { return shelf.entries[name] != nil }
            shelf.pending.insert(name)
            return false
        }
        guard !isThere else { return true }
        worker.async { [self] in
            // Closed in the meantime: the file was not made, which is no failure of the job.
            if let outcome = make(shape, variant, name) { done(name, outcome) }
            settle(name)
        }
        return false
    }

    /// Returns once nothing is being made any more.
    func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = shelf.withLock { shelf in
                if !shelf.pending.isEmpty { shelf.waiters.append(continuation) }
                return shelf.pending.isEmpty
            }
            if isIdle { continuation.resume() }
        }
    }

    /// Starts no further encoding and ends the one that runs.
    func close() {
        shelf.withLock { $0.isClosed = true }
        encoder.cancel()
    }

    private var isClosed: Bool { shelf.withLock { $0.isClosed } }

    private func make(_ shape: VideoShape, _ variant: Int, _ name: String) -> Outcome? {
        if shelf.withLock({ $0.entries[name] != nil }) { return .ready }
        if isClosed { return nil }
        do {
            let url = path(name)
            if !FileManager.default.fileExists(atPath: url.path) {
                try encoder.encode(shape, variant: variant, to: url)
            }
            let entry = try read(url)
            shelf.withLock { $0.entries[name] = entry }
            return .ready
        } catch {
            if isClosed { return nil }
            log.error("making a video failed", metadata: ["video": "\(name)", "error": "\(error)"])
            return .failed
        }
    }

    private func settle(_ name: String) {
        let waiters = shelf.withLock { shelf in
            shelf.pending.remove(name)
            guard shelf.pending.isEmpty else { return [CheckedContinuation<Void, Never>]() }
            defer { shelf.waiters = [] }
            return shelf.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func read(_ url: URL) throws -> Entry {
        let file = try FileHandle(forReadingFrom: url)
        defer { try? file.close() }
        var entry = Entry(length: 0, prefix: SHA256())
        while let chunk = try file.read(upToCount: 1 << 20), !chunk.isEmpty {
            entry.length += chunk.count
            entry.prefix.update(data: chunk)
        }
        return entry
    }

    private func path(_ name: String) -> URL { directory.appendingPathComponent("\(name).mp4") }
}
