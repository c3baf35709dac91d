import Foundation
import Testing

@testable import ObjectStorage

@Suite struct VideoFileCheckTests {
    private func facts(_ bytes: [UInt8]) throws(VideoFileError) -> VideoFacts {
        try VideoFileCheck.facts(of: ByteSource(bytes: bytes))
    }

    @Test(arguments: SampleVideo.allCases)
    func `a whole video is read`(video: SampleVideo) throws {
        let facts = try facts(video.bytes)
        #expect((facts.width, facts.height) == (192, 108))
        #expect(facts.hasSound == (video != .silent))
        #expect(facts.brand == (video == .quickTime ? "qt  " : "isom"))
        if let seconds = facts.durationSeconds { #expect(abs(seconds - 1.5) < 0.1) }
        #expect((facts.durationSeconds == nil) == (video == .fragmented))
    }

    @Test func `a file on disk is read, and one that is not there says so`() async throws {
        try await withTemporaryFolder { folder in
            try Data(SampleVideo.plain.bytes).write(to: URL(fileURLWithPath: folder + "/v"))
            let facts = try await VideoFileCheck.facts(ofFileAt: folder + "/v")
            #expect(facts.width == 192)
            await #expect(throws: VideoFileError.unreadable(.notFound)) {
                try await VideoFileCheck.facts(ofFileAt: folder + "/w")
            }
        }
    }

    @Test(arguments: SampleVideo.allCases.filter { $0 != .fragmented })
    func `a video that is cut anywhere is refused`(video: SampleVideo) {
        let bytes = video.bytes
        var random = SeededGenerator(state: 2)
        let boundaries = [0, 1, 7, 8, 9, 31, 32, 33, bytes.count - 8, bytes.count - 1]
        for end in boundaries + (0..<500).map({ _ in Int.random(in: 0..<bytes.count, using: &random) }) {
            #expect(throws: VideoFileError.self, "cut at \(end)") { try facts(Array(bytes[..<end])) }
        }
    }

