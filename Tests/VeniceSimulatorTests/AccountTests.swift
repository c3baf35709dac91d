import Foundation
import Testing

@testable import VeniceSimulator

/// What keys may do, and what an account may ask about itself.
struct AccountTests {
    private static let history = "/api/v1/billing/usage-history"

    @Test(arguments: ["/api/v1/api_keys/rate_limits/log", "/api/v1/billing/balance", history])
    func `billing and the log want an admin key`(_ path: String) async throws {
        try await Bench.with { bench in
            let inference = try await bench.get(path)
            #expect(inference.status == 401)
            #expect(inference.json["error"] == "Admin API key required")
            #expect(try await bench.get(path, key: "nonsense").status == 401)
            #expect(try await bench.get(path, key: nil).json["x402Version"] == 2)
            #expect(try await bench.get(path, key: Sample.adminKey).status == 200)
        }
    }

    @Test func `an admin key and an inference key of one name share an account, and jobs`() async throws {
        try await Bench.with { bench in
            let job = try await bench.queue(Sample.quick)
            #expect(try await bench.retrieve(job, key: Sample.adminKey).status == 200)
            #expect(try await bench.retrieve(job, key: Sample.key + ".second").status == 200)
            #expect(try await bench.retrieve(job, key: "VENICE_ADMIN_KEY_other").status == 400)
            let balance = try await bench.get("/api/v1/billing/balance", key: Sample.adminKey)
            #expect(balance.json["balances"]?["usd"]?.number == 9_999.94)
            #expect(balance.json["consumptionCurrency"] == "USD" && balance.json["canConsume"] == true)
        }
    }

