import Foundation
import HTTPTransport
import ObjectStorage
import VeniceTransport
import VideoModels

/// Gives the same bytes to everything that reads bytes from outside: as the answer to each call of the Venice API, as its
/// headers, and as a video file. Returns normally whatever they are; what must never happen ends the process.
public func exercise(_ bytes: [UInt8]) async {
    // One status beside success, chosen by the bytes: the same input always does the same.
    let choice = bytes.reduce(bytes.count) { ($0 &* 31 &+ Int($1)) & 0xffff }
    for status in [200, [400, 402, 409, 422, 429, 500][choice % 6]] {
        await exerciseCalls(VeniceClient(.exercise, http: Canned(status: status, body: bytes)))
    }
    await exerciseHeaders(bytes, status: [200, 206, 302, 429, 503][choice % 5])
    exerciseVideo(bytes)
}

private func exerciseCalls(_ client: VeniceClient) async {
    let receipt = try? await client.queue(.exercise) { _ in }
    if let receipt { precondition(!receipt.queueID.isEmpty, "a job without an id") }
    let price = try? await client.quote(.exercise)
    if let price { precondition(price >= .zero, "a price below nothing") }
    _ = try? await client.models()
    _ = try? await client.rateLimits()
    _ = try? await client.rateLimitLog()
    _ = try? await client.billingBalance()
    _ = try? await client.usageHistory()
    _ = try? await client.topUpOffer()
    _ = try? await client.retrieve(model: "m", queueID: "q")
    _ = try? await client.complete(model: "m", queueID: "q")
}

/// Lines of `Name: value` become the headers of an answer, and of a download that broke.
private func exerciseHeaders(_ bytes: [UInt8], status: Int) async {
    var headers = HTTPHeaders()
    for line in String(decoding: bytes.prefix(4096), as: UTF8.self).split(separator: "\n").prefix(50) {
        guard let colon = line.firstIndex(of: ":") else { continue }
        headers.add(String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
    }
    guard !headers.fields.isEmpty else { return }
    _ = AnswerHeaders(headers)
    var client = VeniceClient(.exercise, http: Canned(status: status, headers: headers, body: mp4, breaks: true))
    client.downloadPolicy.tries = 0
    guard let stream = try? await client.download(Redacted("https://venice.ai/share")) else { return }
    do { for try await _ in stream.body {} } catch {}
}

private func exerciseVideo(_ bytes: [UInt8]) {
    guard let facts = try? VideoFileCheck.facts(of: ByteSource(bytes: bytes)) else { return }
    precondition(facts.width > 0 && facts.height > 0, "a picture without a size")
    if let seconds = facts.durationSeconds { precondition(seconds >= 0 && seconds.isFinite, "no length in time") }
}

private let mp4 = Array("\0\0\0\u{18}ftypisom\0\0\u{02}\0isomiso2".utf8)

/// Answers everything with the same bytes.
private struct Canned: HTTPClient {
    var status: Int
    var headers: HTTPHeaders = [:]
    var body: [UInt8]
    var breaks = false

    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        let failure = breaks ? HTTPClientError(.interrupted, sent: .maybe) : nil
        return HTTPResponse(status: status, headers: headers, body: HTTPResponseBody([body], failure: failure))
    }
}

extension VeniceAccount {
    fileprivate static let exercise = VeniceAccount(id: "exercise", key: Redacted("key"))
}

private let takingModel = VideoModel(
    id: "m", name: "m", kind: .known(.textToVideo), durations: ["5s"], resolutions: [], aspectRatios: [],
    sound: .known(.none))

extension QueueRequest {
    fileprivate static var exercise: QueueRequest {
        get throws { try QueueRequest(VideoRequest(model: "m", prompt: "p"), model: takingModel) }
    }
}

extension QuoteRequest {
    fileprivate static var exercise: QuoteRequest {
        get throws { try QuoteRequest(VideoRequest(model: "m", prompt: "p"), model: takingModel) }
    }
}
