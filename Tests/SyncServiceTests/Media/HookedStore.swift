import Foundation
import ObjectStorage
import VideoModels

@testable import SyncService

/// A store in which something happens at a certain moment, or does not work.
struct HookedStore: ObjectStore {
    let inner: LocalObjectStore
    /// Before a staged object gets its key; an error is the commit's.
    var beforeCommit: @Sendable (ObjectKey) async throws -> Void = { _ in }
    var afterCopy: @Sendable (ObjectKey) async throws -> Void = { _ in }

    var beforeOpen: @Sendable (ObjectKey) async throws -> Void = { _ in }

    init(_ inner: LocalObjectStore) { self.inner = inner }

    func commit(_ staged: StagedObject, to key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        do { try await beforeCommit(key) } catch {
            await inner.discard(staged)
            throw error as? ObjectStoreError ?? .unexpected("\(error)")
        }
        return try await inner.commit(staged, to: key)
    }

    func copy(_ key: ObjectKey, to target: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let info = try await inner.copy(key, to: target)
        do { try await afterCopy(key) } catch { throw .unexpected("\(error)") }
        return info
    }

    func stage<Body: AsyncSequence>(
        expecting length: Int64?, atMost limit: Int64, body: Body
    ) async throws -> StagedObject where Body.Element == [UInt8] {
        try await inner.stage(expecting: length, atMost: limit, body: body)
    }
    func discard(_ staged: StagedObject) async { await inner.discard(staged) }
    func open(_ key: ObjectKey, range: Range<Int64>?) async throws(ObjectStoreError) -> ObjectReader {
        do { try await beforeOpen(key) } catch { throw error as? ObjectStoreError ?? .unexpected("\(error)") }
        return try await inner.open(key, range: range)
    }
    func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo { try await inner.head(key) }
    func delete(_ key: ObjectKey) async throws(ObjectStoreError) { try await inner.delete(key) }
    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(ObjectStoreError) -> [ListedObject] {
        try await inner.list(prefix: prefix, after: after, limit: limit)
    }
    func localFile(of key: ObjectKey) async throws(ObjectStoreError) -> String { try await inner.localFile(of: key) }
    func temporaryLink(
        to key: ObjectKey, for lifetime: Duration, as presentation: LinkPresentation
    ) -> Redacted<String>? { nil }
    func freeBytes() async throws(ObjectStoreError) -> Int64 { try await inner.freeBytes() }
    func check() async throws(ObjectStoreError) { try await inner.check() }
    func collectRubbish(olderThan moment: Date) async throws(ObjectStoreError) -> Int { 0 }
}

extension LocalObjectStore {
    /// What is on its way to an object.
    var stagedFiles: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: root + "/staging") }
    }
}
