import Foundation
import TestSupport
import Testing
import VideoModels

@testable import ObjectStorage

/// Objects that change their place while they are in use.
@Suite struct ObjectMoveTests {
    private func withBoth(_ body: (LocalObjectStore, S3ObjectStore) async throws -> Void) async throws {
        try await withLocalStore { local in try await withS3Store { s3 in try await body(local, s3) } }
    }

    private func fill(_ store: any ObjectStore, _ count: Int) async throws -> [ObjectKey: [UInt8]] {
        var contents: [ObjectKey: [UInt8]] = [:]
        for number in 0..<count {
            let key = try ObjectKey("u\(number % 3)/videos/\(number)")
            contents[key] = [UInt8](repeating: UInt8(number), count: 100 * number)
            _ = try await store.put(key, body: Chunks(contents[key]!))
        }
        return contents
    }

    private func contents(of store: any ObjectStore) async throws -> [ObjectKey: [UInt8]] {
        var contents: [ObjectKey: [UInt8]] = [:]
        for object in try await store.list(prefix: "", after: nil, limit: 1000) {
            contents[object.key] = try await store.open(object.key, range: nil).all()
        }
        return contents
    }

    @Test func `everything goes to a bucket and back, and is told as it goes`() async throws {
        try await withBoth { local, s3 in
            let all = try await fill(local, 12)
            var told: [Int] = []
            let there = try await ObjectMove(from: local, to: s3, keepingOld: false).run { told.append($0.done) }
            #expect(told == Array(0...12))
            #expect(there.moved == 12 && there.objects == 12 && there.failures.isEmpty)
            #expect(there.movedBytes == there.bytes)
            #expect(try await contents(of: s3) == all)
            #expect(files(below: local.root) == [])
            let back = try await ObjectMove(from: s3, to: local, keepingOld: false).run { _ in }
            #expect(back.moved == 12)
            #expect(try await contents(of: local) == all)
            #expect(try await s3.list(prefix: "", after: nil, limit: 9).isEmpty)
        }
    }

    @Test func `a move that was broken off goes on, and moves nothing twice`() async throws {
        try await withBoth { local, s3 in
            let all = try await fill(local, 12)
            let first = Task {
                try await ObjectMove(from: local, to: s3, atOnce: 1, keepingOld: false).run { report in
                    if report.done == 5 { withUnsafeCurrentTask { $0?.cancel() } }
                }
            }
            let begun = try? await first.value.moved
            // One object between the two, as a kill would leave it: in the new place and still in the old.
            let rest = try await local.list(prefix: "", after: nil, limit: 100)
            #expect(rest.count < 12 && rest.count > 0 && begun ?? 0 < 12)
            let between = try #require(rest.first?.key)
            _ = try await s3.put(between, body: Chunks(all[between]!))
            let second = try await ObjectMove(from: local, to: s3, keepingOld: false).run { _ in }
            #expect(second.alreadyThere == 1 && second.moved == rest.count - 1 && second.failures.isEmpty)
            #expect(try await contents(of: s3) == all)
            #expect(files(below: local.root) == [])
        }
    }

    @Test func `a copy leaves the old place as it is, and another one finds nothing to do`() async throws {
        try await withBoth { local, s3 in
            let all = try await fill(local, 4)
            #expect(try await ObjectMove(from: local, to: s3, keepingOld: true).run { _ in }.moved == 4)
            let again = try await ObjectMove(from: local, to: s3, keepingOld: true).run { _ in }
            #expect(again.moved == 0 && again.alreadyThere == 4)
            #expect(try await contents(of: local) == all)
        }
    }

