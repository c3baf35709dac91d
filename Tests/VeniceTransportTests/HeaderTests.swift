import Foundation
import HTTPTransport
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

struct HeaderTests {
    @Test(arguments: [
        ("0", ResetMoment.after(.seconds(0))), (" 30 ", .after(.seconds(30))), ("1.5", .after(.seconds(1.5))),
        ("1800000000", .at(Date(timeIntervalSince1970: 1_800_000_000))),
        ("1800000000500", .at(Date(timeIntervalSince1970: 1_800_000_000.5))),
        ("Sun, 06 Nov 1994 08:49:37 GMT", .at(Date(timeIntervalSince1970: 784_111_777))), ("-1", nil), ("nan", nil),
        ("inf", nil),
        ("1e300", nil), ("", nil), ("tomorrow", nil), ("Sun, 06 Nov 1994 28:49:37 GMT", nil),
        ("Sun, 99 Foo 1994 08:49:37 GMT", nil),
    ])
    func `a moment's unit follows from its size`(text: String, moment: ResetMoment?) {
        #expect(ResetMoment(text) == moment)
    }

    @Test func `a delay is never negative and never more than an hour`() {
        let now = Date(timeIntervalSince1970: 1000)
        #expect(ResetMoment.at(Date(timeIntervalSince1970: 10)).delay(from: now) == .zero)
        #expect(ResetMoment.at(.distantFuture).delay(from: now) == .seconds(3600))
        #expect(ResetMoment.after(.seconds(5)).delay(from: now) == .seconds(5))
    }

