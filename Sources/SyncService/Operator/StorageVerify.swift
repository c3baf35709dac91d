import Crypto
import Foundation
import JobStore
import ObjectStorage
import VideoModels

/// Compares the database with the storage, both ways, while both are in use.
///
/// First every row: its object must be there, with the bytes of its hash. Then every object: some row must know it. What
/// changes meanwhile is looked at again before it counts as damage, and what is younger than the grace is left alone.
struct StorageVerify: Sendable {
    struct Settings: Sendable {
        var isRepairing = false
        /// Objects that were touched since are not taken for orphans: their row may be about to be written.
        var grace: TimeInterval = 3600
        var bytesPerSecond: Int64?
        var page = 200
        /// Where the walk's place is kept between pages; nil for nowhere.
        var cursorFile: String?
        var isResuming = false
    }

    var store: PostgresStore
    var objects: any ObjectStore
    var settings: Settings
    var clock: any Clock<Duration> = ContinuousClock()
    var now: @Sendable () -> Date = { Date() }
    /// Fetches a video from the upstream once more, with the bytes that the row names; false where it has it no longer.
    var fetchAgain: @Sendable (ExpectedObject) async throws -> Bool = { _ in false }

    /// Where orphans are put. Nothing is ever deleted here.
    static let lostAndFound = "lost-found"

    func run(progress: (VerifyReport) -> Void) async throws -> VerifyReport {
        var cursor = VerifyCursor()
        if settings.isResuming, let file = settings.cursorFile, let saved = VerifyCursor.load(file) { cursor = saved }
        var pace = Pace(bytesPerSecond: settings.bytesPerSecond, clock: clock)
        while !cursor.areRowsDone {
            let page = try await store.expectedObjects(after: cursor.row, limit: settings.page)
            for expected in page {
                try await check(expected, &cursor.report, &pace)
                cursor.row = expected.place
                progress(cursor.report)
            }
            cursor.areRowsDone = page.count < settings.page
            try save(cursor)
        }
        while true {
            let page = try await objects.list(
                prefix: "", after: cursor.object.flatMap { try? ObjectKey($0) }, limit: settings.page)
            try await check(page, &cursor.report)
            cursor.object = page.last?.key.description ?? cursor.object
            progress(cursor.report)
            try save(cursor)
            guard page.count == settings.page else { break }
        }
        // A walk that came to its end is not gone on with.
        if let file = settings.cursorFile { unlink(file) }
        return cursor.report
    }

    private func save(_ cursor: VerifyCursor) throws {
        if let file = settings.cursorFile { try cursor.save(file) }
    }

    // MARK: - rows

    private enum State: Equatable {
        case sound
        case missing
        case corrupt(String)
        case unreadable(String)
    }

    private func check(_ expected: ExpectedObject, _ report: inout VerifyReport, _ pace: inout Pace) async throws {
        report.rows += 1
        let state = try await look(at: expected, &report, &pace)
        guard state != .sound else { return }
        // Deleted, or made anew, since the row was read: then what counts is how it stands now.
        guard let again = try await store.expectedObject(at: expected.place) else { return }
        let second = try await look(at: again, &report, &pace)
        guard second != .sound else { return }
        var finding = Self.finding(second, again)
        if settings.isRepairing {
            do { finding.repair = try await repair(again, second) } catch let error as RefetchFailure {
                finding.what += "; fetching it again failed: \(error.reason)"
            }
        }
        report.note(finding)
    }

    private func look(
        at expected: ExpectedObject, _ report: inout VerifyReport, _ pace: inout Pace
    ) async throws -> State {
        do {
            let reader = try await objects.open(try ObjectKey(expected.key), range: nil)
            var hasher = SHA256()
            var bytes: Int64 = 0
            for try await chunk in reader.chunks() {
                hasher.update(data: chunk)
                bytes += Int64(chunk.count)
                report.bytes += Int64(chunk.count)
                try await pace.spend(chunk.count)
            }
            guard bytes == expected.bytes else { return .corrupt("it has \(bytes) bytes instead of \(expected.bytes)") }
            let hash = ContentHash(bytes: hasher.finalize())?.hex
            return hash == expected.sha256
                ? .sound : .corrupt("its SHA-256 is \(hash ?? "-") instead of \(expected.sha256)")
        } catch let error as ObjectStoreError {
            switch error {
            case .notFound: return .missing
            case .corrupted, .truncated, .changed: return .corrupt("\(error)")
            // The store itself: going on would report everything as damaged.
            case .unavailable, .denied, .missingBucket, .missingFolder, .cancelled: throw error
            case .noSpace, .notWritable, .foreignFile, .tooLarge, .unexpected, .io: return .unreadable("\(error)")
            }
        } catch is InvalidObjectKey {
            return .unreadable("its key is none")
        }
    }

