import Foundation
import Testing

@testable import VeniceSimulator

struct LimitsTests {
    @Test func `no key is asked to pay, a wrong one is refused and neither reaches a job`() async throws {
        try await Bench.with { bench in
            let none = try await bench.post("queue", Sample.quick, key: nil)
            #expect(none.status == 402)
            #expect(none.json["x402Version"] == 2)
            #expect(none.json["accepts"]?.array?.isEmpty == false)
            #expect(Data(base64Encoded: none.headers["payment-required"] ?? "")?.isEmpty == false)
            #expect(try await bench.post("queue", Sample.quick, key: "sk-wrong").status == 401)
            #expect(try await bench.post("queue", Sample.quick, key: "VENICE_INFERENCE_KEY_").status == 401)
            #expect(try await bench.kinds() == [.unauthenticated, .unauthenticated, .unauthenticated])
            #expect(try await bench.simulator.ledger().charges.isEmpty)
        }
    }

    @Test func `every answer carries the service's headers`() async throws {
        try await Bench.with { bench in
            let reply = try await bench.post("queue", Sample.quick)
            #expect(reply.headers["cf-ray"]?.hasSuffix("-FRA") == true)
            #expect(reply.headers["x-venice-version"] != nil)
            #expect(reply.headers["x-venice-balance-usd"] == "10000.00")
            #expect(reply.headers["x-ratelimit-limit-requests"] == "40")
            #expect(reply.headers["x-ratelimit-remaining-requests"] == "39")
        }
    }

    @Test func `an account that cannot pay is told so and pays nothing`() async throws {
        try await Bench.with(.set(\.balance, Cents(16))) { bench in
            _ = try await bench.queue(Sample.linked)
            _ = try await bench.queue(Sample.linked)
            let poor = try await bench.post("queue", Sample.quick)
            #expect(poor.status == 402)
            #expect(poor.json["error"]?.string?.hasPrefix("Insufficient USD or Diem balance") == true)
            #expect(poor.json["code"] == nil)
            #expect(poor.headers["x-venice-balance-usd"] == "0.04")
            #expect(try await bench.simulator.ledger().charges.count == 2)
        }
    }

    @Test func `the 41st submission in a minute is refused, and the first after it is admitted`() async throws {
        try await Bench.with { bench in
            for _ in 0..<40 { _ = try await bench.queue(Sample.linked) }
            #expect(try await bench.post("queue", Sample.linked).status == 429)
            #expect(try await bench.post("queue", Sample.linked, key: "VENICE_INFERENCE_KEY_other").status == 200)
            bench.clock.advance(seconds: 60)
            #expect(try await bench.post("queue", Sample.linked).status == 200)
            #expect(try await bench.kinds() == [.overLimit])
            #expect(try await bench.simulator.ledger().charges.count == 42)
        }
    }

    @Test(arguments: RateLimitForm.allCases)
    func `a 429 tells when to come back in the form that was chosen`(_ form: RateLimitForm) async throws {
        try await Bench.with(.set(\.rateLimitForm, form), .set(\.retrieveLimitPerMinute, 1)) { bench in
            let job = try await bench.queue(Sample.linked)
            _ = try await bench.retrieve(job)
            bench.clock.advance(seconds: 20)
            let reply = try await bench.retrieve(job)
            #expect(reply.status == 429)
            let reset = reply.headers["x-ratelimit-reset-requests"]
            let end = bench.clock.now.timeIntervalSince1970 + 40
            switch form {
            case .retryAfter: #expect(reply.headers["retry-after"] == "40")
            case .resetMilliseconds: #expect(reset == "\(Int(end * 1000))")
            case .resetSeconds: #expect(reset == "\(Int(end))")
            case .resetDelta: #expect(reset == "40")
            case .bare: #expect(reset == nil && reply.headers["retry-after"] == nil)
            }
        }
    }

