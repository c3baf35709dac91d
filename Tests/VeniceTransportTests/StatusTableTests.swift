import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// PROTOCOL §12.2 and §1.4, row by row: what each status at each endpoint means for the caller.
struct StatusTableTests {
    /// Read off the protocol, not off `StatusTable`: the class of the error in the order of `order`.
    static let table = """
               models  quote   queue   retrieve complete script  history wallet  offer   topup   download delete
        302    odd     odd     unknown odd      odd      odd     odd     odd     odd     unknown odd      odd
        400    odd     invalid invalid invalid  -        invalid invalid invalid odd     invalid later    -
        401    account account account account  account  account account account odd     account later    -
        402    pay     pay     pay     pay      pay      pay     pay     pay     pay     pay     later    -
        403    account account account account  account  account account account account account later    -
        404    odd     gone    gone    gone     -        gone    odd     odd     odd     invalid gone     -
        408    later   later   unknown later    later    later   later   later   later   unknown later    later
        409    odd     invalid invalid later    later    invalid odd     odd     odd     later   later    later
        410    odd     gone    gone    gone     -        gone    odd     odd     odd     invalid gone     -
        413    odd     invalid invalid invalid  invalid  invalid odd     odd     odd     invalid later    -
        415    odd     invalid invalid invalid  invalid  invalid odd     odd     odd     invalid later    -
        418    odd     invalid invalid odd      odd      invalid odd     odd     odd     invalid later    -
        422    odd     refused refused refused  invalid  refused odd     odd     odd     invalid later    -
        429    wait    wait    wait    wait     wait     wait    wait    wait    wait    wait    wait     wait
        500    later   later   unknown later    later    later   later   later   later   unknown later    later
        502    later   later   unknown later    later    later   later   later   later   unknown later    later
        503    later   later   unknown later    later    later   later   later   later   unknown later    later
        504    later   later   unknown later    later    later   later   later   later   unknown later    later
        520    later   later   unknown later    later    later   later   later   later   unknown later    later
        """

    static let words = [
        "odd": "unexpected answer", "unknown": "outcome unknown", "invalid": "invalid", "account": "operator must act",
        "pay": "payment needed", "gone": "gone", "later": "retry later", "refused": "refused", "wait": "throttled",
    ]

    /// `-` is success: best-effort calls do not mind.
    static let order: [[VeniceEndpoint]] = [
        [.models, .rateLimits, .rateLimitLog, .billingBalance], [.quote], [.queue], [.retrieve], [.complete],
        [.transcriptions], [.usageHistory], [.walletBalance, .walletTransactions], [.topUpOffer], [.topUp], [.download],
        [.deleteDownload],
    ]

    static let rows: [(status: Int, cells: [Substring])] = table.split(separator: "\n").dropFirst().map { line in
        let words = line.split(separator: " ")
        return (Int(words[0])!, Array(words.dropFirst()))
    }

    /// The class of a cell, unless the body is not from who can say such a thing for good: then it may pass.
    private func word(_ cell: Substring, _ endpoint: VeniceEndpoint, _ body: String) -> String? {
        let isFinal = ["invalid", "gone", "refused"].contains(cell)
        let isDoubted = endpoint == .retrieve && !body.hasPrefix("{") || endpoint == .download && body.hasPrefix("<")
        return Self.words[isFinal && isDoubted ? "later" : String(cell)]
    }