    @Test func `the log shows what the limiter has refused, the last fifty of it`() async throws {
        try await Bench.with(.set(\.retrieveLimitPerMinute, 1), .set(\.queueLimitPerMinute, 1)) { bench in
            let job = try await bench.queue(Sample.linked)
            #expect(try await bench.post("queue", Sample.linked).status == 429)
            for _ in 0..<53 { _ = try await bench.retrieve(job) }
            let log = try await bench.get("/api/v1/api_keys/rate_limits/log", key: Sample.adminKey).json
            #expect(log["object"] == "list")
            let entries = try #require(log["data"]?.array)
            #expect(entries.count == 50)
            #expect(entries.allSatisfy { $0["modelId"] == "endpoint:video/retrieve" && $0["rateLimitType"] == "RPM" })
            #expect(
                try await bench.get("/api/v1/api_keys/rate_limits/log", key: "VENICE_ADMIN_KEY_x").json["data"] == [])
        }
    }

    @Test func `the log tells a block by failures from a limit, and names the model`() async throws {
        try await Bench.with(.set(\.failureLimit, 1), .set(\.queueLimitPerMinute, 3)) { bench in
            for _ in 0..<3 { _ = try await bench.post("queue", ["model": "nothing"]) }
            bench.clock.advance(seconds: 30)
            _ = try await bench.post("queue", Sample.quick)
            _ = try await bench.post("queue", Sample.quick)
            let log = try await bench.get("/api/v1/api_keys/rate_limits/log", key: Sample.adminKey).json
            let entries = log["data"]?.array ?? []
            #expect(entries.map { $0["rateLimitType"] } == ["FAILED_REQUESTS", "RPM"])
            #expect(entries.map { $0["modelId"] } == ["nothing", Sample.quick["model"]])
        }
    }

    // MARK: Usage history

    private func page(_ bench: Bench, _ query: String, key: String = Sample.adminKey) async throws -> PlainClient.Reply
    {
        try await bench.get(Self.history + query, key: key)
    }

    @Test func `the history is walked in the order of time, each row once, charges and refunds alike`() async throws {
        try await Bench.with(.set(\.queueLimitPerMinute, 100)) { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue, nth: 5), .failJob(with: .inference))])
            for _ in 0..<24 {
                _ = try await bench.queue(Sample.linked)
                bench.clock.advance(seconds: 1)
            }
            bench.clock.advance(seconds: 1_000)
            var rows: [JSONValue] = []
            var query = "?pageSize=10&currency=USD"
            while true {
                let reply = try await page(bench, query)
                #expect(reply.status == 200)
                rows += reply.json["data"]?.array ?? []
                guard let cursor = reply.json["nextCursor"]?.string else { break }
                query = "?cursor=\(cursor)"
                // What is booked in the meantime comes at the end and moves nothing.
                if rows.count == 10 { _ = try await bench.queue(Sample.linked) }
            }
            let times = rows.compactMap { $0["timestamp"]?.string }
            #expect(rows.count == 26 && times == times.sorted())
            let amounts = rows.compactMap { $0["amount"]?.number }
            #expect(amounts.filter { $0 > 0 } == [0.06] && amounts.count { $0 == -0.06 } == 25)
            #expect(Set(rows.compactMap { $0["inferenceDetails"]?["requestId"]?.string }).count == 25)
        }
    }

    @Test func `a row bears the request id of the answer that charged it`() async throws {
        try await Bench.with { bench in
            let queued = try await bench.post("queue", Sample.linked)
            let row = try await page(bench, "").json["data"]?.array?.first
            #expect(row?["inferenceDetails"]?["requestId"]?.string == queued.headers["x-request-id"])
            #expect(row?["sku"] == "grok-imagine-text-to-video-private-video")
        }
    }

    @Test func `a cursor is sent alone, by its owner, unchanged and soon`() async throws {
        try await Bench.with { bench in
            for _ in 0..<11 { _ = try await bench.queue(Sample.linked) }
            let first = try await page(bench, "?pageSize=10")
            let cursor = try #require(first.json["nextCursor"]?.string)
            #expect(cursor.count <= 512 && cursor.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" })
            #expect(try await page(bench, "?cursor=\(cursor)").json["data"]?.array?.count == 1)
            #expect(try await page(bench, "?cursor=\(cursor)&pageSize=10").status == 400)
            #expect(try await page(bench, "?cursor=\(cursor)", key: "VENICE_ADMIN_KEY_other").status == 400)
            #expect(try await page(bench, "?cursor=A\(cursor.dropFirst())").status == 400)
            #expect(try await page(bench, "?cursor=x").status == 400)
            bench.clock.advance(seconds: 3_600)
            #expect(try await page(bench, "?cursor=\(cursor)").status == 400)
        }
    }

    @Test(arguments: [
        "?pageSize=9", "?pageSize=1001", "?pageSize=x", "?currency=EUR", "?startTimestamp=yesterday", "?page=2",
        "?startTimestamp=2027-01-02T00:00:00Z&endTimestamp=2027-01-01T00:00:00Z", "?endTimestamp=2027-01-01T00:00:00",
    ])
    func `a filter that cannot be is refused`(_ query: String) async throws {
        try await Bench.with { bench in
            let reply = try await page(bench, query)
            #expect(reply.status == 400)
            #expect(reply.json["issues"]?.array?.isEmpty == false)
        }
    }

    @Test func `filters choose by time and currency, and the page can be had as CSV`() async throws {
        try await Bench.with { bench in
            let start = bench.clock.now
            for _ in 0..<3 {
                _ = try await bench.queue(Sample.linked)
                bench.clock.advance(seconds: 10)
            }
            let (from, to) = ((start + 10).formatted(.iso8601), (start + 20).formatted(.iso8601))
            let window = try await page(bench, "?startTimestamp=\(from)&endTimestamp=\(to)")
            #expect(window.json["data"]?.array?.count == 1)
            #expect(try await page(bench, "?currency=DIEM").json["data"] == [])
            let csv = try await bench.get(Self.history, key: Sample.adminKey, headers: ["Accept": "text/csv"])
            #expect(csv.headers["content-type"]?.hasPrefix("text/csv") == true)
            #expect(csv.headers["content-disposition"]?.contains("billing-usage-history-2027") == true)
            #expect(String(decoding: csv.body, as: UTF8.self).split(separator: "\n").count == 4)
        }
    }

    // MARK: Rules of keys

    private static func world(_ rule: KeyRule) -> Bench.Change { .set(\.world, World(keys: [Sample.key: rule])) }

    @Test func `a key's own cap is told in words of its own, and stands below the balance`() async throws {
        try await Bench.with(Self.world(KeyRule(consumptionLimit: .init(usd: Cents(13), window: .epoch)))) { bench in
            _ = try await bench.queue(Sample.linked)
            let limits = try await bench.get("/api/v1/api_keys/rate_limits")
            #expect(limits.json["data"]?["balances"]?["USD"] == 0.07)
            _ = try await bench.queue(Sample.linked)
            let refused = try await bench.post("queue", Sample.linked)
            #expect(refused.status == 402)
            #expect(refused.json["error"]?.string?.hasPrefix("API key USD spend limit exceeded") == true)
            // Another key of the same user has no cap, and the next day the first may spend again.
            _ = try await bench.queue(Sample.linked, key: Sample.adminKey)
            bench.clock.advance(seconds: 86_400)
            _ = try await bench.queue(Sample.linked)
        }
    }

    @Test func `a key that has expired or may not use the API is refused`() async throws {
        let end = Date(timeIntervalSince1970: 1_800_000_010)
        try await Bench.with(Self.world(KeyRule(expiresAt: end))) { bench in
            #expect(try await bench.get("/api/v1/api_keys/rate_limits").json["data"]?["keyExpiration"] != .null)
            _ = try await bench.queue(Sample.linked)
            bench.clock.advance(seconds: 10)
            #expect(try await bench.post("queue", Sample.linked).status == 401)
            #expect(try await bench.post("quote", Sample.quickQuote).status == 200)
        }
        try await Bench.with(Self.world(KeyRule(disabled: true))) { bench in
            let refused = try await bench.post("retrieve", [:])
            #expect(refused.status == 403)
        }
    }

    @Test func `a key for private models alone sees, quotes and queues no others`() async throws {
        try await Bench.with(Self.world(KeyRule(modelPrivacy: .privateOnly))) { bench in
            let listed = try await bench.get("/api/v1/models?type=video").json["data"]?.array ?? []
            #expect(listed.count == 14)
            #expect(listed.allSatisfy { $0["model_spec"]?["privacy"] == "private" })
            #expect(try await bench.get("/api/v1/models?type=video", key: nil).json["data"]?.array?.count == 116)
            #expect(try await bench.post("queue", Sample.quick).status == 403)
            #expect(try await bench.post("quote", Sample.quickQuote).status == 403)
            #expect(try await bench.post("queue", Sample.linked).status == 200)
        }
    }

    @Test func `upscale quotes are limited for a key, and refused without one`() async throws {
        try await Bench.with { bench in
            let body: JSONValue = ["model": "topaz-video-upscale", "video_url": Sample.clip]
            let unnamed = try await bench.post("quote", body, key: nil)
            #expect(unnamed.status == 403)
            for _ in 0..<40 { #expect(try await bench.post("quote", body).status == 200) }
            #expect(try await bench.post("quote", body).status == 429)
            #expect(try await bench.post("quote", Sample.quickQuote).status == 200)
        }
    }

    @Test func `the retired route still counts its callers by address`() async throws {
        try await Bench.with(.set(\.failureLimit, 100)) { bench in
            for _ in 0..<60 { #expect(try await bench.post("transcriptions", ["url": "x"], key: nil).status == 410) }
            let refused = try await bench.post("transcriptions", ["url": "x"])
            #expect(refused.status == 429)
            var elsewhere = bench.client
            elsewhere.source = "127.0.0.2"
            #expect(try await elsewhere.call("POST", "/api/v1/video/transcriptions").status == 410)
        }
    }
}
