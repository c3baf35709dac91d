import Foundation
import Testing

@testable import ObjectStorage

/// The stores that must all behave the same. A new conformer is one more case.
enum TestedStore: CaseIterable, CustomTestStringConvertible {
    case local, s3

    var testDescription: String { "\(self)" }

    func with(_ body: (any ObjectStore) async throws -> Void) async throws {
        switch self {
        case .local: try await withLocalStore { try await body($0) }
        case .s3: try await withS3Store { try await body($0) }
        }
    }
}

/// What the seam promises, whatever stands behind it.
@Suite struct ObjectStoreConformanceTests {
    @Test(arguments: TestedStore.allCases)
    func `what was put is read back with its length and hash`(kind: TestedStore) async throws {
        var random = SeededGenerator(state: 1)
        let bytes = random.bytes(1_000_003)
        try await kind.with { store in
            let key = try ObjectKey("u/videos/1.mp4")
            let info = try await store.put(key, expecting: Int64(bytes.count), body: Chunks(bytes, pieces: 16_384))
            #expect(info.bytes == Int64(bytes.count))
            #expect(info.sha256 == ContentHash(of: bytes))
            #expect(try await store.head(key).bytes == info.bytes)
            #expect(try await store.head(key).sha256 == info.sha256)
            #expect(try await store.open(key, range: nil).all(of: 70_001) == bytes)
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `an empty body and a body of unknown length are objects, too`(kind: TestedStore) async throws {
        try await kind.with { store in
            let empty = try await store.put(ObjectKey("u/empty"), body: Chunks())
            #expect(empty.bytes == 0)
            let some = try await store.put(ObjectKey("u/some"), body: Chunks([1], [], [2, 3]))
            #expect(some.sha256 == ContentHash(of: [1, 2, 3]))
            #expect(try await store.open(ObjectKey("u/empty"), range: nil).all() == [])
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `a range is cut to the object`(kind: TestedStore) async throws {
        try await kind.with { store in
            let key = try ObjectKey("u/v")
            _ = try await store.put(key, body: Chunks(Array(0..<100)))
            for (asked, got) in [(10..<20, 10..<20), (90..<200, 90..<100), (100..<101, 100..<100), (0..<0, 0..<0)] {
                let reader = try await store.open(key, range: Int64(asked.lowerBound)..<Int64(asked.upperBound))
                #expect(try await reader.all(of: 3) == got.map { UInt8($0) })
                #expect(reader.count == Int64(got.count))
                #expect(reader.info.bytes == 100)
            }
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `a staged object is invisible until it is committed`(kind: TestedStore) async throws {
        try await kind.with { store in
            let key = try ObjectKey("u/v")
            let staged = try await store.stage(expecting: 3, atMost: 10, body: Chunks([1, 2, 3]))
            #expect(FileManager.default.contents(atPath: staged.path) == Data([1, 2, 3]))
            #expect(try await store.list(prefix: "", after: nil, limit: 10).isEmpty)
            await #expect(throws: ObjectStoreError.notFound) { try await store.head(key) }
            #expect(try await store.commit(staged, to: key).sha256 == staged.sha256)
            #expect(try await store.head(key).bytes == 3)
            #expect(!FileManager.default.fileExists(atPath: staged.path))
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `a discarded object leaves nothing`(kind: TestedStore) async throws {
        try await kind.with { store in
            let staged = try await store.stage(expecting: nil, atMost: 10, body: Chunks([1]))
            await store.discard(staged)
            await store.discard(staged)
            #expect(!FileManager.default.fileExists(atPath: staged.path))
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `a body that is too short, too long or fails leaves what was there before`(kind: TestedStore) async throws {
        try await kind.with { store in
            let key = try ObjectKey("u/v")
            _ = try await store.put(key, body: Chunks([7]))
            await #expect(throws: ObjectStoreError.truncated(expected: 4, got: 3)) {
                try await store.put(key, expecting: 4, body: Chunks([1, 2, 3]))
            }
            await #expect(throws: ObjectStoreError.tooLarge(limit: 2)) {
                try await store.put(key, expecting: 2, body: Chunks([1, 2, 3]))
            }
            await #expect(throws: ObjectStoreError.tooLarge(limit: 2)) {
                try await store.put(key, atMost: 2, body: Chunks([1, 2, 3]))
            }
            await #expect(throws: Interrupted()) {
                try await store.put(key, body: Chunks([1, 2, 3], failing: Interrupted()))
            }
            #expect(try await store.open(key, range: nil).all() == [7])
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `a cancelled put stores nothing`(kind: TestedStore) async throws {
        try await kind.with { store in
            let key = try ObjectKey("u/v")
            let (body, feed) = AsyncStream.makeStream(of: [UInt8].self)
            feed.yield([1])
            let put = Task { try await store.put(key, body: body) }
            put.cancel()
            await #expect(throws: CancellationError.self) { try await put.value }
            await #expect(throws: ObjectStoreError.notFound) { try await store.head(key) }
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `putting again replaces, and a reader never mixes what it opened with what came after`(
        kind: TestedStore
    ) async throws {
        try await kind.with { store in
            let key = try ObjectKey("u/v")
            _ = try await store.put(key, body: Chunks([1, 1]))
            let before = try await store.open(key, range: nil)
            _ = try await store.put(key, body: Chunks([2, 2]))
            #expect(try await store.open(key, range: nil).all() == [2, 2])
            switch kind {
            case .local: #expect(try await before.all() == [1, 1])
            case .s3: await #expect(throws: ObjectStoreError.changed) { try await before.all() }
            }
            let after = try await store.open(key, range: nil)
            try await store.delete(key)
            switch kind {
            case .local: #expect(try await after.all() == [2, 2])
            case .s3: await #expect(throws: ObjectStoreError.notFound) { try await after.all() }
            }
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `a copy has the same bytes, and neither needs the other`(kind: TestedStore) async throws {
        try await kind.with { store in
            let (first, second) = (try ObjectKey("u/videos/1"), try ObjectKey("u/kept/deep/2"))
            let put = try await store.put(first, body: Chunks([1, 2, 3]))
            _ = try await store.put(second, body: Chunks([9]))
            let copy = try await store.copy(first, to: second)
            #expect(copy.bytes == 3 && copy.sha256 == put.sha256)
            try await store.delete(first)
            #expect(try await store.open(second, range: nil).all() == [1, 2, 3])
            await #expect(throws: ObjectStoreError.notFound) { try await store.copy(first, to: second) }
            #expect(try await store.open(second, range: nil).all() == [1, 2, 3])
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `two objects of one user with the same bytes live and go apart`(kind: TestedStore) async throws {
        try await kind.with { store in
            let keys = try (0..<3).map { try ObjectKey("u/v\($0)") }
            for key in keys { _ = try await store.put(key, body: Chunks([5, 5])) }
            for (index, key) in keys.enumerated() {
                try await store.delete(key)
                for rest in keys[(index + 1)...] { #expect(try await store.open(rest, range: nil).all() == [5, 5]) }
            }
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `a file of the object can be had on this machine`(kind: TestedStore) async throws {
        try await kind.with { store in
            let key = try ObjectKey("u/assets/a")
            _ = try await store.put(key, body: Chunks([4, 2]))
            for _ in 0..<2 {
                let path = try await store.localFile(of: key)
                #expect(FileManager.default.contents(atPath: path) == Data([4, 2]))
            }
            await #expect(throws: ObjectStoreError.notFound) { try await store.localFile(of: ObjectKey("u/assets/b")) }
            try await store.check()
            #expect(try await store.freeBytes() > 0)
        }
    }

    @Test(arguments: TestedStore.allCases)
    func `deleting removes one object, and deleting nothing is fine`(kind: TestedStore) async throws {
        try await kind.with { store in
            let (gone, stays) = (try ObjectKey("u/a"), try ObjectKey("u/b"))
            _ = try await store.put(gone, body: Chunks([1]))
            _ = try await store.put(stays, body: Chunks([2]))
            try await store.delete(gone)
            try await store.delete(gone)
            try await store.delete(ObjectKey("nobody/ever/was"))
            await #expect(throws: ObjectStoreError.notFound) { try await store.open(gone, range: nil) }
            #expect(try await store.head(stays).bytes == 1)
        }
    }

    /// A local store lists in the order of bytes; SeaweedFS goes folder by folder.
    @Test(arguments: TestedStore.allCases)
    func `listing pages through everything, each key once, in one order`(kind: TestedStore) async throws {
        let names = ["a-b/x", "a/b-c", "a/b/1", "a/b/2", "a/b0", "a/c", "a0/z", "b/deep/er/still/x", "zz/1"]
        try await kind.with { store in
            for name in names.shuffled() { _ = try await store.put(ObjectKey(name), body: Chunks([1])) }
            let order = try await list(store, prefix: "", pagesOf: 1000)
            #expect(kind == .local ? order == names : order.sorted() == names.sorted())
            for size in 1...names.count + 1 {
                #expect(try await list(store, prefix: "", pagesOf: size) == order)
            }
            for prefix in ["a", "a/", "a/b", "a/b/", "b/deep/er/", "zz/1", "zz/12", "x", "../", "a//"] {
                #expect(try await list(store, prefix: prefix, pagesOf: 2) == order.filter { $0.hasPrefix(prefix) })
            }
        }
    }

    private func list(_ store: any ObjectStore, prefix: String, pagesOf size: Int) async throws -> [String] {
        var found: [ListedObject] = []
        while true {
            let page = try await store.list(prefix: prefix, after: found.last?.key, limit: size)
            found += page
            if page.count < size { return found.map(\.key.description) }
        }
    }
}