    private static func finding(_ state: State, _ expected: ExpectedObject) -> VerifyReport.Finding {
        switch state {
        case .sound, .missing: .init(kind: .missing, key: expected.key, what: "the \(expected.place.kind) is not there")
        case .corrupt(let what): .init(kind: .corrupt, key: expected.key, what: what)
        case .unreadable(let what): .init(kind: .unreadable, key: expected.key, what: what)
        }
    }

    /// What was done; nil where nothing could be.
    private func repair(_ expected: ExpectedObject, _ state: State) async throws -> String? {
        if case .unreadable = state { return nil }
        let video = VideoID(expected.place.id)
        switch expected.place.kind {
        case "poster", "preview":
            try await store.makeMediaAgain(of: video, user: expected.place.user)
            return "it will be made again"
        case "video":
            // The spoilt bytes are kept: a few wrong bits of a film are better than none of it.
            if case .corrupt = state { try await keepAside(try ObjectKey(expected.key)) }
            return try await refetched(expected) ? "it was fetched from the upstream again" : nil
        default: return nil
        }
    }

    /// One video that cannot be fetched does not end the walk.
    private func refetched(_ expected: ExpectedObject) async throws -> Bool {
        do { return try await fetchAgain(expected) } catch {
            try Task.checkCancellation()
            throw RefetchFailure(reason: "\(error)")
        }
    }

    private struct RefetchFailure: Error {
        var reason: String
    }

    // MARK: - objects

    private func check(_ page: [ListedObject], _ report: inout VerifyReport) async throws {
        report.objects += page.count
        let old = page.filter { $0.info.modified < youngest(of: $0.key) && $0.key.user != Self.lostAndFound[...] }
        for object in try await unknown(old.map(\.key)) {
            // Once more, one after the other: the row may have been written, or the object removed, meanwhile.
            guard try await !unknown([object]).isEmpty, let info = try await head(object),
                info.modified < youngest(of: object)
            else {
                continue
            }
            var finding = VerifyReport.Finding(
                kind: .orphaned, key: object.description, what: "nothing knows these \(info.bytes) bytes")
            if settings.isRepairing, let (place, copy) = try await keepAside(object) {
                guard try await isStillAstray(object, as: copy) else { continue }
                try await objects.delete(object)
                finding.repair = "it was moved to \(place)"
            }
            report.note(finding)
        }
    }

    /// Whether nothing knows it even now, and what stands there is what was copied: a large object takes a while to copy, in
    /// which its row may be written, or other bytes put in its place. Then the copy stays and hurts nobody.
    private func isStillAstray(_ key: ObjectKey, as copy: ObjectInfo) async throws -> Bool {
        guard try await !unknown([key]).isEmpty, let now = try await head(key) else { return false }
        let hashes = Set([now.sha256, copy.sha256].compactMap(\.self))
        return now.bytes == copy.bytes && hashes.count < 2
    }

    /// What is younger than that may not have its row yet. Pieces of an upload go with it, which has a time of its own; only
    /// what is left long after that is astray.
    private func youngest(of key: ObjectKey) -> Date {
        let isPiece = key.segments.count > 2 && key.segments[1] == "uploads"
        return now().addingTimeInterval(isPiece ? -30 * 86_400 : -settings.grace)
    }

    private func unknown(_ keys: [ObjectKey]) async throws -> [ObjectKey] {
        let known = try await store.knownKeys(among: keys.map(\.description))
        return keys.filter { !known.contains($0.description) }
    }

    private func head(_ key: ObjectKey) async throws -> ObjectInfo? {
        do throws(ObjectStoreError) { return try await objects.head(key) } catch {
            if error == .notFound { return nil }
            throw error
        }
    }

    /// Puts a copy where a person finds it, by the day; nil where the key would become too long.
    @discardableResult
    private func keepAside(_ key: ObjectKey) async throws -> (place: ObjectKey, copy: ObjectInfo)? {
        let day = now().formatted(.iso8601.year().month().day())
        guard let place = try? ObjectKey("\(Self.lostAndFound)/\(day)/\(key)") else { return nil }
        return (place, try await objects.copy(key, to: place))
    }
}
