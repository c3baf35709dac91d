import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// Rate-limit log, billing, transcriptions (PROTOCOL §8, §10 and the billing paths of the schema).
struct AccountEndpointTests {
    @Test func `the log of limits keeps words that are new`() async throws {
        let text = """
            {"object":"list","data":[
              {"apiKeyId":"k","modelId":"endpoint:video/queue","rateLimitTier":"paid","rateLimitType":"FAILED_REQUESTS",
               "timestamp":"2026-10-01T12:00:00Z"},
              {"modelId":"model:unknown","rateLimitType":"SIGHS","timestamp":"yesterday"}, 7, {}]}
            """
        let http = ScriptedHTTPClient(.json(text))
        let log = try await VeniceClient(http).rateLimitLog()
        #expect(log.map(\.model) == ["endpoint:video/queue", "model:unknown"])
        #expect(log.map(\.type) == [.known(.failedRequests), .unknown("SIGHS")])
        #expect(log.map { $0.timestamp?.timeIntervalSince1970 } == [1_790_856_000, nil])
        #expect(http.requests.first?.method == "GET")
        #expect(http.requests.first?.url == "https://api.venice.ai/api/v1/api_keys/rate_limits/log")
    }

    @Test func `the account's balance is read with what may be missing`() async throws {
        let full =
            #"{"canConsume":true,"consumptionCurrency":"DIEM","balances":{"diem":90.5,"usd":"25"},"diemEpochAllocation":100}"#
        let http = ScriptedHTTPClient(
            .json(full),
            .json(#"{"canConsume":"false","consumptionCurrency":null,"balances":{"diem":null,"usd":null}}"#))
        let client = VeniceClient(http)
        let balance = try await client.billingBalance()
        #expect(balance.canConsume == true)
        #expect(balance.currency == "DIEM")
        #expect(balance.usd == Money("25"))
        #expect(balance.diem == Decimal(string: "90.5"))
        #expect(balance.diemEpochAllocation == 100)
        let bare = try await client.billingBalance()
        #expect(bare.canConsume == false)
        #expect(bare.usd == nil && bare.diem == nil && bare.currency == nil)
        #expect(http.requests.first?.url == "https://api.venice.ai/api/v1/billing/balance")
    }

    private static let page = """
        {"data":[{"amount":-0.06356,"currency":"DIEM","inferenceDetails":{"completionTokens":227,
          "inferenceExecutionTime":2964,"promptTokens":339,"requestId":"req-1"},"notes":"API Inference",
          "pricePerUnitUsd":2.8,"sku":"wan-video","timestamp":"2026-06-15T19:05:10.504Z","units":0.000227},
         {"amount":"5","currency":"LOVE","inferenceDetails":null,"timestamp":"2026-06-15T19:05:11Z"}],
         "nextCursor":"AZq3_-9"}
        """

    @Test func `a walk through the usage asks with a filter once, and then with the cursor alone`() async throws {
        let http = ScriptedHTTPClient(.json(Self.page), .json(#"{"data":[],"nextCursor":null}"#))
        let client = VeniceClient(http)
        let start = Date(timeIntervalSince1970: 1_780_000_000)
        let filter = UsageFilter(currency: "USD", start: start, end: start.addingTimeInterval(60), pageSize: 10)
        let first = try await client.usageHistory(filter)
        let last = try await client.usageHistory(after: try #require(first.cursor))
        #expect(last.entries.isEmpty && last.cursor == nil)
        let base = "https://api.venice.ai/api/v1/billing/usage-history"
        #expect(
            http.requests.map(\.url) == [
                base + "?currency=USD&startTimestamp=2026-05-28T20%3A26%3A40.000Z"
                    + "&endTimestamp=2026-05-28T20%3A27%3A40.000Z&pageSize=10",
                base + "?cursor=AZq3_-9",
            ])
    }

    @Test func `an entry of the usage is read with what may be missing`() async throws {
        let entries = try await VeniceClient(.json(Self.page)).usageHistory().entries
        #expect(entries.map(\.amount) == [Decimal(string: "-0.06356")!, 5])
        #expect(entries.map(\.currency) == ["DIEM", "LOVE"])
        #expect(entries.map(\.requestID) == ["req-1", nil])
        #expect(entries.map(\.executionTime) == [.milliseconds(2964), nil])
        #expect(entries[0].units == Decimal(string: "0.000227"))
        #expect(entries[0].pricePerUnit == Money("2.8"))
        #expect(entries[0].sku == "wan-video")
        #expect(entries[1].timestamp == Date(timeIntervalSince1970: 1_781_550_311))
    }

    @Test(arguments: [
        UsageFilter(pageSize: 9), UsageFilter(pageSize: 1001),
        UsageFilter(start: Date(timeIntervalSince1970: 5), end: Date(timeIntervalSince1970: 5)),
    ])
    func `a filter that would be refused is not sent`(filter: UsageFilter) async {
        let http = ScriptedHTTPClient()
        let error = await failure { () throws(VeniceError) in try await VeniceClient(http).usageHistory(filter) }
        #expect(error?.word == "invalid")
        #expect(http.requests.isEmpty)
    }

    @Test func `a cursor that is no longer taken is gone, a filter that is refused is not`() async throws {
        let refused = ScriptedHTTPClient.Step.json(#"{"error":"Invalid cursor"}"#, status: 400)
        let cursor = try #require(UsageCursor("abc"))
        let walk = await failure { () throws(VeniceError) in try await VeniceClient(refused).usageHistory(after: cursor)
        }
        #expect(walk?.word == "gone")
        let start = await failure { () throws(VeniceError) in try await VeniceClient(refused).usageHistory() }
        #expect(start?.word == "invalid")
    }

    @Test(arguments: ["", "a b", "a&cursor=b", "ü", String(repeating: "a", count: 513)])
    func `what is no cursor is none`(word: String) async {
        #expect(UsageCursor(word) == nil)
        let body = #"{"data":[],"nextCursor":"\#(word)"}"#
        let page = try? await VeniceClient(.json(body)).usageHistory()
        #expect((page != nil) == word.isEmpty)
    }

    @Test(arguments: ["{}", "[]", "", #"{"data":{}}"#, #"{"data":[{"amount":1}],"nextCursor":null}"#, "<html>"])
    func `a history with holes is an unexpected answer`(body: String) async {
        let error = await failure { () throws(VeniceError) in try await VeniceClient(.json(body)).usageHistory() }
        #expect(error?.word == "unexpected answer")
    }

    @Test(arguments: [
        (#"{"transcript":"hello","lang":"en"}"#, "hello", "en"), (#"{"transcript":"hello"}"#, "hello", nil),
        ("hello there", "hello there", nil), ("\n hello", "\n hello", nil),
    ])
    func `a transcript comes as JSON or as text`(body: String, text: String, language: String?) async throws {
        let http = ScriptedHTTPClient(.json(body))
        let client: any Transcribing = VeniceClient(http)
        let transcript = try await client.transcription(of: "https://a.example/v")
        #expect(transcript.text == text)
        #expect(transcript.language == language)
        #expect(http.requests.first?.url == "https://api.venice.ai/api/v1/video/transcriptions")
        #expect(http.requests.first?.bodyText == #"{"url":"https://a.example/v","response_format":"json"}"#)
    }

    @Test(arguments: ["", "{}", "{", "<html>", "  "])
    func `what is no transcript is an unexpected answer`(body: String) async {
        let client: any Transcribing = VeniceClient(.json(body))
        let error = await failure { () throws(VeniceError) in try await client.transcription(of: "https://a.example/v")
        }
        #expect(error?.word == "unexpected answer")
    }

    @Test func `the retired route names its successor`() async {
        let headers: HTTPHeaders = [
            "Deprecation": "true", "Link": "</api/v1/chat/completions>; rel=\"successor-version\"",
        ]
        let client: any Transcribing = VeniceClient(.json(#"{"error":"Gone"}"#, status: 410, headers: headers))
        let error = await failure { () throws(VeniceError) in try await client.transcription(of: "https://a.example/v")
        }
        #expect(error?.word == "gone")
        #expect(error?.evidence.headers?.deprecation.successor == "/api/v1/chat/completions")
        #expect(error?.description.contains("successor /api/v1/chat/completions") == true)
    }
}
