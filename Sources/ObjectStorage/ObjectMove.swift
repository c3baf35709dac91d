import Crypto
import Foundation

/// Brings every object from one store to another, a few at a time, while both are in use.
///
/// It may be stopped and started again at any moment: an object leaves the old store only when the new one has it, with the
/// same bytes. What is there already is not moved again; where it has other bytes it is newer, so both stay and are named.
public struct ObjectMove: Sendable {
    let former: any ObjectStore
    let current: any ObjectStore
    /// Objects that travel at the same time.
    let atOnce: Int
    /// Whether the old store keeps its objects.
    let isCopy: Bool
    /// Whether anything still needs an object that has left the old store while it was brought over: then another move has
    /// taken it from there, and nobody has deleted it.
    let isNeeded: @Sendable (ObjectKey) async -> Bool

    public init(
        from former: any ObjectStore, to current: any ObjectStore, atOnce: Int = 4, keepingOld isCopy: Bool,
        isNeeded: @escaping @Sendable (ObjectKey) async -> Bool = { _ in false }
    ) {
        (self.former, self.current, self.atOnce, self.isCopy) = (former, current, max(1, atOnce), isCopy)
        self.isNeeded = isNeeded
    }

    public struct Report: Hashable, Sendable {
        /// What was found in the old store at the start.
        public var objects = 0
        public var bytes: Int64 = 0
        /// Brought over, and found to be there already.
        public var moved = 0
        public var movedBytes: Int64 = 0
        public var alreadyThere = 0
        /// Left where they are, each with its reason.
        public var failures: [Failure] = []

        public var done: Int { moved + alreadyThere + failures.count }
    }

    public struct Failure: Hashable, Sendable {
        public var key: ObjectKey
        public var error: ObjectStoreError
    }

    fileprivate enum Fate: Sendable {
        case moved(Int64)
        case alreadyThere, gone
        case failed(ObjectStoreError)
    }

    /// Goes through the old store once. `progress` is told after every object.
    ///
    /// - Throws: when a store cannot be listed; one object's trouble is in the report and does not hold up the others.
    public func run(progress: (Report) -> Void) async throws(ObjectStoreError) -> Report {
        var report = try await count()
        progress(report)
        var last: ObjectKey?
        while true {
            let page = try await former.list(prefix: "", after: last, limit: 500)
            await move(page.map(\.key), &report, progress)
            guard page.count == 500, !Task.isCancelled else { return report }
            last = page.last?.key
        }
    }

    private func count() async throws(ObjectStoreError) -> Report {
        var report = Report()
        var last: ObjectKey?
        while true {
            let page = try await former.list(prefix: "", after: last, limit: 1000)
            report.objects += page.count
            report.bytes += page.reduce(0) { $0 + $1.info.bytes }
            guard page.count == 1000 else { return report }
            last = page.last?.key
        }
    }

    private func move(_ keys: [ObjectKey], _ report: inout Report, _ progress: (Report) -> Void) async {
        await withTaskGroup(of: (ObjectKey, Fate).self) { group in
            for (index, key) in keys.enumerated() where !Task.isCancelled {
                if index >= atOnce, let (key, fate) = await group.next() {
                    report.note(key, fate)
                    progress(report)
                }
                group.addTask { (key, await move(key)) }
            }
            for await (key, fate) in group {
                report.note(key, fate)
                progress(report)
            }
        }
    }

    private func move(_ key: ObjectKey) async -> Fate {
        do throws(ObjectStoreError) {
            let fate = try await bring(key)
            if case .gone = fate { return fate }
            return try await settle(key) ? fate : .gone
        } catch {
            return .failed(error)
        }
    }

    /// Makes the new store have the object.
    private func bring(_ key: ObjectKey) async throws(ObjectStoreError) -> Fate {
        let reader: ObjectReader
        switch await Outcome.of({ () async throws(ObjectStoreError) in try await former.open(key, range: nil) }) {
        case .success(let opened): reader = opened
        case .failure(.notFound): return .gone
        case .failure(let error): throw error
        }
        if let there = try await find(key), let known = reader.info.sha256, there.sha256 != nil {
            return try Self.verdict(there, bytes: reader.info.bytes, known)
        }
        let staged: StagedObject
        do {
            staged = try await current.stage(expecting: reader.count, atMost: .max, body: reader.chunks())
        } catch {
            throw error as? ObjectStoreError ?? .cancelled
        }
        if let hash = reader.info.sha256, hash != staged.sha256 {
            await current.discard(staged)
            throw .corrupted(expected: hash.hex, got: staged.sha256.hex)
        }
        // It may have come while this one was read, or keep no hash.
        if let there = try await find(key) {
            await current.discard(staged)
            return try Self.verdict(try await hashed(key, there), bytes: staged.bytes, staged.sha256)
        }
        _ = try await current.commit(staged, to: key)
        return .moved(staged.bytes)
    }

    private static func verdict(
        _ there: ObjectInfo, bytes: Int64, _ hash: ContentHash
    ) throws(ObjectStoreError) -> Fate {
        guard there.bytes == bytes, there.sha256 == hash else {
            throw .unexpected("the new place has other bytes under this key, which stay; those of the old stay there")
        }
        return .alreadyThere
    }

    /// With its hash, for which it is read where the new store keeps none.
    private func hashed(_ key: ObjectKey, _ there: ObjectInfo) async throws(ObjectStoreError) -> ObjectInfo {
        guard there.sha256 == nil else { return there }
        var hasher = SHA256()
        for try await chunk in try await current.open(key, range: nil).chunks() { hasher.update(data: chunk) }
        return ObjectInfo(bytes: there.bytes, sha256: ContentHash(hasher.finalize()), modified: there.modified)
    }

    /// Lets the old store's object go. Where someone has deleted it meanwhile, the new one must go, too: false. Unless it is
    /// needed: a file too many can be found and removed, and one too few is lost.
    private func settle(_ key: ObjectKey) async throws(ObjectStoreError) -> Bool {
        switch await Outcome.of({ () async throws(ObjectStoreError) in try await former.head(key) }) {
        case .success:
            if !isCopy { try await former.delete(key) }
            return true
        case .failure(.notFound):
            if await isNeeded(key) { return true }
            try await current.delete(key)
            return false
        case .failure(let error): throw error
        }
    }

    private func find(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo? {
        switch await Outcome.of({ () async throws(ObjectStoreError) in try await current.head(key) }) {
        case .success(let info): return info
        case .failure(.notFound): return nil
        case .failure(let error): throw error
        }
    }
}

extension ObjectMove.Report {
    fileprivate mutating func note(_ key: ObjectKey, _ fate: ObjectMove.Fate) {
        switch fate {
        case .moved(let bytes):
            moved += 1
            movedBytes += bytes
        case .alreadyThere: alreadyThere += 1
        case .gone: objects -= 1
        case .failed(let error): failures.append(ObjectMove.Failure(key: key, error: error))
        }
    }
}