    @Test func `an object that the disk has spoilt stays where it is and is named, and the others go`() async throws {
        try await withBoth { local, s3 in
            let all = try await fill(local, 4)
            let spoilt = try ObjectKey("u2/videos/2")
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: local.path(of: spoilt)))
            try file.write(contentsOf: Data([9]))
            try file.close()
            let report = try await ObjectMove(from: local, to: s3, keepingOld: false).run { _ in }
            #expect(report.moved == 3 && report.failures.map(\.key) == [spoilt])
            guard case .corrupted = report.failures.first?.error else { throw ObjectStoreError.cancelled }
            #expect(try await local.list(prefix: "", after: nil, limit: 9).map(\.key) == [spoilt])
            #expect(try await contents(of: s3) == all.filter { $0.key != spoilt })
        }
    }

    @Test func `what the new place has already stays, and both are kept where they differ`() async throws {
        try await withBoth { local, s3 in
            var newer = try await fill(local, 4)
            let key = try ObjectKey("u2/videos/2")
            newer[key] = [7, 7]
            _ = try await s3.put(key, body: Chunks([7, 7]))
            // The hash tells where the length does not, also where it has to be computed.
            let (same, unhashed) = (try ObjectKey("u0/videos/3"), try ObjectKey("u1/videos/1"))
            newer[same] = .init(repeating: 8, count: 300)
            _ = try await s3.put(same, body: Chunks(newer[same]!))
            let old = newer[unhashed]!
            newer[unhashed] = .init(repeating: 9, count: 100)
            _ = try await s3.put(unhashed, body: Chunks(newer[unhashed]!))
            // The same bytes in a file that somebody else has written.
            unlink(local.path(of: unhashed))
            #expect(FileManager.default.createFile(atPath: local.path(of: unhashed), contents: Data(old)))
            let report = try await ObjectMove(from: local, to: s3, keepingOld: false).run { _ in }
            #expect(Set(report.failures.map(\.key)) == [key, same, unhashed] && report.moved == 1)
            #expect(try await contents(of: s3) == newer)
            #expect(try await local.list(prefix: "", after: nil, limit: 9).count == 3)
        }
    }

    @Test func `while objects move, all of them can be read, and what is new goes to the new place`() async throws {
        try await withBoth { local, s3 in
            var all = try await fill(local, 9)
            let both = MovingObjectStore(from: local, to: s3)
            let fresh = try ObjectKey("u0/videos/new")
            all[fresh] = [1, 2, 3]
            _ = try await both.put(fresh, body: Chunks([1, 2, 3]))
            #expect(try await s3.head(fresh).bytes == 3)
            var half = 0
            _ = try await ObjectMove(from: local, to: s3, keepingOld: false).run { report in half = report.done }
            #expect(half == 9)
            _ = try await local.put(try ObjectKey("u1/videos/1"), body: Chunks(all[try ObjectKey("u1/videos/1")]!))
            #expect(try await contents(of: both) == all)
            for (key, bytes) in all {
                #expect(try await both.head(key).bytes == Int64(bytes.count))
                let path = try await both.localFile(of: key)
                #expect(FileManager.default.contents(atPath: path) == Data(bytes))
            }
            try await both.delete(try ObjectKey("u1/videos/1"))
            await #expect(throws: ObjectStoreError.notFound) { try await both.head(ObjectKey("u1/videos/1")) }
        }
    }

    @Test func `an object that is deleted while it moves does not come back`() async throws {
        try await withLocalStore { old in
            try await withLocalStore { new in
                let key = try ObjectKey("u/v")
                _ = try await old.put(key, body: Chunks([1]))
                // At the last moment: the bytes are in the new place, and the old one is about to be looked at again.
                let current = DeletingStore(new, old)
                let report = try await ObjectMove(from: old, to: current, keepingOld: false).run { _ in }
                #expect(report.moved == 0 && report.objects == 0 && report.failures.isEmpty)
                await #expect(throws: ObjectStoreError.notFound) { try await new.head(key) }
            }
        }
    }
}

/// A store in which every object is deleted from the other as soon as it is committed here.
private struct DeletingStore: ObjectStore {
    let store: LocalObjectStore
    let other: LocalObjectStore

    init(_ store: LocalObjectStore, _ other: LocalObjectStore) { (self.store, self.other) = (store, other) }

    func commit(_ staged: StagedObject, to key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let info = try await store.commit(staged, to: key)
        try await other.delete(key)
        return info
    }

    func stage<Body: AsyncSequence>(
        expecting length: Int64?, atMost limit: Int64, body: Body
    ) async throws -> StagedObject where Body.Element == [UInt8] {
        try await store.stage(expecting: length, atMost: limit, body: body)
    }
    func discard(_ staged: StagedObject) async { await store.discard(staged) }
    func open(_ key: ObjectKey, range: Range<Int64>?) async throws(ObjectStoreError) -> ObjectReader {
        try await store.open(key, range: range)
    }
    func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo { try await store.head(key) }
    func copy(_ key: ObjectKey, to target: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await store.copy(key, to: target)
    }
    func delete(_ key: ObjectKey) async throws(ObjectStoreError) { try await store.delete(key) }
    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(ObjectStoreError) -> [ListedObject] {
        try await store.list(prefix: prefix, after: after, limit: limit)
    }
    func localFile(of key: ObjectKey) async throws(ObjectStoreError) -> String { try await store.localFile(of: key) }
    func temporaryLink(
        to key: ObjectKey, for lifetime: Duration, as presentation: LinkPresentation
    ) -> Redacted<String>? { nil }
    func freeBytes() async throws(ObjectStoreError) -> Int64 { try await store.freeBytes() }
    func check() async throws(ObjectStoreError) { try await store.check() }
    func collectRubbish(olderThan moment: Date) async throws(ObjectStoreError) -> Int {
        try await store.collectRubbish(olderThan: moment)
    }
}
