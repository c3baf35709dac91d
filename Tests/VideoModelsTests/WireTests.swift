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

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `any time is written as the system's own format writes it`(seed: UInt64) {
        var random = SeededGenerator(seed)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        // Beside random ones the ends of days, months, leap years and of the years that are written by hand.
        let ends: [Double] = [
            0, -1, 86_399.999, 951_782_399, 951_868_800, 4_107_542_400, 1_709_164_800, -62_135_596_800, -62_135_596_801,
            253_402_300_799.999, 253_402_300_800, -2_203_891_200, 68_169_600,
        ]
        let times = (0..<2000).map { _ in
            Double(Int.random(in: -62_135_596_800_000..<253_402_300_800_000, using: &random)) / 1000
        }
        for time in ends + times {
            let date = Date(timeIntervalSince1970: time)
            #expect(Wire.text(of: date) == date.addingTimeInterval(0.0005).formatted(style), "\(time)")
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
