import Foundation
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
        #"{"data":[{"modelId":"m","rateLimitType":"RPM","timestamp":"2026-10-01T12:00:00Z"}]}"#,
        #"{"canConsume":true,"balances":{"diem":90.5,"usd":25},"diemEpochAllocation":100}"#,
        #"{"data":[{"amount":-0.1,"currency":"USD","timestamp":"2026-06-15T19:05:10Z"}],"nextCursor":"AZq3"}"#,
        #"{"data":{"walletAddress":"0xa","balanceUsd":12.5,"canConsume":true}}"#,
        #"{"data":{"walletAddress":"0xa","transactions":[{"id":"l","amount":-1,"type":"CHARGE"}]}}"#,
        #"{"x402Version":2,"accepts":[{"network":"solana","asset":"E","amount":"5","payTo":"8"}],"extensions":{}}"#,
        #"{"data":{"walletAddress":"0xa","amountCredited":10,"newBalance":22.5,"paymentId":"p"}}"#,
        #"{"transcript":"hello","lang":"en"}"#,
        #"{"error":{"code":"needs_consent"},"consent_flow":"seedance","consent":{"policy_text":"t"}}"#,
        #"{"code":"PAYMENT_REQUIRED","currentBalanceUsd":0.01,"topUpInstructions":{"step1":"a"},"siwxChallenge":{"info":{}}}"#,
        "<html><title>x</title></html>", String(decoding: mp4, as: UTF8.self),
    ]

    static func variants(_ seed: String) -> [[UInt8]] {
        var generator = SeededGenerator(UInt64(seed.utf8.count))
        let bytes = Array(seed.utf8)
        let truncated = bytes.indices.map { Array(bytes[..<$0]) }
        let mutated = (0..<150).map { _ in mutant(of: bytes, using: &generator) }
        let random = (0..<50).map { _ in
            (0..<Int.random(in: 0..<64, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
        return truncated + mutated + random
    }

    private static func mutant(of bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var mutant = bytes
        for _ in 0...Int.random(in: 0..<3, using: &generator) where !mutant.isEmpty {
            let index = Int.random(in: 0..<mutant.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: mutant[index] = UInt8.random(in: 0...255, using: &generator)
            case 1: mutant.insert(UInt8.random(in: 0...255, using: &generator), at: index)
            case 2: mutant.removeSubrange(index..<min(mutant.count, index + 3))
            default: mutant += mutant[index...]
            }
        }
        return mutant
    }

    @Test(arguments: seeds)
    func `no bytes crash a decoder or pass as a job or a price they do not name`(seed: String) async throws {
        let queueRequest = try QueueRequest(.sample, model: .sample())
        let quoteRequest = try QuoteRequest(.sample, model: .sample())
        for bytes in Self.variants(seed) {
            for status in [200, 400] {
                func client() -> VeniceClient {
                    VeniceClient(.answer(status: status, headers: [:], chunks: [bytes], failure: nil))
                }
                let receipt = try? await client().queue(queueRequest) { _ in }
                if let receipt { #expect(status == 200 && !receipt.queueID.isEmpty) }
                let price = try? await client().quote(quoteRequest)
                if let price { #expect(status == 200 && price >= .zero) }
                if case .video(let stream)? = try? await client().retrieve(model: "m", queueID: "q") {
                    #expect(stream.body.beginning == bytes)
                }
            }
        }
    }

    /// Statuses whose bodies are looked into: a good answer, findings, payments, consent, refusals.
    @Test(arguments: seeds, [200, 400, 402, 409, 422])
    func `no bytes crash any endpoint, and an error keeps its status`(seed: String, status: Int) async {
        let answers = Self.variants(seed)
        for endpoint in VeniceEndpoint.allCases {
            for bytes in answers.prefix(120) {
                let client = VeniceClient(.answer(status: status, headers: [:], chunks: [bytes], failure: nil))
                let error = await failure { () throws(VeniceError) in try await client.ask(endpoint) }
                if let error {
                    #expect(error.evidence.status == status)
                    #expect(error.evidence.message.count <= Scrubber.longest)
                }
            }
        }
    }

    @Test(arguments: seeds)
    func `no bytes in a header crash a reader`(seed: String) {
        let names = [
            "PAYMENT-REQUIRED", "PAYMENT-RESPONSE", "Link", "Deprecation", "Retry-After", "x-ratelimit-reset-requests",
            "x-venice-balance-usd", "x-venice-is-blurred", "Date", "CF-RAY", "x-venice-model-deprecation-warning",
        ]
        for bytes in Self.variants(seed) {
            for text in [String(decoding: bytes, as: UTF8.self), Data(bytes).base64EncodedString()] {
                var headers = HTTPHeaders()
                for name in names { headers.add(name, text) }
                let read = AnswerHeaders(headers)
                #expect((read.ray?.count ?? 0) <= Scrubber.longest)
                #expect((read.deprecation.successor?.count ?? 0) <= 200)
            }
        }
    }

    @Test(arguments: seeds)
    func `a truncated document is never taken for a whole one`(seed: String) {
        guard seed.hasPrefix("{") else { return }
        let bytes = Array(seed.utf8)
        for count in bytes.indices {
            let part = Array(bytes[..<count])
            #expect(QueueReceipt(body: part, requestedModel: "m") == nil)
            #expect(JSON(part) == nil)
            #expect(Transcript(part) == nil)
        }
    }
}
