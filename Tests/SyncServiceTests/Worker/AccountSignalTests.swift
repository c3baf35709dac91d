import Foundation
import HTTPTransport
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

    @Test func `a notice of an end is heard beside what else the answer says`() {
        let headers = AnswerHeaders(["x-venice-model-deprecation-warning": "leaves soon"])
        let signals = AccountSignal.signals(.queue, status: 200, headers, at: Self.now)
        #expect(signals == [.farewell(headers.deprecation), .success])
    }
}
