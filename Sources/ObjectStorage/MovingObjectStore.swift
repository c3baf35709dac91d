public import Foundation
public import VideoModels

/// A store whose objects are on their way from a former one: what is new goes to the current store, and what is not there
/// yet is read from the former. `ObjectMove` brings it over, while this serves.
public struct MovingObjectStore: ObjectStore {
    public let current: any ObjectStore
    public let former: any ObjectStore

    public init(from former: any ObjectStore, to current: any ObjectStore) {
        (self.former, self.current) = (former, current)
    }

    public func stage<Body: AsyncSequence>(
        expecting length: Int64?, atMost limit: Int64, body: Body
    ) async throws -> StagedObject where Body.Element == [UInt8] {
        try await current.stage(expecting: length, atMost: limit, body: body)
    }

    public func commit(_ staged: StagedObject, to key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await current.commit(staged, to: key)
    }

    public func discard(_ staged: StagedObject) async { await current.discard(staged) }

    public func open(_ key: ObjectKey, range: Range<Int64>?) async throws(ObjectStoreError) -> ObjectReader {
        try await either { store throws(ObjectStoreError) in try await store.open(key, range: range) }
    }

    public func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await either { store throws(ObjectStoreError) in try await store.head(key) }
    }

    public func localFile(of key: ObjectKey) async throws(ObjectStoreError) -> String {
        try await either { store throws(ObjectStoreError) in try await store.localFile(of: key) }
    }

    public func copy(_ key: ObjectKey, to target: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let copied = await Outcome.of { () async throws(ObjectStoreError) in try await current.copy(key, to: target) }
        guard case .failure(.notFound) = copied else { return try copied.get() }
        let reader = try await former.open(key, range: nil)
        do {
            return try await current.put(target, expecting: reader.count, atMost: .max, body: reader.chunks())
        } catch {
            throw error as? ObjectStoreError ?? .cancelled
        }
    }

    /// The former first: a move that is just bringing the object over looks there once more before it is content.
    public func delete(_ key: ObjectKey) async throws(ObjectStoreError) {
        try await former.delete(key)
        try await current.delete(key)
    }

    /// In the order of keys, in which both stores list those that this product makes.
    public func list(prefix: String, after: ObjectKey?, limit: Int) async throws(ObjectStoreError) -> [ListedObject] {
        let old = try await former.list(prefix: prefix, after: after, limit: limit)
        let new = try await current.list(prefix: prefix, after: after, limit: limit)
        let keys = Set(new.map(\.key))
        return Array((new + old.filter { !keys.contains($0.key) }).sorted { $0.key < $1.key }.prefix(limit))
    }

    /// Nil: an object may still be in the former store, so all are served from here.
    public func temporaryLink(
        to key: ObjectKey, for lifetime: Duration, as presentation: LinkPresentation
    ) -> Redacted<String>? { nil }

    public func freeBytes() async throws(ObjectStoreError) -> Int64 { try await current.freeBytes() }

    /// Of the current store alone: what is new does not depend on the former.
    public func check() async throws(ObjectStoreError) { try await current.check() }

    public func collectRubbish(olderThan moment: Date) async throws(ObjectStoreError) -> Int {
        try await current.collectRubbish(olderThan: moment) + former.collectRubbish(olderThan: moment)
    }

    /// Asks the current store, then the former, and the current again: the object may have moved in between.
    private func either<Value: Sendable>(
        _ ask: (any ObjectStore) async throws(ObjectStoreError) -> Value
    ) async throws(ObjectStoreError) -> Value {
        for store in [current, former] {
            let answer = await Outcome.of { () async throws(ObjectStoreError) in try await ask(store) }
            guard case .failure(.notFound) = answer else { return try answer.get() }
        }
        return try await ask(current)
    }
}
