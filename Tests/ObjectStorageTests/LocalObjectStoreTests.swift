import Foundation
import Testing

@testable import ObjectStorage

@Suite struct LocalObjectStoreTests {
    let key = try! ObjectKey("u/videos/1.mp4")

    @Test func `no error leaves a file behind`() async throws {
        try await withLocalStore { store in
            _ = try? await store.put(key, expecting: 9, body: Chunks([1]))
            _ = try? await store.put(key, body: Chunks([1], failing: Interrupted()))
            _ = try? await store.put(key, atMost: 0, body: Chunks([1]))
            #expect(files(below: store.root) == [])
        }
    }

    @Test func `a length that the disk has no room for is refused before any byte is taken`() async throws {
        try await withLocalStore { store in
            let tooMuch = try await store.freeBytes() + (1 << 30)
            await #expect(throws: ObjectStoreError.noSpace) {
                try await store.put(key, expecting: tooMuch, atMost: .max, body: Chunks(failing: Interrupted()))
            }
            #expect(files(below: store.root) == [])
        }
    }

    @Test func `a store that cannot be made says what is in the way`() async throws {
        try await withTemporaryFolder { folder in
            #expect(throws: ObjectStoreError.missingFolder(path: folder + "/no/store")) {
                try LocalObjectStore(root: folder + "/no/store")
            }
            try Data().write(to: URL(fileURLWithPath: folder + "/file"))
            #expect(throws: ObjectStoreError.foreignFile(path: folder + "/file")) {
                try LocalObjectStore(root: folder + "/file")
            }
            // A file system where even root may not make folders.
            #expect(throws: ObjectStoreError.notWritable(path: "/sys/gondola")) {
                try LocalObjectStore(root: "/sys/gondola")
            }
        }
    }

    @Test func `a folder that vanishes is told apart from an object that is not there`() async throws {
        try await withLocalStore { store in
            try FileManager.default.removeItem(atPath: store.root)
            await #expect(throws: ObjectStoreError.missingFolder(path: store.staging.folder)) {
                try await store.put(key, body: Chunks([1]))
            }
        }
    }

    @Test func `a foreign thing in the way is named and not touched`() async throws {
        try await withLocalStore { store in
            let path = store.path(of: key)
            try FileManager.default.createDirectory(atPath: path + "/mine", withIntermediateDirectories: true)
            let error = ObjectStoreError.foreignFile(path: path)
            await #expect(throws: error) { try await store.put(key, body: Chunks([1])) }
            await #expect(throws: error) { try await store.open(key, range: nil) }
            await #expect(throws: error) { try await store.head(key) }
            await #expect(throws: error) { try await store.delete(key) }
            #expect(isFolder(path + "/mine"))
            #expect(files(below: store.root) == [])
        }
    }

    @Test func `a file where a folder must be is foreign`() async throws {
        try await withLocalStore { store in
            _ = try await store.put(ObjectKey("u/videos"), body: Chunks([1]))
            let path = store.path(of: try ObjectKey("u/videos"))
            await #expect(throws: ObjectStoreError.foreignFile(path: path)) {
                try await store.put(key, body: Chunks([2]))
            }
            #expect(try await store.open(ObjectKey("u/videos"), range: nil).all() == [1])
        }
    }

    @Test func `neither a link nor a pipe is read as an object`() async throws {
        try await withLocalStore { store in
            _ = try await store.put(key, body: Chunks([1]))
            let (link, pipe) = (try ObjectKey("u/videos/link"), try ObjectKey("u/videos/pipe"))
            try FileManager.default.createSymbolicLink(
                atPath: store.path(of: link), withDestinationPath: store.path(of: key))
            #expect(mkfifo(store.path(of: pipe), 0o600) == 0)
            for foreign in [link, pipe] {
                await #expect(throws: ObjectStoreError.foreignFile(path: store.path(of: foreign))) {
                    try await store.open(foreign, range: nil)
                }
            }
            #expect(try await store.list(prefix: "", after: nil, limit: 9).map(\.key) == [key])
        }
    }

    @Test func `rubbish is what was staged before the moment, and never an object`() async throws {
        try await withLocalStore { store in
            let kept = try await store.put(key, body: Chunks([1]))
            let staged = try await store.stage(expecting: nil, atMost: 9, body: Chunks([2]))
            #expect(try await store.collectRubbish(olderThan: kept.modified.addingTimeInterval(-60)) == 0)
            #expect(try await store.collectRubbish(olderThan: Date(timeIntervalSinceNow: 60)) == 1)
            #expect(!FileManager.default.fileExists(atPath: staged.path))
            await #expect(throws: ObjectStoreError.self) { try await store.commit(staged, to: key) }
            #expect(try await store.open(key, range: nil).all() == [1])
        }
    }

    @Test func `an object that shares older bytes is as new as itself, and what is on its way is no rubbish`()
        async throws
    {
        try await withLocalStore { store in
            _ = try await store.put(key, body: Chunks([1, 2, 3]))
            let old = Date(timeIntervalSinceNow: -1_000_000)
            try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: store.path(of: key))
            let again = try ObjectKey("u/videos/again")
            _ = try await store.put(again, body: Chunks([1, 2, 3]))
            let hour = Date(timeIntervalSinceNow: -3600)
            #expect(try await store.head(again).modified > hour)
            #expect(try await store.list(prefix: "u/videos/again", after: nil, limit: 1)[0].info.modified > hour)
            // As the store does it while it gives an object its place.
            #expect(link(store.path(of: key), store.staging.newPath()) == 0)
            #expect(try await store.collectRubbish(olderThan: hour) == 0)
        }
    }

    @Test func `files are closed and private`() async throws {
        try await withLocalStore { store in
            _ = try await store.put(key, body: Chunks([1]))
            var status = stat()
            #expect(stat(store.path(of: key), &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            var reader: ObjectReader? = try await store.open(key, range: nil)
            let descriptor = try #require(reader?.file?.descriptor)
            #expect(try openFiles(under: store.root).contains(descriptor))
            reader = nil
            #expect(try openFiles(under: store.root).isEmpty)
        }
    }

    @Test func `objects of one user with the same bytes share a file, and it goes with the last of them`() async throws
    {
        try await withLocalStore { store in
            let keys = try ["u/1", "u/2", "u/deep/3", "other/1"].map { try ObjectKey($0) }
            for key in keys { _ = try await store.put(key, body: Chunks([1, 2, 3])) }
            let files = try keys.map { try inode(store.path(of: $0)) }
            #expect(files[0] == files[1] && files[1] == files[2])
            #expect(files[3] != files[0])
            for key in keys { #expect(try await store.head(key).sha256 == ContentHash(of: [1, 2, 3])) }
            _ = try await store.put(keys[1], body: Chunks([4]))
            #expect(try await store.open(keys[0], range: nil).all() == [1, 2, 3])
            for key in keys { try await store.delete(key) }
            #expect(ObjectStorageTests.files(below: store.root) == [])
        }
    }

    @Test func `a shared file that the disk has spoilt is not shared, and the new bytes are kept`() async throws {
        try await withLocalStore { store in
            let (first, second) = (try ObjectKey("u/1"), try ObjectKey("u/2"))
            _ = try await store.put(first, body: Chunks([1, 2, 3]))
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: store.path(of: first)))
            try file.write(contentsOf: Data([9]))
            try file.close()
            _ = try await store.put(second, body: Chunks([1, 2, 3]))
            #expect(try await store.open(second, range: nil).all() == [1, 2, 3])
            // And it is shared from now on.
            let third = try ObjectKey("u/3")
            _ = try await store.put(third, body: Chunks([1, 2, 3]))
            #expect(try inode(store.path(of: third)) == inode(store.path(of: second)))
        }
    }

    private func inode(_ path: String) throws -> UInt64 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw POSIXError(.ENOENT) }
        return UInt64(status.st_ino)
    }

    @Test func `a store whose folder is gone says so when it is asked how it is`() async throws {
        try await withLocalStore { store in
            try await store.check()
            try FileManager.default.removeItem(atPath: store.objects)
            await #expect(throws: ObjectStoreError.missingFolder(path: store.objects)) { try await store.check() }
        }
    }

    private func openFiles(under folder: String) throws -> [Int32] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap(Int32.init).filter {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.hasPrefix(folder)
                ?? false
        }
    }
}
