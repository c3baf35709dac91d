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
        #expect(facts.brand == video.brand)
        let seconds = try #require(facts.durationSeconds)
        #expect(abs(seconds - 1.5) < 0.1)
        #expect(facts.isEndProven == ![.unmarkedFragments, .segments].contains(video))
    }

    @Test func `a file on disk is read, and one that is not there says so`() async throws {
        try await withTemporaryFolder { folder in
            try Data(SampleVideo.plain.bytes).write(to: URL(fileURLWithPath: folder + "/v"))
            let facts = try await VideoFileCheck.facts(ofFileAt: folder + "/v", isEndMarked: false)
            #expect(facts.width == 192)
            await #expect(throws: VideoFileError.unreadable(.notFound)) {
                try await VideoFileCheck.facts(ofFileAt: folder + "/w", isEndMarked: true)
            }
        }
    }

    @Test(arguments: SampleVideo.allCases)
    func `a video that is cut anywhere is refused, or says that it cannot tell`(video: SampleVideo) {
        let bytes = video.bytes
        var random = SeededGenerator(state: 2)
        let boxes = topLevelBoxes(bytes)
        let boundaries = [0, 1, 7, 8, 9, 31, 32, 33, bytes.count - 8, bytes.count - 1] + boxes.map(\.offset)
        // Behind the last of these comes at most an index, which may go.
        let mediaEnd = boxes.last { ["mdat", "moov"].contains($0.type) }.map { $0.offset + $0.size } ?? 0
        for end in boundaries + (0..<500).map({ _ in Int.random(in: 0..<bytes.count, using: &random) }) {
            guard let facts = try? facts(Array(bytes[..<end])) else { continue }
            #expect(video.isFragmented && (!facts.isEndProven || end >= mediaEnd), "cut at \(end)")
        }
    }

    @Test(arguments: [SampleVideo.fragmented, .unmarkedFragments, .indexedFragments, .segments])
    func `a video that is cut between two fragments is never proven whole`(video: SampleVideo) throws {
        let bytes = video.bytes
        let fragments = topLevelBoxes(bytes).filter { $0.type == "moof" }.map(\.offset)
        #expect(fragments.count > 2)
        for end in fragments.dropFirst() {
            let facts = try? facts(Array(bytes[..<end]))
            #expect(facts?.isEndProven ?? false == false)
            // An index in front does better than to be unsure.
            if video == .indexedFragments { #expect(facts == nil) }
        }
        #expect(try facts(bytes).isEndProven == (video == .fragmented || video == .indexedFragments))
    }

    @Test func `a length that the header announces is what the fragments must reach`() throws {
        let whole = announcing(seconds: 1.5, in: SampleVideo.unmarkedFragments.bytes)
        #expect(try facts(whole).isEndProven)
        let last = try #require(topLevelBoxes(whole).last { $0.type == "moof" }).offset
        #expect { try facts(Array(whole[..<last])) } throws: { error in
            guard case .shortened(let seconds, of: 1.5) = error as? VideoFileError else { return false }
            return seconds < 1.5 && seconds > 0
        }
    }

    @Test func `a file that cannot tell needs a transfer that can`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/v"
            try Data(SampleVideo.unmarkedFragments.bytes).write(to: URL(fileURLWithPath: path))
            let facts = try await VideoFileCheck.facts(ofFileAt: path, isEndMarked: true)
            #expect(!facts.isEndProven)
            await #expect(throws: VideoFileError.endUnknown) {
                try await VideoFileCheck.facts(ofFileAt: path, isEndMarked: false)
            }
        }
    }

    @Test func `a small file with the form of a video and nothing in it is refused`() throws {
        let track = box(
            "trak",
            box("tkhd", [UInt8](repeating: 0, count: 76) + big(UInt32(640 << 16)) + big(UInt32(360 << 16)))
                + box("mdia", box("hdlr", [UInt8](repeating: 0, count: 8) + Array("vide".utf8))))
        let movie = box("moov", box("mvhd", [UInt8](repeating: 1, count: 100)) + track)
        let start = box("ftyp", Array("isom0000".utf8))
        #expect(throws: VideoFileError.noSamples) { try facts(start + movie + box("mdat", [])) }
        let large = box("mdat", [UInt8](repeating: 0, count: 100_000))
        #expect(try facts(start + movie + large).width == 640)
    }

    @Test func `a small file whose samples are not there is refused`() throws {
        let bytes = SampleVideo.fastStart.bytes
        let media = try #require(topLevelBoxes(bytes).first { $0.type == "mdat" })
        let emptied = Array(bytes[..<media.offset]) + box("mdat", [1, 2, 3])
        #expect { try facts(emptied) } throws: { error in
            if case .truncated = error as? VideoFileError { true } else { false }
        }
    }

    @Test func `chunks of samples behind the end are missing`() throws {
        let table = box("stco", big(UInt32(0)) + big(UInt32(1)) + big(UInt32(1_000_000)))
        let track = box("trak", box("mdia", box("minf", box("stbl", table))))
        let movie = box("moov", box("mvhd", [UInt8](repeating: 1, count: 100)) + track)
        let bytes = box("ftyp", Array("isom0000".utf8)) + movie + box("mdat", [1])
        #expect(throws: VideoFileError.truncated(needed: 1_000_000, length: Int64(bytes.count))) { try facts(bytes) }
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
        var bytes = SampleVideo.plain.bytes
        let media = try #require(topLevelBoxes(bytes).first { $0.type == "mdat" })
        // The empty box before it is there to make room for this.
        let header = big(UInt32(1)) + Array("mdat".utf8) + big(UInt64(media.size + 8))
        bytes.replaceSubrange(media.offset - 8..<media.offset + 8, with: header)
        #expect(try facts(bytes).width == 192)
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
        let bytes =
            box("ftyp", Array("isom0000".utf8)) + (0..<VideoFileCheck.maximumBoxes).flatMap { _ in box("free", []) }
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

/// The boxes at the top of a whole file.
private func topLevelBoxes(_ bytes: [UInt8]) -> [(type: String, offset: Int, size: Int)] {
    var boxes: [(type: String, offset: Int, size: Int)] = []
    var offset = 0
    while offset + 8 <= bytes.count {
        let size = Int(bytes.number(at: offset, as: UInt32.self))
        boxes.append((String(decoding: bytes[offset + 4..<offset + 8], as: UTF8.self), offset, size))
        guard size >= 8 else { break }
        offset += size
    }
    return boxes
}

/// The same file with its length in the header: an `mehd` box at the beginning of `mvex`.
private func announcing(seconds: Double, in bytes: [UInt8]) -> [UInt8] {
    func place(_ type: String) -> Int { (4..<bytes.count).first { bytes[$0...].starts(with: type.utf8) }! - 4 }
    let (movie, header, extends) = (place("moov"), place("mvhd"), place("mvex"))
    let scale = bytes.number(at: header + 8 + 12, as: UInt32.self)
    let added = box("mehd", big(UInt32(0)) + big(UInt32(seconds * Double(scale))))
    var bytes = bytes
    for place in [movie, extends] {
        let size = bytes.number(at: place, as: UInt32.self) + UInt32(added.count)
        bytes.replaceSubrange(place..<place + 4, with: big(size))
    }
    bytes.insert(contentsOf: added, at: extends + 8)
    return bytes
}
