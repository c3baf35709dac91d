import Foundation
import TestSupport
import Testing
import VideoModels

@Suite struct WireTests {
    @Test func `times are RFC 3339 in UTC with milliseconds`() throws {
        #expect(Wire.text(of: .sample) == "2026-11-21T09:30:00.125Z")
        #expect(Wire.text(of: Date(timeIntervalSince1970: 0)) == "1970-01-01T00:00:00.000Z")
        #expect(String(decoding: try Wire.encode([Date.sample]), as: UTF8.self) == #"["2026-11-21T09:30:00.125Z"]"#)
    }

    @Test func `each millisecond reads back as the text that it was`() {
        for millisecond in 0..<1000 {
            let digits = String(repeating: "0", count: 3 - "\(millisecond)".count) + "\(millisecond)"
            let text = "2026-11-21T09:30:00.\(digits)Z"
            #expect(Wire.date(from: text).map(Wire.text) == text)
        }
    }

    @Test(arguments: [
        ("2026-11-21T09:30:00Z", 0.0), ("2026-11-21T09:30:00.5Z", 0.5), ("2026-11-21T09:30:00.250Z", 0.25),
        ("2026-11-21T09:30:00.123456Z", 0.123456), ("2026-11-21T11:30:00+02:00", 0.0),
        ("2026-11-21T04:30:00.5-05:00", 0.5),
    ])
    func `a time may have a fraction and an offset`(text: String, fraction: Double) throws {
        let date = try #require(Wire.date(from: text))
        #expect(abs(date.timeIntervalSince1970 - 1_795_253_400 - fraction) < 0.001)
    }

    @Test(arguments: [
        "", "yesterday", "2026-11-21", "2026-11-21T09:30:00", "2026-13-21T09:30:00Z", "2026-11-21T25:30:00Z",
        "1795253400", "2026-11-21T09:30:00Zebra", " 2026-11-21T09:30:00Z",
    ])
    func `what is no time is refused`(text: String) throws {
        #expect(Wire.date(from: text) == nil)
        let json = try Wire.encode([text])
        #expect(throws: DecodingError.self) { try Wire.decode([Date].self, from: json) }
    }

    @Test func `slashes stay readable and keys are sorted`() throws {
        let json = try Wire.encode(["b": "https://a.example/x", "a": "1"])
        #expect(String(decoding: json, as: UTF8.self) == #"{"a":"1","b":"https://a.example/x"}"#)
    }
}