    @Test func `limits, balances and warnings surface as values, on good answers and bad`() async throws {
        let headers: HTTPHeaders = [
            "x-ratelimit-limit-requests": "40", "X-RateLimit-Remaining-Requests": "39", "x-ratelimit-remaining": "17",
            "x-ratelimit-type": "RPM", "x-venice-balance-usd": "12.34", "x-venice-balance-diem": "0.5",
            "X-Balance-Remaining": "4.230000", "CF-RAY": "r", "x-venice-model-deprecation-date": "2026-09-24",
            "x-venice-model-id": "other", "x-venice-model-name": "Other", "x-venice-model-router": "r2",
            "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
        ]
        let heard = Mutex<[(VeniceEndpoint, Int, AnswerHeaders)]>([])
        var client = VeniceClient(
            .json(#"{"status":"PROCESSING"}"#, headers: headers), .json("{}", status: 500, headers: headers))
        client.observer = { endpoint, status, headers in heard.withLock { $0.append((endpoint, status, headers)) } }
        _ = try await client.retrieve(model: "m", queueID: "q")
        _ = await failure { [client] () throws(VeniceError) in try await client.rateLimits() }
        let all = heard.withLock { $0 }
        #expect(all.map(\.0) == [.retrieve, .rateLimits])
        #expect(all.map(\.1) == [200, 500])
        let values = try #require(all.first?.2)
        #expect(values.rateLimits.limit == 40)
        #expect(values.rateLimits.remaining == 39)
        #expect(values.rateLimits.errorBudgetRemaining == 17)
        #expect(values.rateLimits.type == "RPM")
        #expect(values.balance == Money("12.34"))
        #expect(values.balanceDIEM == Decimal(string: "0.5"))
        #expect(values.walletBalance == Money("4.23"))
        #expect(values.model.id == "other")
        #expect(values.model.name == "Other")
        #expect(values.model.router == "r2")
        #expect(values.deprecation.date == "2026-09-24")
        #expect(values.deprecation.isGiven)
        #expect(values.date == Date(timeIntervalSince1970: 784_111_777))
    }

    @Test func `what names the machine, the content and the future surfaces too`() {
        let headers = AnswerHeaders([
            "X-Request-ID": "req", "x-venice-version": "20260821", "x-venice-host-name": "h1",
            "x-venice-timestamp": "2026-09-30T10:00:00Z", "x-venice-model-deprecation-warning": "leaves soon",
            "Deprecation": "true", "x-venice-is-content-violation": "true", "x-venice-is-blurred": "False",
            "x-venice-is-adult-model-content-violation": "false", "x-venice-contains-minor": "TRUE",
            "Link": "<https://a.example/x>; rel=\"next\", </api/v1/chat/completions?k=1>; rel=\"successor-version\"",
            "x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "999", "x-ratelimit-reset-tokens": "3",
        ])
        #expect(headers.requestID == "req")
        #expect(headers.version == "20260821")
        #expect(headers.hostName == "h1")
        #expect(headers.timestamp == "2026-09-30T10:00:00Z")
        #expect(headers.deprecation.warning == "leaves soon")
        #expect(headers.deprecation.word == "true")
        #expect(headers.deprecation.successor == "/api/v1/chat/completions")
        #expect(headers.content.isViolation == true)
        #expect(headers.content.isBlurred == false)
        #expect(headers.content.isAdultModelViolation == false)
        #expect(headers.content.containsMinor == true)
        #expect(headers.rateLimits.tokenLimit == 1000)
        #expect(headers.rateLimits.tokensRemaining == 999)
        #expect(headers.rateLimits.tokenReset == .after(.seconds(3)))
    }

    @Test func `an answer without any of it says nothing`() {
        let headers = AnswerHeaders([:])
        #expect(!headers.deprecation.isGiven)
        #expect(headers.balance == nil && headers.walletBalance == nil && headers.requestID == nil)
        #expect(headers.rateLimits == RateLimitHeaders([:]))
        #expect(!AnswerHeaders(["x-venice-deprecated": "false"]).deprecation.isGiven)
        #expect(AnswerHeaders(["x-venice-deprecated": "true"]).deprecation.isGiven)
        #expect(AnswerHeaders(["x-venice-balance-usd": "", "CF-RAY": ""]).balance == nil)
        #expect(AnswerHeaders(["PAYMENT-REQUIRED": "%%%"]).paymentRequired == nil)
    }

    @Test func `the values stay with the evidence of a failure`() async {
        let client = VeniceClient(
            .json("{}", status: 429, headers: ["Retry-After": "7", "x-venice-balance-usd": "3", "CF-RAY": "ray-9"]))
        let evidence = await failure { () throws(VeniceError) in try await client.rateLimits() }?.evidence
        #expect(evidence?.headers?.rateLimits.retryAfter == .after(.seconds(7)))
        #expect(evidence?.headers?.balance == Money("3"))
        #expect(evidence?.ray == "ray-9")
    }

    @Test func `the account's own word is read`() async throws {
        let text = """
            {"data":{"accessPermitted":true,"apiTier":{"id":"paid","isCharged":true},"balances":{"USD":"1.5","DIEM":2},
             "keyExpiration":null,"nextEpochBegins":"2026-09-24T00:00:00.000Z","rateLimits":[
             {"apiModelId":"wan","rateLimits":[]},{"apiModelId":"llm","rateLimits":[{"type":"RPM","amount":50}]}]}}
            """
        let status = try await VeniceClient(.json(text)).rateLimits()
        #expect(status.isAccessPermitted == true)
        #expect(status.tier == "paid")
        #expect(status.balances == ["USD": Decimal(string: "1.5")!, "DIEM": 2])
        #expect(status.keyExpiration == nil)
        #expect(status.nextEpochBegins == Date(timeIntervalSince1970: 1_790_208_000))
        #expect(status.limits == [.init(model: "llm", type: "RPM", amount: 50)])
    }

    @Test func `timeouts scale together`() {
        let scaled = VeniceTimeouts().scaled(by: 0.1)
        #expect(scaled.queue.total == .seconds(60))
        #expect(scaled.call.connect == .seconds(1))
        #expect(scaled.download.idle == .seconds(3))
    }
}