    @Test(arguments: rows.indices, ["{}", "<html>edge</html>", #"{"error":"words"}"#, "words", ""])
    func `a row of the table, at every endpoint`(index: Int, body: String) async {
        let row = Self.rows[index]
        #expect(row.cells.count == Self.order.count)
        for (cell, endpoints) in zip(row.cells, Self.order) {
            for endpoint in endpoints {
                let client = VeniceClient(.json(body, status: row.status))
                let error = await failure { () throws(VeniceError) in try await client.ask(endpoint) }
                #expect(error?.word == word(cell, endpoint, body), "\(endpoint) \(row.status)")
                if let error { #expect(error.evidence.status == row.status && error.evidence.endpoint == endpoint) }
            }
        }
    }

    @Test func `every endpoint has exactly one column`() {
        let endpoints = StatusTable.columns.flatMap(\.endpoints)
        #expect(Set(endpoints) == Set(VeniceEndpoint.allCases))
        #expect(endpoints.count == VeniceEndpoint.allCases.count)
        #expect(Set(Self.order.joined()) == Set(VeniceEndpoint.allCases))
    }

    @Test func `every status that the data names is a row of the test`() {
        let named = Set(StatusTable.columns.flatMap(\.verdicts.keys))
        #expect(named.isSubset(of: Self.rows.map(\.status)))
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

    static let doubted: [(endpoint: VeniceEndpoint, body: String, isDoubted: Bool)] = [
        (.retrieve, "<html>Not Found</html>", true), (.retrieve, "\u{feff} \n<!DOCTYPE html>", true),
        (.retrieve, "Request ID is invalid.", true), (.retrieve, "", true), (.retrieve, #"{"error":"#, true),
        (.retrieve, #"["error"]"#, true), (.retrieve, #"{"error":"Gone"}"#, false),
        (.download, "<html>Not Found</html>", true), (.download, "Not Found", false), (.download, "", false),
        (.download, #"{"message":"Not Found"}"#, false),
    ]

    @Test(arguments: doubted.indices, [400, 404, 410, 413, 415, 422])
    func `a paid job ends by the API's own word, not by that of something in front of it`(index: Int, status: Int)
        async
    {
        let row = Self.doubted[index]
        let client = VeniceClient(.json(row.body, status: status, headers: ["Retry-After": "7"]))
        let error = await failure { () throws(VeniceError) in try await client.ask(row.endpoint) }
        // A link is gone with two statuses; with any other it may be.
        guard row.isDoubted || (row.endpoint == .download && status != 404 && status != 410) else {
            #expect(["invalid", "gone", "refused"].contains(error?.word))
            return
        }
        let mayBeFinal = !row.isDoubted || ![404, 410].contains(status) && row.endpoint == .download
        guard case .retryLater(.seconds(7)?, mayBeFinal, _)? = error else {
            return report("\(row) \(status): \(String(describing: error))")
        }
    }

    @Test func `a host behind a link is not asked about requests to the API`() async {
        for (status, body, word) in [
            (404, #"{"error":"Model is required"}"#, "gone"),
            (400, #"{"code":"PAYMENT_HEADER_NOT_ACCEPTED"}"#, "retry later"),
        ] {
            let client = VeniceClient(.json(body, status: status))
            #expect(await failure { () throws(VeniceError) in try await client.ask(.download) }?.word == word)
        }
    }

    static let told: [(endpoint: VeniceEndpoint, status: Int, body: String, word: String)] = [
        (.retrieve, 400, #"{"error":"Request ID is invalid."}"#, "gone"),
        (.retrieve, 400, #"{"error":"Model is required"}"#, "invalid"),
        (.retrieve, 404, #"{"error":"Model is required"}"#, "invalid"),
        (.retrieve, 404, #"{"error":"Media could not be found. Request may be expired."}"#, "gone"),
        (.retrieve, 402, #"{"code":"PAYMENT_REQUIRED"}"#, "payment needed"),
        (.queue, 400, #"{"error":"PAYMENT_HEADER_NOT_ACCEPTED","message":"m"}"#, "operator must act"),
        (.queue, 429, #"{"code":"X402_CONCURRENCY_LIMIT","error":"e"}"#, "throttled"),
        (.queue, 401, #"{"error":"This model is only available to Pro users"}"#, "operator must act"),
        (.topUp, 400, #"{"error":"X402_INVALID_PAYMENT","message":"m","details":{"reason":"r"}}"#, "invalid"),
        (.topUp, 400, #"{"error":"AMOUNT_TOO_LOW","message":"m"}"#, "invalid"),
        (.topUp, 402, #"{"error":"SETTLEMENT_FAILED","message":"m"}"#, "retry later"),
        (.topUp, 402, #"{"error":"X402_SETTLEMENT_FAILED","message":"m"}"#, "retry later"),
        (.topUp, 402, #"{"x402Version":2,"accepts":[]}"#, "payment needed"),
        (.topUp, 409, #"{"error":"PAYMENT_IN_PROGRESS","message":"m"}"#, "retry later"),
        (.topUp, 503, #"{"error":"X402_NOT_CONFIGURED","message":"m"}"#, "operator must act"),
        (.topUp, 504, #"{"error":"SETTLEMENT_TIMEOUT","message":"m"}"#, "outcome unknown"),
    ]

    @Test(arguments: told.indices)
    func `words of the body that decide`(index: Int) async {
        let row = Self.told[index]
        let client = VeniceClient(.json(row.body, status: row.status))
        let error = await failure { () throws(VeniceError) in try await client.ask(row.endpoint) }
        #expect(error?.word == row.word)
    }

    @Test func `a code is kept without its X402_ prefix, a sign-in's with it`() async {
        let codes = [("X402_SETTLEMENT_FAILED", "SETTLEMENT_FAILED"), ("X402_SIGN_IN_EXPIRED", "X402_SIGN_IN_EXPIRED")]
        for (word, code) in codes {
            let client = VeniceClient(.json(#"{"error":"\#(word)","message":"m"}"#, status: 402))
            let error = await failure { () throws(VeniceError) in try await client.ask(.topUp) }
            #expect(error?.evidence.code == code)
        }
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

/// The route is retired, and its method marked so; tests call it through here.
protocol Transcribing { func transcription(of url: String) async throws(VeniceError) -> Transcript }
extension VeniceClient: Transcribing {}

extension VeniceClient {
    /// Calls an endpoint with a good request and drops what it says.
    func ask(_ endpoint: VeniceEndpoint) async throws(VeniceError) {
        let wallet = "0x" + String(repeating: "a", count: 40)
        let link = Redacted("https://private-share.venice.ai/v1/share/read/x")
        switch endpoint {
        case .models: _ = try await models()
        case .quote: _ = try await quote(QuoteRequest(.sample, model: .sample()))
        case .queue: _ = try await queue(QueueRequest(.sample, model: .sample())) { _ in }
        case .retrieve: _ = try await retrieve(model: "m", queueID: "q")
        case .complete: try await complete(model: "m", queueID: "q")
        case .transcriptions: _ = try await (self as any Transcribing).transcription(of: "https://a.example/v")
        case .rateLimits: _ = try await rateLimits()
        case .rateLimitLog: _ = try await rateLimitLog()
        case .billingBalance: _ = try await billingBalance()
        case .usageHistory: _ = try await usageHistory()
        case .walletBalance: _ = try await walletBalance(of: wallet)
        case .walletTransactions: _ = try await walletTransactions(of: wallet)
        case .topUpOffer: _ = try await topUpOffer()
        case .topUp: _ = try await topUp(payment: Redacted("cGF5"))
        case .download: _ = try await download(link)
        case .deleteDownload: try await deleteDownload(link)
        }
    }
}