    @Test func `more than twenty failures block the account for half a minute`() async throws {
        try await Bench.with { bench in
            for _ in 0..<21 { #expect(try await bench.post("queue", ["model": "nothing"]).status == 404) }
            let blocked = try await bench.post("queue", Sample.quick)
            #expect(blocked.status == 429)
            #expect(blocked.json["error"]?.string?.hasPrefix("Too many failed attempts (> 20)") == true)
            #expect(blocked.headers["x-ratelimit-remaining"] == "0")
            bench.clock.advance(seconds: 30)
            #expect(try await bench.post("queue", Sample.quick).status == 200)
        }
    }

    @Test func `what goes wrong at private links blocks nobody at the API`() async throws {
        try await Bench.with(.set(\.failureLimit, 2)) { bench in
            for _ in 0..<5 {
                let missing = try await bench.client.call("GET", "/v1/share/read/nothing")
                #expect(missing.status == 404)
            }
            #expect(try await bench.post("quote", Sample.quickQuote, key: nil).status == 200)
        }
    }

    @Test func `what the error budget does not count never blocks`() async throws {
        try await Bench.with { bench in
            let key = ["Authorization": "Bearer \(Sample.key)"]
            let path = "/api/v1/video/queue"
            for _ in 0..<12 {
                let plain = key.merging(["Content-Type": "text/plain"]) { $1 }
                let json = key.merging(["Content-Type": "application/json"]) { $1 }
                let wrongType = try await bench.client.call("POST", path, headers: plain, body: Data("{}".utf8))
                let wrongText = try await bench.client.call("POST", path, headers: json, body: Data("{".utf8))
                #expect(wrongType.status == 400 && wrongText.status == 400)
            }
            _ = try await bench.queue(Sample.quick)
        }
    }

    @Test func `a body over 35 MB is refused unread and the connection ends in order`() async throws {
        try await Bench.with { bench in
            let headers = ["Content-Type": "application/json", "Authorization": "Bearer \(Sample.key)"]
            let reply = try await bench.client.call(
                "POST", "/api/v1/video/queue", headers: headers, body: Data(count: 35_000_001))
            #expect(reply.status == 413)
            #expect(reply.json["code"] == "PAYLOAD_TOO_LARGE")
            #expect(reply.ending == .whole)
        }
    }

    @Test func `a body of 34 MB with a picture in it is read`() async throws {
        try await Bench.with { bench in
            let picture = Sample.png(640, 480) + Data(count: 25_000_000)
            let body: JSONValue = [
                "model": "pixverse-c1-image-to-video", "prompt": "x", "duration": "3s", "resolution": "360p",
                "audio": false, "image_url": .string(Sample.dataURL("image/png", picture)),
            ]
            let reply = try await bench.post("queue", body)
            #expect(reply.status == 200)
        }
    }

    @Test func `routes that are gone, foreign or unknown say so`() async throws {
        try await Bench.with { bench in
            let gone = try await bench.post("transcriptions", ["url": "https://example.com/a"])
            #expect(gone.status == 410)
            #expect(gone.headers["deprecation"] == "true")
            #expect(gone.headers["link"]?.contains("successor-version") == true)
            #expect(try await bench.client.call("GET", "/api/v1/nothing").status == 404)
            #expect(try await bench.client.call("GET", "/api/v1/video/queue").status == 404)
            #expect(try await bench.client.call("GET", "/api/v1/models?type=nothing").status == 400)
            #expect(try await bench.client.call("GET", "/api/v1/models").json["data"] == [])
            let key = ["Authorization": "Bearer \(Sample.key)"]
            let limits = try await bench.client.call("GET", "/api/v1/api_keys/rate_limits", headers: key)
            #expect(limits.json["data"]?["balances"]?["USD"] == 10_000)
            #expect(limits.json["data"]?["rateLimits"]?.array?.count == 116)
            #expect(try await bench.client.call("GET", "/api/v1/api_keys/rate_limits").status == 402)
        }
    }
}
