import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// Random bytes, truncations and mutations at every decoder: an error or a value, never a crash, never a false success.
struct HostileBytesTests {
    static let seeds: [String] = [
        #"{"model":"m","queue_id":"q","download_url":"https://private-share.venice.ai/x"}"#,
        #"{"status":"PROCESSING","average_execution_time":145000,"execution_duration":53200}"#,
        #"{"status":"COMPLETED","url":"https://venice.ai/x"}"#, #"{"quote":0.55,"currency":"USD"}"#,
        #"{"error":{"message":"no","type":"provider_content_policy","credits_refunded":true}}"#,
        #"{"error":"x","details":{"a":{"_errors":["Expected 'a' | 'b'"]}},"issues":[{"path":["a",0],"message":"m"}]}"#,
        #"{"data":[{"id":"a","type":"video","model_spec":{"constraints":{"model_type":"video","durations":["5s"]}}}]}"#,
        #"{"data":{"balances":{"USD":1},"rateLimits":[{"apiModelId":"x","rateLimits":[{"type":"RPM","amount":1}]}]}}"#,
        "<html><title>x</title></html>", String(decoding: mp4, as: UTF8.self),
    ]

    private func variants(_ seed: String) -> [[UInt8]] {
        var generator = SeededGenerator(UInt64(seed.utf8.count))
        let bytes = Array(seed.utf8)
        let truncated = bytes.indices.map { Array(bytes[..<$0]) }
        let mutated = (0..<300).map { _ in
            var mutant = bytes
            for _ in 0...Int.random(in: 0..<3, using: &generator) {
                let index = Int.random(in: 0..<mutant.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: mutant[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: mutant.insert(UInt8.random(in: 0...255, using: &generator), at: index)
                default: mutant.removeSubrange(index..<min(mutant.count, index + 3))
                }
                if mutant.isEmpty { return mutant }
            }
            return mutant
        }
        let random = (0..<100).map { _ in
            (0..<Int.random(in: 0..<64, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
        return truncated + mutated + random
    }

    @Test(arguments: seeds)
    func `no bytes crash a decoder or pass as a job or a price they do not name`(seed: String) async throws {
        let queueRequest = try QueueRequest(.sample, model: .sample())
        let quoteRequest = try QuoteRequest(.sample, model: .sample())
        for bytes in variants(seed) {
            for status in [200, 400] {
                func client() -> VeniceClient {
                    VeniceClient(.answer(status: status, headers: [:], chunks: [bytes], failure: nil))
                }
                let receipt = try? await client().queue(queueRequest) { _ in }
                if let receipt { #expect(status == 200 && !receipt.queueID.isEmpty) }
                let price = try? await client().quote(quoteRequest)
                if let price { #expect(status == 200 && price >= .zero) }
                _ = try? await client().models()
                _ = try? await client().rateLimits()
                if case .video(let stream)? = try? await client().retrieve(model: "m", queueID: "q") {
                    #expect(stream.body.beginning == bytes)
                }
            }
        }
    }

    @Test(arguments: seeds)
    func `a truncated document is never taken for a whole one`(seed: String) {
        guard seed.hasPrefix("{") else { return }
        let bytes = Array(seed.utf8)
        for count in bytes.indices {
            #expect(QueueReceipt(body: Array(bytes[..<count]), requestedModel: "m") == nil)
        }
    }
}
