import Foundation
import Testing

@testable import ObjectStorage

@Suite struct FastStartTests {
    private func types(_ bytes: [UInt8]) throws -> [String] {
        var walk = BoxWalk(source: ByteSource(bytes: bytes))
        var types: [String] = []
        try walk.children(of: 0..<Int64(bytes.count), isTopLevel: true) { (_, box) throws(VideoFileError) in
            types.append(box.type)
        }
        return types
    }

    private func moved(_ bytes: [UInt8]) throws -> [UInt8]? {
        let source = ByteSource(bytes: bytes)
        guard let plan = try FastStart(source) else { return nil }
        let new = plan.pieces.flatMap { piece in
            switch piece {
            case .bytes(let bytes): bytes
            case .range(let range): Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
            }
        }
        #expect(try plan.isFulfilled(source, ByteSource(bytes: new)))
        return new
    }

    /// What ffmpeg makes of every packet of a file: stream, times, size and hash.
    private func packets(_ bytes: [UInt8]) throws -> String {
        let path = NSTemporaryDirectory() + "gondola-packets-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let output = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: output) }
        process.arguments = [
            "ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0", "-c", "copy", "-f", "framehash",
        ]
        process.arguments? += [output.path]
        try process.run()
        process.waitUntilExit()
        return try String(contentsOf: output, encoding: .utf8)
    }

    @Test(arguments: [SampleVideo.plain, .quickTime, .silent])
    func `the index comes to the front, and every sample stays what it was`(_ sample: SampleVideo) throws {
        let old = sample.bytes
        let new = try #require(try moved(old))
        let order = try types(new)
        #expect(order.prefix(2) == ["ftyp", "moov"])
        #expect(try types(old).filter { $0 != "moov" } == order.filter { $0 != "moov" })
        #expect(new.count == old.count)
        #expect(try packets(new) == packets(old))
        #expect(try moved(new) == nil)
    }

    @Test(arguments: [
        SampleVideo.fastStart, .fragmented, .unmarkedFragments, .indexedFragments, .segments,
    ])
    func `what is in front already, or in fragments, stays as it is`(_ sample: SampleVideo) throws {
        #expect(try moved(sample.bytes) == nil)
    }

    @Test func `samples behind the index keep their places`() throws {
        // A second, empty `mdat` and a `free` box behind the index.
        let tail: [UInt8] = [0, 0, 0, 12] + Array("free".utf8) + [1, 2, 3, 4]
        let old = SampleVideo.plain.bytes + tail
        let new = try #require(try moved(old))
        #expect(try types(new).last == "free")
        #expect(try packets(new) == packets(old))
    }

    @Test(arguments: ["mvex", "saio", "iloc", "cmov"])
    func `an index that mentions what may point elsewhere is left alone`(_ type: String) throws {
        let bytes = SampleVideo.plain.bytes
        let index = try #require(bytes.firstRange(of: Array("udta".utf8)))
        #expect(try moved(bytes.replacing(index, with: type)) == nil)
    }

    @Test func `an offset that points outside the media, or would not fit any more, is left alone`() throws {
        let bytes = SampleVideo.plain.bytes
        let table = try #require(bytes.firstRange(of: Array("stco".utf8))).upperBound
        for offset in [UInt32(4), UInt32(bytes.count) + 5, .max] {
            var broken = bytes
            withUnsafeBytes(of: offset.bigEndian) { broken.replaceSubrange(table + 8..<table + 12, with: $0) }
            #expect(try moved(broken) == nil)
        }
    }

    @Test func `a file of very many parts is left alone: it could keep its checker busy for hours`() throws {
        let empty: [UInt8] = [0, 0, 0, 8] + Array("mdat".utf8)
        let bytes = SampleVideo.plain.bytes
        #expect(try moved(bytes + (1..<64).flatMap { _ in empty }) != nil)
        #expect(try moved(bytes + (1..<65).flatMap { _ in empty }) == nil)
    }

    @Test func `a frame rate that no video has is not told`() throws {
        let bytes = SampleVideo.silent.bytes
        let header = try #require(bytes.firstRange(of: Array("mdhd".utf8))).upperBound
        // One unit a second, and as many of them as fit: the samples of years.
        for (scale, units) in [(UInt32(1), UInt32.max - 1), (1_000_000_000, 1)] {
            var odd = bytes
            withUnsafeBytes(of: scale.bigEndian) { odd.replaceSubrange(header + 12..<header + 16, with: $0) }
            withUnsafeBytes(of: units.bigEndian) { odd.replaceSubrange(header + 16..<header + 20, with: $0) }
            #expect(try VideoFileCheck.facts(of: ByteSource(bytes: odd)).frameRate == nil)
        }
    }

    @Test func `samples in another file are left alone`() throws {
        let bytes = SampleVideo.plain.bytes
        let url = try #require(bytes.firstRange(of: Array("url ".utf8))).upperBound
        var broken = bytes
        broken[url + 3] = 0
        #expect(try moved(broken) == nil)
    }

    @Test func `a file whose every byte is changed in turn is moved rightly or not at all, and never crashes`() throws {
        let bytes = SampleVideo.silent.bytes
        let index = try #require(bytes.firstRange(of: Array("moov".utf8))).lowerBound - 4
        for place in index..<bytes.count {
            var broken = bytes
            broken[place] ^= 0xff
            let source = ByteSource(bytes: broken)
            guard let plan = try? FastStart(source) else { continue }
            let new = plan.pieces.flatMap { piece in
                switch piece {
                case .bytes(let bytes): bytes
                case .range(let range): Array(broken[Int(range.lowerBound)..<Int(range.upperBound)])
                }
            }
            #expect(new.count == broken.count)
        }
    }

    @Test func `a store stages the moved file beside the old one, and keeps the old where it cannot`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gondola-faststart-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try LocalObjectStore(root: folder.path)
        func stage(_ bytes: [UInt8]) async throws -> StagedObject {
            let body = AsyncStream<[UInt8]> {
                $0.yield(bytes)
                $0.finish()
            }
            return try await store.stage(expecting: nil, atMost: 1 << 30, body: body)
        }
        let plain = try await stage(SampleVideo.plain.bytes)
        let moved = try #require(try await store.stagedFastStart(of: plain))
        #expect(moved.bytes == plain.bytes)
        #expect(moved.sha256 != plain.sha256)
        #expect(FileManager.default.fileExists(atPath: plain.path))
        for bytes in [SampleVideo.fastStart.bytes, SampleVideo.fragmented.bytes, Array("no video".utf8), []] {
            let staged = try await stage(bytes)
            #expect(try await store.stagedFastStart(of: staged) == nil)
        }
    }

    @Test func `the box reader knows codecs and the frame rate`() throws {
        let facts = try VideoFileCheck.facts(of: ByteSource(bytes: SampleVideo.plain.bytes))
        #expect(facts.videoCodec == "mpeg4")
        #expect(facts.audioCodec == "aac")
        #expect(facts.frameRate == 10)
        let silent = try VideoFileCheck.facts(of: ByteSource(bytes: SampleVideo.silent.bytes))
        #expect(silent.audioCodec == nil)
    }
}

extension [UInt8] {
    fileprivate func replacing(_ range: Range<Int>, with text: String) -> [UInt8] {
        var copy = self
        copy.replaceSubrange(range, with: text.utf8)
        return copy
    }
}
