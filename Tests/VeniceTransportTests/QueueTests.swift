import Foundation
import HTTPTransport
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

struct QueueTests {
    private let journal = Journal()

    private func queue(_ http: ScriptedHTTPClient) async throws(VeniceError) -> QueueReceipt {
        let journal = journal
        return try await VeniceClient(http).queue(QueueRequest(.sample, model: .sample())) { journal.add($0) }
    }

    @Test(arguments: [
        (#"{"model":"m","queue_id":"q"}"#, "m", "q", nil),
        (#"{"model":"m","queueid":"q","status":"queued"}"#, "m", "q", nil),
        (#"{"id":"q"}"#, "wan-2.5-preview-text-to-video", "q", nil),
        (#"{"model":null,"queueId":12}"#, "wan-2.5-preview-text-to-video", "12", nil),
        (#"{"model":"m","queue_id":"q","download_url":"https://l"}"#, "m", "q", "https://l"),
        (#"{"model":"m","queue_id":null,"id":"q","download_url":null}"#, "m", "q", nil),
    ])
    func `a receipt is read in every spelling`(body: String, model: String, id: String, link: String?) async throws {
        let receipt = try await queue(ScriptedHTTPClient(.json(body)))
        #expect(receipt.model == model)
        #expect(receipt.queueID == id)
        #expect(receipt.downloadURL?.reveal() == link)
        #expect(receipt.raw.reveal() == Array(body.utf8))
        var dumped = ""
        dump(receipt, to: &dumped)
        dump(journal.entries, to: &dumped)
        #expect(!dumped.contains("https://l"))
        #expect(!"\(receipt) \(journal.entries)".contains("https://l"))
    }

    @Test func `a paid request goes once, on a connection of its own, and without a redirect`() async throws {
        let http = ScriptedHTTPClient(.failure(HTTPClientError(.interrupted, sent: .maybe)))
        _ = await failure { () throws(VeniceError) in try await queue(http) }
        #expect(http.requests.count == 1)
        #expect(http.requests.first?.freshConnection == true)
        #expect(http.requests.first?.url == "https://api.venice.ai/api/v1/video/queue")
    }

    @Test(arguments: [200, 202, 400, 500])
    func `the answer reaches the journal before anyone reads it, whatever it is`(status: Int) async {
        let http = ScriptedHTTPClient(.json("{broken", status: status, headers: ["CF-RAY": "r"]))
        _ = await failure { () throws(VeniceError) in try await queue(http) }
        let entry = journal.entries.first
        #expect(journal.entries.count == 1)
        #expect(entry?.status == status)
        #expect(entry?.headers["cf-ray"] == "r")
        #expect(entry?.body == Array("{broken".utf8))
    }

    @Test func `a journal that fails costs nothing but is told`() async throws {
        struct DiskFull: Error {}
        let client = VeniceClient(.json(#"{"queue_id":"q"}"#))
        let receipt = try await client.queue(QueueRequest(.sample, model: .sample())) { _ in throw DiskFull() }
        #expect(receipt.queueID == "q")
        #expect(receipt.journalFailure == "DiskFull()")
    }

    @Test(arguments: [
        "{}", "", "<html>", #"{"queue_id":""}"#, #"{"queue_id":" \n\u00a0"}"#, #"{"queue_id":{}}"#,
        #"[{"queue_id":"q"}]"#, #"{"queue_id":"#,
    ])
    func `a success that names no job is an unknown outcome`(body: String) async {
        let error = await failure { () throws(VeniceError) in try await queue(ScriptedHTTPClient(.json(body))) }
        #expect(error?.word == "outcome unknown")
    }

    @Test func `half an answer may still hold the id`() async throws {
        let lost = HTTPClientError(.truncated, sent: .maybe)
        let whole = Array(#"{"model":"m","queue_id":"q"}"#.utf8)
        let receipt = try await queue(
            ScriptedHTTPClient(.answer(status: 200, headers: [:], chunks: [whole], failure: lost)))
        #expect(receipt.queueID == "q")
        #expect(journal.entries.first?.isWhole == false)
        let half = ScriptedHTTPClient(
            .answer(status: 200, headers: [:], chunks: [Array(whole.prefix(20))], failure: lost))
        #expect(await failure { () throws(VeniceError) in try await queue(half) }?.word == "outcome unknown")
        #expect(journal.entries.last?.body == Array(whole.prefix(20)))
    }

    @Test func `an answer without end is cut and kept`() async {
        let chunks = [[UInt8]](repeating: [UInt8](repeating: 0x20, count: 700_000), count: 3)
        let http = ScriptedHTTPClient(.answer(status: 200, headers: [:], chunks: chunks, failure: nil))
        #expect(await failure { () throws(VeniceError) in try await queue(http) }?.word == "outcome unknown")
        #expect(journal.entries.first?.body.count == 1 << 20)
    }

    @Test(arguments: [
        (HTTPClientError(.unreachable), "not sent"), (HTTPClientError(.unresolved), "not sent"),
        (HTTPClientError(.tls), "not sent"),
        (HTTPClientError(.timedOut(.connect)), "not sent"), (HTTPClientError(.overloaded), "not sent"),
        (HTTPClientError(.cancelled), "not sent"), (HTTPClientError(.invalidRequest), "operator must act"),
        (HTTPClientError(.interrupted, sent: .maybe), "outcome unknown"),
        (HTTPClientError(.timedOut(.firstByte), sent: .maybe), "outcome unknown"),
        (HTTPClientError(.cancelled, sent: .maybe), "outcome unknown"),
        (HTTPClientError(.malformed, sent: .maybe), "outcome unknown"),
        (HTTPClientError(.bodySource, sent: .maybe), "outcome unknown"),
        (HTTPClientError(.other(code: 99), sent: .maybe), "outcome unknown"),
    ])
    func `no answer is harmless only when nothing was sent`(error: HTTPClientError, word: String) async {
        let thrown = await failure { () throws(VeniceError) in try await queue(ScriptedHTTPClient(.failure(error))) }
        #expect(thrown?.word == word)
        #expect(journal.entries.isEmpty)
    }

    @Test func `cancelling does not lose an answer that is on its way`() async throws {
        let task = Mutex<Task<QueueReceipt, any Error>?>(nil)
        let http = ScriptedHTTPClient(
            .first { task.withLock { $0?.cancel() } }, .json(#"{"model":"m","queue_id":"q"}"#))
        let (started, start) = AsyncStream<Void>.makeStream()
        let running = Task { [journal] in
            for await _ in started {}
            // The stream ends at once for a cancelled task too, but this one is cancelled only by the request under way.
            return try await VeniceClient(http).queue(QueueRequest(.sample, model: .sample())) { answer in
                #expect(!Task.isCancelled)
                journal.add(answer)
            }
        }
        task.withLock { $0 = running }
        start.finish()
        #expect(try await running.value.queueID == "q")
        #expect(running.isCancelled)
        #expect(journal.entries.count == 1)
    }

    @Test func `a task that is cancelled before it begins sends nothing`() async {
        let http = ScriptedHTTPClient()
        let (started, start) = AsyncStream<Void>.makeStream()
        let task = Task {
            for await _ in started {}
            return try await VeniceClient(http).queue(QueueRequest(.sample, model: .sample())) { _ in }
        }
        task.cancel()
        start.finish()
        let error = await #expect(throws: VeniceError.self) { try await task.value }
        #expect(error?.word == "not sent")
        #expect(http.requests.isEmpty)
    }
}

/// Keeps what it is given.
final class Journal: Sendable {
    private let stored = Mutex<[QueueAnswer]>([])

    var entries: [QueueAnswer] { stored.withLock { $0 } }
    func add(_ answer: QueueAnswer) { stored.withLock { $0.append(answer) } }
}
