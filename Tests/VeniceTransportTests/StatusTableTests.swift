import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// PROTOCOL §12.2, row by row: what each status at each endpoint means for the caller.
struct StatusTableTests {
    static let expectations: [(status: Int, quote: String, queue: String, retrieve: String, complete: String?)] = [
        (400, "invalid", "invalid", "invalid", nil),
        (401, "operator must act", "operator must act", "operator must act", "operator must act"),
        (402, "payment needed", "payment needed", "payment needed", "payment needed"),
        (403, "operator must act", "operator must act", "operator must act", "operator must act"),
        (404, "gone", "gone", "gone", nil),
        (409, "invalid", "invalid", "retry later", "retry later"), (410, "gone", "gone", "gone", nil),
        (413, "invalid", "invalid", "invalid", "invalid"), (415, "invalid", "invalid", "invalid", "invalid"),
        (422, "refused", "refused", "refused", "invalid"), (429, "throttled", "throttled", "throttled", "throttled"),
        (500, "retry later", "outcome unknown", "retry later", "retry later"),
        (502, "retry later", "outcome unknown", "retry later", "retry later"),
        (503, "retry later", "outcome unknown", "retry later", "retry later"),
        (504, "retry later", "outcome unknown", "retry later", "retry later"),
        (302, "unexpected answer", "outcome unknown", "unexpected answer", "unexpected answer"),
        (408, "retry later", "outcome unknown", "retry later", "retry later"),
        (418, "invalid", "invalid", "unexpected answer", "unexpected answer"),
        (520, "retry later", "outcome unknown", "retry later", "retry later"),
    ]

    @Test(arguments: expectations.indices, ["{}", "<html>edge</html>", #"{"error":"words"}"#])
    func `a row of the table`(index: Int, body: String) async throws {
        let row = Self.expectations[index]
        func client() -> VeniceClient { VeniceClient(.json(body, status: row.status)) }
        let quoteRequest = try QuoteRequest(.sample, model: .sample())
        let queueRequest = try QueueRequest(.sample, model: .sample())
        let quote = await failure { () throws(VeniceError) in try await client().quote(quoteRequest) }
        let queue = await failure { () throws(VeniceError) in try await client().queue(queueRequest) { _ in } }
        let retrieve = await failure { () throws(VeniceError) in try await client().retrieve(model: "m", queueID: "q") }
        let complete = await failure { () throws(VeniceError) in try await client().complete(model: "m", queueID: "q") }
        #expect(quote?.word == row.quote)
        #expect(queue?.word == row.queue)
        #expect(retrieve?.word == row.retrieve)
        #expect(complete?.word == row.complete)
        #expect(retrieve?.evidence.status == row.status)
    }

    @Test func `every row has a verdict for every endpoint`() {
        #expect(Set(StatusTable.columns) == Set(VeniceEndpoint.allCases))
        for row in StatusTable.rows { #expect(row.verdicts.count == StatusTable.columns.count) }
        #expect(Set(StatusTable.rows.map(\.status)).count == StatusTable.rows.count)
    }

    @Test func `only a 500 of retrieve may be the repeated end of a job`() async {
        for (status, mayBeFinal) in [(500, true), (502, false), (503, false), (504, false)] {
            let client = VeniceClient(.json("{}", status: status))
            guard
                case .retryLater(_, mayBeFinal, _) = await failure({ () throws(VeniceError) in
                    try await client.retrieve(model: "m", queueID: "q")
                })
            else {
                Issue.record("\(status)")
                continue
            }
        }
    }

    @Test(arguments: [
        (400, #"{"error":"Request ID is invalid."}"#, "gone"), (400, #"{"error":"Model is required"}"#, "invalid"),
        (404, #"{"error":"Model is required"}"#, "invalid"),
        (404, #"{"error":"Media could not be found. Request may be expired."}"#, "gone"),
        (402, #"{"code":"PAYMENT_REQUIRED"}"#, "payment needed"),
    ])
    func `words that decide on retrieve`(status: Int, body: String, word: String) async {
        let client = VeniceClient(.json(body, status: status))
        #expect(
            await failure { () throws(VeniceError) in try await client.retrieve(model: "m", queueID: "q") }?.word
                == word)
    }

    @Test(
        arguments: [
            (["Retry-After": "12"], "{}", 12.0), (["x-ratelimit-reset-requests": "1800000007000"], "{}", 7),
            (["x-ratelimit-reset-requests": "1800000009"], "{}", 9),
            (["x-ratelimit-resets": "1800000004500"], "{}", 4.5),
            ([:], "{}", nil),
            ([:], #"{"error":"Too many failed attempts (> 50) resulting in a non-success status code."}"#, 30),
            (["x-ratelimit-resets": "1800000005000"], #"{"error":"Too many failed attempts (> 50)"}"#, 5),
            (["Retry-After": "Fri, 15 Jan 2027 08:00:20 GMT"], "{}", 20),
            (["Retry-After": "-5", "x-ratelimit-reset-requests": "3"], "{}", 3),
            (["Retry-After": "99999999"], "{}", 3600), (["Retry-After": "soon"], "{}", nil),
        ] as [([String: String], String, Double?)])
    func `how long a 429 asks to wait`(headers: [String: String], body: String, seconds: Double?) async {
        var fields: HTTPHeaders = [:]
        for (name, value) in headers { fields.add(name, value) }
        let client = VeniceClient(.json(body, status: 429, headers: fields))
        guard
            case .throttled(let wait, _) = await failure({ () throws(VeniceError) in
                try await client.retrieve(model: "m", queueID: "q")
            })
        else {
            Issue.record("not throttled")
            return
        }
        #expect(wait == seconds.map { .seconds($0) })
    }
}
