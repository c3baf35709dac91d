import Foundation
import HTTPTransport
import JobStore
import Logging
import TestSupport
import Testing
import VeniceTransport

@testable import SyncService

@Suite struct AccountSignalTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var endpoint: VeniceEndpoint
        var status: Int
        var headers: HTTPHeaders
        var signals: [AccountSignal]

        init(_ endpoint: VeniceEndpoint, _ status: Int, _ headers: HTTPHeaders = [:], _ signals: AccountSignal...) {
            (self.endpoint, self.status, self.headers, self.signals) = (endpoint, status, headers, signals)
        }

        var testDescription: String { "\(endpoint) \(status) \(headers)" }
    }

    static let now = Date(timeIntervalSince1970: 1_800_000_000)

    static let rows = [
        Row(.queue, 200, [:], .success), Row(.retrieve, 200, [:], .success), Row(.models, 200), Row(.quote, 200),
        Row(.queue, 429, ["Retry-After": "7"], .pause(endpoint: "queue", seconds: 7)),
        Row(.retrieve, 429, ["x-ratelimit-reset-requests": "1800000009000"], .pause(endpoint: "retrieve", seconds: 9)),
        Row(.retrieve, 429, ["x-ratelimit-reset-requests": "1800000009"], .pause(endpoint: "retrieve", seconds: 9)),
        Row(.queue, 429),
        Row(.queue, 200, ["x-ratelimit-limit-requests": "20"], .limit(endpoint: "queue", requests: 20), .success),
        Row(.retrieve, 200, ["x-ratelimit-limit-requests": "0"], .success),
        Row(.quote, 200, ["x-ratelimit-limit-requests": "20"]),
        // A quote has no budget that anybody shares.
        Row(.quote, 429, ["Retry-After": "7"]),
        Row(.retrieve, 429, ["x-ratelimit-type": "FAILED_REQUESTS", "Retry-After": "7"], .blocked),
        Row(.queue, 400, [:], .failure), Row(.retrieve, 422, [:], .failure), Row(.complete, 400, [:], .failure),
        Row(.queue, 401, ["x-ratelimit-remaining": "12"], .failure),
        Row(.queue, 401, ["x-ratelimit-remaining": "3"], .blocked),
        Row(.queue, 402), Row(.queue, 413), Row(.queue, 500), Row(.retrieve, 502), Row(.models, 503),
        Row(.download, 404), Row(.download, 429, ["Retry-After": "7"]), Row(.deleteDownload, 200),
    ]

    @Test(arguments: rows) func `an answer says what its status and headers say`(row: Row) {
        let headers = AnswerHeaders(row.headers)
        #expect(AccountSignal.signals(row.endpoint, status: row.status, headers, at: Self.now) == row.signals)
    }

    @Test(.timeLimit(.minutes(10)))
    func `a smaller limit in a header tightens the budget of all workers, a larger none`() async throws {
        try await TestDatabase.with { database in
            let watch = AccountWatch(
                store: database.store, window: 60, limits: ["queue": 40, "retrieve": 120], log: Logger(label: "test"))
            let running = Task { await watch.run() }
            for limit in ["500", "40", "12"] {
                watch.hear("main", .queue, status: 200, AnswerHeaders(["x-ratelimit-limit-requests": limit]))
            }
            watch.hear("main", .retrieve, status: 200, AnswerHeaders(["x-ratelimit-limit-requests": "130"]))
            while try await database.store.budgets(window: 60, failureWindow: 30).isEmpty { await Task.yield() }
            running.cancel()
            let queue = RateLimit(endpoint: "queue", requests: 40, window: 60)
            #expect(try await database.store.take(queue, account: "main", upTo: 40) == .granted(12, isProbe: false))
            let told = try await database.store.budgets(window: 60, failureWindow: 30)
            #expect(told.map(\.endpoint) == ["queue"])
            #expect(told.first?.toldSeconds ?? 0 > 500)
        }
    }

    @Test func `a notice of an end is heard beside what else the answer says`() {
        let headers = AnswerHeaders(["x-venice-model-deprecation-warning": "leaves soon"])
        let signals = AccountSignal.signals(.queue, status: 200, headers, at: Self.now)
        #expect(signals == [.farewell(headers.deprecation), .success])
    }
}
