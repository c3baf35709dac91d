import Foundation
import Logging
import Synchronization
import Testing
import VideoModels

@testable import SyncService

struct LogLineTests {
    private let time = Date(timeIntervalSince1970: 1_795_253_400.125)

    private func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> LogLine {
        LogLine(time: time, level: .warning, message: message, metadata: metadata)
    }

    @Test func `a text line has the time, the level, the message and sorted metadata`() {
        let text = line("job advanced", ["state": "ready", "job_id": "1", "note": "two words"]).text
        #expect(text == "2026-11-21T09:30:00.125Z warning  job advanced job_id=1 note=\"two words\" state=ready\n")
    }

    @Test func `a JSON line is one object that reads back`() throws {
        let text = line("a \"b\" \\ c", ["k": "x\ny\u{1}", "time": "mine"]).json
        #expect(text.hasSuffix("}\n"))
        #expect(text.dropLast().allSatisfy { !$0.isNewline })
        let object = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
        #expect(
            object == [
                "time": "2026-11-21T09:30:00.125Z", "level": "warning", "message": "a \"b\" \\ c", "k": "x\ny\u{1}",
                "_time": "mine",
            ])
    }

    @Test func `nothing from outside starts a line of its own or commands a terminal`() {
        let text = line("a\nb", ["k": "\u{1B}[2J\r\n2026 fake\u{2028}x", "two\nlines": "v"]).text
        #expect(text.dropLast().unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        #expect(text.contains("a\\nb"))
        #expect(text.contains("\\u{1b}[2J\\r\\n2026 fake\\u{2028}x"))
    }

    @Test(arguments: [Configuration.LogFormat.text, .json])
    func `a line is bounded whatever it is given`(_ format: Configuration.LogFormat) {
        var metadata: Logger.Metadata = [:]
        for index in 0..<500 { metadata["key\(index)"] = .string(String(repeating: "ü", count: 50_000)) }
        let event = line(String(repeating: "m", count: 1 << 20), metadata)
        let text = format == .json ? event.json : event.text
        #expect(text.utf8.count < 40_000)
    }

    @Test func `a secret stays out`() {
        #expect(line("m", ["key": "\(Redacted("sesame"))"]).text.hasSuffix("m key=‹redacted›\n"))
    }

    @Test func `the handler adds its own metadata and keeps to its level`() {
        let lines = Lines()
        var log = Logger(label: "test") { _ in
            LineLogHandler(level: .notice, format: .text, write: lines.add, now: { Date(timeIntervalSince1970: 0) })
        }
        log[metadataKey: "job_id"] = "7"
        log.info("quiet")
        log.notice("said", metadata: ["state": "ready"])
        #expect(lines.all == ["1970-01-01T00:00:00.000Z notice   said job_id=7 state=ready\n"])
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
