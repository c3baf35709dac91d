import Foundation
import TestSupport
import Testing
import VideoModels

@Suite struct IdentifierTests {
    @Test func `an identifier has the layout of RFC 9562 version 7`() {
        var generator = SeededGenerator(1)
        for _ in 0..<100 {
            let bytes = withUnsafeBytes(of: JobID(at: .sample, using: &generator).uuid.uuid, Array.init)
            let milliseconds = bytes[..<6].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            #expect(milliseconds == 1_795_253_400_125)
            #expect(bytes[6] >> 4 == 7)
            #expect(bytes[8] >> 6 == 0b10)
        }
    }

    @Test func `identifiers sort by the time that they were made, as values and as text`() {
        var generator = SeededGenerator(2)
        let ids = (0..<200).map { JobID(at: Date.sample.addingTimeInterval(Double($0) / 1000), using: &generator) }
        #expect(ids.shuffled(using: &generator).sorted() == ids)
        #expect(ids.map(\.description).shuffled(using: &generator).sorted() == ids.map(\.description))
    }

    @Test func `identifiers of one millisecond differ`() {
        let ids = (0..<1000).map { _ in JobID(at: .sample) }
        #expect(Set(ids).count == ids.count)
    }

    @Test func `a time before 1970 makes the earliest identifier instead of a crash`() {
        #expect(JobID(at: Date(timeIntervalSince1970: -5)).description.hasPrefix("00000000-0000-7"))
    }

    @Test func `an identifier survives text and JSON`() throws {
        let id = VideoID.sample(3)
        #expect(VideoID(id.description) == id)
        #expect(id.description == id.description.lowercased())
        let json = try Wire.encode([id])
        #expect(String(decoding: json, as: UTF8.self) == "[\"\(id)\"]")
        #expect(try Wire.decode([VideoID].self, from: json) == [id])
    }

    @Test(arguments: [
        "", "x", "019aa5d6-0000-7000-8000-00000000000", "{19aa5d6-0000-7000-8000-000000000000}",
        "019aa5d6-0000-7000-8000-0000000000000", "019aa5d6x0000-7000-8000-000000000000",
    ])
    func `text that is no UUID is refused`(text: String) throws {
        #expect(JobID(text) == nil)
        let json = try Wire.encode([text])
        #expect(throws: DecodingError.self) { try Wire.decode([JobID].self, from: json) }
    }
}