    @Test func `a cut is told from other damage`() {
        let bytes = SampleVideo.fastStart.bytes
        #expect(throws: VideoFileError.truncated(needed: Int64(bytes.count), length: Int64(bytes.count - 100))) {
            try facts(Array(bytes.dropLast(100)))
        }
        #expect(throws: VideoFileError.empty) { try facts([]) }
        #expect(throws: VideoFileError.notAVideo) { try facts(Array("<html>Bad gateway</html>".utf8)) }
        #expect(throws: VideoFileError.missing(box: "moov")) { try facts(box("ftyp", Array("isom0000".utf8))) }
    }

    @Test func `a video whose media box is open-ended is whole only with all its samples`() throws {
        var bytes = SampleVideo.fastStart.bytes
        let mdat = try #require(
            (4..<bytes.count).last { bytes[$0..<min($0 + 4, bytes.count)].elementsEqual("mdat".utf8) })
        bytes.replaceSubrange(mdat - 4..<mdat, with: [0, 0, 0, 0])
        #expect(try facts(bytes).width == 192)
        #expect(throws: VideoFileError.truncated(needed: Int64(bytes.count), length: Int64(bytes.count - 1))) {
            try facts(Array(bytes.dropLast()))
        }
    }

    @Test func `64-bit sizes are read`() throws {
        let bytes = SampleVideo.plain.bytes
        let moov = try #require(
            (4..<bytes.count).last { bytes[$0..<min($0 + 4, bytes.count)].elementsEqual("moov".utf8) })
        let media = Array("mdat".utf8) + big(UInt64(16 + 5)) + [1, 2, 3, 4, 5]
        #expect(
            try facts(box("ftyp", Array("mp42....".utf8)) + big(UInt32(1)) + media + bytes[(moov - 4)...]).brand
                == "mp42")
    }

    @Test(arguments: [
        big(UInt32(1)) + Array("mdat".utf8) + big(UInt64.max), big(UInt32(1)) + Array("mdat".utf8) + big(UInt64(15)),
        big(UInt32(1)) + Array("mdat".utf8), big(UInt32(7)) + Array("mdat".utf8), big(UInt32.max) + Array("moov".utf8),
        [0, 0], box("moov", big(UInt32(0)) + Array("trak".utf8)), box("moov", big(UInt32(9)) + Array("trak".utf8)),
        box("moov", box("mvhd", [])), box("moov", box("mvhd", [UInt8](repeating: 0, count: 100))),
        box("moov", [1, 2, 3, 4, 5]),
    ])
    func `sizes and headers that lie are refused`(rest: [UInt8]) {
        let bytes = box("ftyp", Array("isom0000".utf8)) + box("mdat", [1]) + rest
        #expect(throws: VideoFileError.self) { try facts(bytes) }
    }

    @Test func `a picture is needed`() {
        let movie = box("moov", box("mvhd", [UInt8](repeating: 1, count: 100)))
        #expect(throws: VideoFileError.noPicture) {
            try facts(box("ftyp", Array("isom0000".utf8)) + movie + box("mdat", []))
        }
    }

    @Test func `a million tiny boxes end early`() {
        let bytes = box("ftyp", Array("isom0000".utf8)) + (0..<100_000).flatMap { _ in box("free", []) }
        #expect(throws: VideoFileError.tooManyBoxes) { try facts(bytes) }
    }

    @Test func `a sample table that claims more than it has is refused without reading it`() {
        let table = box("stsz", big(UInt32(0)) + big(UInt32(0)) + big(UInt32.max))
        let track = box("trak", box("mdia", box("minf", box("stbl", table))))
        let start = box("ftyp", Array("isom0000".utf8)) + box("mdat", [])
        let offset = Int64(start.count + 5 * 8)
        #expect(throws: VideoFileError.malformed(box: "stsz", offset: offset)) { try facts(start + box("moov", track)) }
    }

    @Test func `sizes of samples whose sum would overflow are survived`() {
        let table = box("stsz", big(UInt32(0)) + big(UInt32.max) + big(UInt32.max))
        let track = box("trak", box("mdia", box("minf", box("stbl", table))))
        let movie = box("moov", box("mvhd", [UInt8](repeating: 1, count: 100)) + track + track + track)
        let bytes = box("ftyp", Array("isom0000".utf8)) + movie + big(UInt32(0)) + Array("mdat".utf8)
        let needed = Int64(bytes.count) + (1 << 60)
        #expect(throws: VideoFileError.truncated(needed: needed, length: Int64(bytes.count))) { try facts(bytes) }
    }

    @Test func `random bytes and mutated videos never crash, and never make large reads`() {
        var random = SeededGenerator(state: 3)
        for round in 0..<4_000 {
            let bytes =
                round.isMultiple(of: 4)
                ? noise(&random) : mutated(SampleVideo.allCases.randomElement(using: &random)!.bytes, &random)
            let reads = Reads()
            let memory = ByteSource(bytes: bytes)
            let watched = ByteSource(length: memory.length) { (offset, count) throws(ObjectStoreError) in
                reads.largest = max(reads.largest, count)
                reads.count += 1
                return try memory.read(offset, count)
            }
            let facts = try? VideoFileCheck.facts(of: watched)
            #expect(reads.largest <= 64 << 10 && reads.count <= 3 * VideoFileCheck.maximumBoxes)
            if let facts { #expect(facts.width > 0 && facts.height > 0) }
        }
    }

    private final class Reads {
        var largest = 0
        var count = 0
    }

    private func noise(_ random: inout SeededGenerator) -> [UInt8] {
        let start = Bool.random(using: &random) ? box("ftyp", Array("isom0000".utf8)) : []
        return start + random.bytes(Int.random(in: 0..<300, using: &random))
    }

    /// A few bytes changed, where it hurts: sizes and types are found in the first and last kilobytes.
    private func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let span = min(3_000, bytes.count)
            let place = Int.random(in: 0..<span, using: &random)
            let value = [0, 1, 8, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)].randomElement(
                using: &random)!
            bytes[Bool.random(using: &random) ? place : bytes.count - span + place] = value
        }
        return bytes
    }
}

private func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
}

private func box(_ type: String, _ payload: [UInt8]) -> [UInt8] {
    big(UInt32(8 + payload.count)) + Array(type.utf8) + payload
}
