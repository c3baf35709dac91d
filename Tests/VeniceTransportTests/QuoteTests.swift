import Foundation
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

struct QuoteTests {
    private func quote(_ body: String) async throws -> Money {
        try await VeniceClient(.json(body)).quote(QuoteRequest(.sample, model: .sample()))
    }

    @Test(arguments: [
        (#"{"quote": 0.55}"#, "0.55"), (#"{"quote": 1}"#, "1"), (#"{"quote": "0.1", "currency": "usd"}"#, "0.1"),
        (#"{"quote": 21.46, "currency": "USD", "x": null}"#, "21.46"), (#"{"quote": 0.0000001}"#, "0.000001"),
        (#"{"quote": 0.30000000000000004}"#, "0.300001"), (#"{"quote": 0}"#, "0"),
    ])
    func `a price is read exactly, and rounded up to millionths`(body: String, price: String) async throws {
        #expect(try await quote(body) == Money(price))
    }

    @Test(arguments: [
        #"{"quote": -1}"#, #"{"quote": null}"#, #"{"quote": 1, "currency": "EUR"}"#, #"{"quote": "free"}"#, "{}",
        "0.55",
        #"{"quote": 1e30}"#,
    ])
    func `what is no price in dollars is an unexpected answer`(body: String) async throws {
        let request = try QuoteRequest(.sample, model: .sample())
        let error = await failure { () throws(VeniceError) in try await VeniceClient(.json(body)).quote(request) }
        #expect(error?.word == "unexpected answer")
    }

    @Test func `the question carries the key when there is one`() async throws {
        let http = ScriptedHTTPClient(.json(#"{"quote": 1}"#), .json(#"{"quote": 1}"#))
        let request = try QuoteRequest(.sample, model: .sample())
        _ = try await VeniceClient(http).quote(request)
        let anonymous = VeniceClient(
            VeniceAccount(id: "a", baseURL: "https://x.example/", credential: .anonymous), http: http)
        _ = try await anonymous.quote(request)
        #expect(http.requests[0].headers["Authorization"] == "Bearer \(sampleKey)")
        #expect(http.requests[0].headers["Content-Type"] == "application/json")
        #expect(http.requests[1].headers["Authorization"] == nil)
        #expect(http.requests[1].url == "https://x.example/video/quote")
    }
}
