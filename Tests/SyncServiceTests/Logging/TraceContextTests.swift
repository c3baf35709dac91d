import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import SyncService

struct TraceContextTests {
    private static let id = "4bf92f3577b34da6a3ce929d0e0e4736"

    @Test(arguments: [
        "00-\(id)-00f067aa0ba902b7-01", "00-\(id)-00f067aa0ba902b7-00", "cc-\(id)-00f067aa0ba902b7-01-of-the-future",
    ])
    func `a trace is known by its id`(header: String) { #expect(TraceContext(header)?.traceID == Self.id) }

    @Test(arguments: [
        "", "00", "00-\(id)-00f067aa0ba902b7", "ff-\(id)-00f067aa0ba902b7-01", "00-\(id)-00f067aa0ba902b7-01-more",
        "00-\(id.uppercased())-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-\(id)-0000000000000000-01", "00-\(id)\n-00f067aa0ba902b7-01", String(repeating: "0", count: 600),
    ])
    func `what is no trace is left out`(header: String) { #expect(TraceContext(header) == nil) }

    @Test func `every line says which request or job it belongs to, however deep it is written`() async {
        let lines = Mutex<[String]>([])
        let log = Logger(label: "test") { _ in
            LineLogHandler(level: .info, format: .text, write: { line in lines.withLock { $0.append(line) } })
        }
        @Sendable func deep() async {
            log.info("deep", metadata: ["more": "1"])
            await withTaskGroup(of: Void.self) { $0.addTask { log.info("child", metadata: ["job_id": "own"]) } }
        }
        await LogContext.$metadata.withValue(["request_id": "r-1", "job_id": "j-1"]) { await deep() }
        log.info("outside")
        let written = lines.withLock { $0 }.map { $0.split(separator: " ", maxSplits: 2).last.map(String.init) ?? "" }
        #expect(written[0].contains("deep job_id=j-1 more=1 request_id=r-1"))
        #expect(written[1].contains("child job_id=own request_id=r-1"))
        #expect(!written[2].contains("request_id"))
    }
}
