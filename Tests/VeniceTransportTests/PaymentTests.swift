import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// The wallet routes and the five bodies of a 402 (PROTOCOL §1.3, §1.4).
struct PaymentTests {
    private static let wallet = "0xAbCdEf0123456789aBcDeF0123456789abcdef01"
    private static let solana = "8qUL23aSj7mDWdoLMXGHFvnVCT9wd7jXcysiekroADEL"
    private static let offer = """
        {"x402Version":2,"accepts":[
          {"scheme":"exact","network":"eip155:8453","asset":"0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
           "amount":"5000000","payTo":"0xpay","maxTimeoutSeconds":300,"extra":{"name":"USD Coin","version":"2"}},
          {"scheme":"exact","network":"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp","amount":5000000,
           "asset":"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v","payTo":"8q","extra":{"feePayer":"BFK9"}},
          {"network":"moon"}, 3]}
        """

    @Test func `a wallet's balance is asked for by its address`() async throws {
        let http = ScriptedHTTPClient(
            .json(
                #"{"success":true,"data":{"walletAddress":"0xabc","balanceUsd":12.5,"canConsume":true,"minimumTopUpUsd":5,"suggestedTopUpUsd":"10","diemBalanceUsd":5.25}}"#
            ))
        let balance = try await VeniceClient(http).walletBalance(of: Self.wallet)
        #expect(balance.balance == Money("12.5"))
        #expect(balance.canConsume == true)
        #expect(balance.minimumTopUp == Money("5"))
        #expect(balance.suggestedTopUp == Money("10"))
        #expect(balance.balanceDIEM == Money("5.25"))
        #expect(http.requests.first?.url == "https://api.venice.ai/api/v1/x402/balance/\(Self.wallet)")
    }

    @Test func `a wallet's ledger is read page by page`() async throws {
        let text = """
            {"success":true,"data":{"walletAddress":"0xabc","currentBalance":12.35,"transactions":[
              {"id":"l1","amount":-0.15,"balanceAfter":12.35,"type":"CHARGE","createdAt":"2026-04-03T12:34:56.000Z",
               "requestId":"r","modelId":"m"},
              {"id":"l2","amount":"5","balanceAfter":null,"type":"GIFT","createdAt":"x","requestId":null,"modelId":null}],
              "pagination":{"limit":2,"offset":4,"hasMore":true}}}
            """
        let http = ScriptedHTTPClient(.json(text))
        let page = try await VeniceClient(http).walletTransactions(of: Self.solana, limit: 2, offset: 4)
        #expect(page.transactions.map(\.amount) == [Money("-0.15"), Money("5")])
        #expect(page.transactions.map(\.type) == [.known(.charge), .unknown("GIFT")])
        #expect(page.transactions.map(\.requestID) == ["r", nil])
        #expect(page.transactions[0].createdAt == Date(timeIntervalSince1970: 1_775_219_696))
        #expect(page.hasMore && page.offset == 4 && page.balance == Money("12.35"))
        #expect(
            http.requests.first?.url
                == "https://api.venice.ai/api/v1/x402/transactions/\(Self.solana)?limit=2&offset=4")
    }

    @Test(arguments: ["", "0x12", "0x" + String(repeating: "g", count: 40), "../balance", "0OIl" + wallet, "a/b?c"])
    func `what is no wallet's address is not sent`(address: String) async {
        let http = ScriptedHTTPClient()
        let client = VeniceClient(http)
        let balance = await failure { () throws(VeniceError) in try await client.walletBalance(of: address) }
        let ledger = await failure { () throws(VeniceError) in try await client.walletTransactions(of: address) }
        #expect(balance?.word == "invalid" && ledger?.word == "invalid")
        #expect(http.requests.isEmpty)
    }

    @Test(arguments: [(0, 0), (101, 0), (50, -1)])
    func `a page that would be refused is not asked for`(limit: Int, offset: Int) async {
        let http = ScriptedHTTPClient()
        let error = await failure { () throws(VeniceError) in
            try await VeniceClient(http).walletTransactions(of: Self.wallet, limit: limit, offset: offset)
        }
        #expect(error?.word == "invalid")
        #expect(http.requests.isEmpty)
    }

    @Test func `a ledger with an entry that cannot be read is no ledger`() async {
        let text = #"{"data":{"walletAddress":"0xabc","transactions":[{"id":"l1","type":"CHARGE"}]}}"#
        let error = await failure { () throws(VeniceError) in
            try await VeniceClient(.json(text)).walletTransactions(of: Self.wallet)
        }
        #expect(error?.word == "unexpected answer")
    }

    @Test func `the 402 of the top-up route is its answer`() async throws {
        let http = ScriptedHTTPClient(.json(Self.offer, status: 402))
        let offer = try await VeniceClient(http).topUpOffer()
        #expect(offer.version == 2)
        #expect(offer.rails.map(\.amount) == ["5000000", "5000000"])
        #expect(offer.rails[0].network.isBase && !offer.rails[0].network.isSolana)
        #expect(offer.rails[1].network.isSolana)
        #expect(offer.rails[0].asset == "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913")
        #expect(offer.rails[0].maxTimeoutSeconds == 300)
        #expect(offer.rails[1].extra == ["feePayer": "BFK9"])
        let request = try #require(http.requests.first)
        #expect(request.method == "POST")
        #expect(request.bodyText.isEmpty)
        #expect(request.headers["Authorization"] == nil)
    }

    @Test(arguments: [(200, "{}"), (200, offer), (402, #"{"x402Version":2,"accepts":[]}"#), (402, "<html>")])
    func `a top-up question without rails in its answer failed`(status: Int, body: String) async {
        let error = await failure { () throws(VeniceError) in
            try await VeniceClient(.json(body, status: status)).topUpOffer()
        }
        #expect(error?.word == (status == 200 ? "unexpected answer" : "payment needed"))
    }

    @Test func `a payment goes once, under its own header alone, and is never printed`() async throws {
        let settled = Data(#"{"success":true,"network":"eip155:8453","payer":"0xp","transaction":"0xt"}"#.utf8)
        let http = ScriptedHTTPClient(
            .json(
                #"{"success":true,"data":{"walletAddress":"0xabc","amountCredited":10,"newBalance":22.5,"paymentId":"p1"}}"#,
                headers: ["PAYMENT-RESPONSE": settled.base64EncodedString()]))
        let receipt = try await VeniceClient(http).topUp(payment: Redacted("U0VDUkVU"))
        #expect(receipt.credited == Money("10"))
        #expect(receipt.balance == Money("22.5"))
        #expect(receipt.paymentID == "p1")
        #expect(receipt.settlement?.transaction == "0xt")
        #expect(receipt.settlement?.network?.isBase == true)
        let request = try #require(http.requests.first)
        #expect(request.headers["PAYMENT-SIGNATURE"] == "U0VDUkVU")
        #expect(request.headers["Authorization"] == nil)
        #expect(request.freshConnection)
        #expect(!"\(request)".contains("U0VDUkVU"))
    }

    @Test(arguments: [
        (HTTPClientError(.interrupted, sent: .maybe), "outcome unknown"), (HTTPClientError(.unreachable), "not sent"),
        (HTTPClientError(.timedOut(.firstByte), sent: .maybe), "outcome unknown"),
    ])
    func `a payment whose answer is lost may have been credited`(error: HTTPClientError, word: String) async {
        let thrown = await failure { () throws(VeniceError) in
            try await VeniceClient(.failure(error)).topUp(payment: Redacted("x"))
        }
        #expect(thrown?.word == word)
    }

    @Test(arguments: ["", "{}", "<html>", #"{"success":true,"data":{}}"#])
    func `a success that credits nothing is an unknown outcome`(body: String) async {
        let thrown = await failure { () throws(VeniceError) in
            try await VeniceClient(.json(body)).topUp(payment: Redacted("x"))
        }
        #expect(thrown?.word == "outcome unknown")
    }

    // MARK: - the shapes

    private func shape(_ text: String) -> PaymentShape { ErrorBody(Array(text.utf8)).payment }

    @Test func `shape A: no credential arrived`() {
        let text = """
            {"x402Version":2,"error":"Payment required","resource":{"url":"https://api.venice.ai/api/v1/video/queue",
             "description":"d","mimeType":"application/json"},"accepts":[{"scheme":"exact","network":"solana",
             "asset":"EPj","amount":"10000000","payTo":"8q","maxTimeoutSeconds":300,"extra":{}}],
             "extensions":{"sign-in-with-x":{"info":{"domain":"api.venice.ai","nonce":"n1","statement":"Sign in to Venice AI"},
              "supportedChains":[{"chainId":"eip155:8453","type":"eip191"},{"chainId":"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"}]}},
             "authOptions":{"apiKey":{},"x402Wallet":{}}}
            """
        guard case .discovery(let discovery) = shape(text) else {
            Issue.record("not a discovery")
            return
        }
        #expect(shape(text).isForOperator)
        #expect(discovery.resource == "https://api.venice.ai/api/v1/video/queue")
        #expect(discovery.offer.rails.map(\.network.isSolana) == [true])
        #expect(discovery.signIn?.nonce == "n1")
        #expect(discovery.signIn?.statement == "Sign in to Venice AI")
        #expect(discovery.signIn?.chains.map(\.network.isBase) == [true, false])
        #expect(discovery.signIn?.chains.map(\.signature) == ["eip191", nil])
    }

    @Test func `shape B: the wallet is below the floor`() {
        let text = """
            {"error":"Payment required","code":"PAYMENT_REQUIRED","reason":"insufficient_balance","currentBalanceUsd":0.01,
             "minimumBalanceUsd":0.1,"suggestedTopUpUsd":10,"minimumTopUpUsd":5,"supportedTokens":["USDC"],
             "supportedChains":["base","solana"],"topUpInstructions":{"step1":"one","step2":"two","step3":"three",
              "receiverWallet":"0xr","tokenAddress":"0xt","tokenDecimals":6,"network":"eip155:8453","minimumAmountUsd":5},
             "siwxChallenge":{"info":{"nonce":"n2","issuedAt":"2026-04-09T12:00:00.000Z",
              "expirationTime":"2026-04-09T12:05:00.000Z"},"supportedChains":[{"chainId":"eip155:8453","type":"eip191"}]}}
            """
        guard case .walletTooLow(let shortfall) = shape(text) else {
            Issue.record("not a shortfall")
            return
        }
        #expect(!shape(text).isForOperator)
        #expect(shortfall.balance == Money("0.01"))
        #expect(shortfall.minimum == Money("0.1"))
        #expect(shortfall.suggestedTopUp == Money("10"))
        #expect(shortfall.minimumTopUp == Money("5"))
        #expect(shortfall.tokens == ["USDC"])
        #expect(shortfall.networks.map(\.isBase) == [true, false])
        #expect(shortfall.networks.map(\.isSolana) == [false, true])
        #expect(shortfall.instructions?.steps == ["one", "two", "three"])
        #expect(shortfall.instructions?.receiver == "0xr")
        #expect(shortfall.instructions?.decimals == 6)
        #expect(shortfall.signIn?.nonce == "n2")
        #expect(shortfall.signIn?.issuedAt == Date(timeIntervalSince1970: 1_775_736_000))
    }

    @Test(arguments: [
        (#"{"error":"Insufficient USD or Diem balance to complete request."}"#, "insufficient_balance", false),
        (#"{"error":"x","code":"INSUFFICIENT_BALANCE"}"#, "insufficient_balance", false),
        (#"{"error":"API key USD spend limit exceeded."}"#, "key_limit", true),
        (#"{"error":"API key DIEM spend limit exceeded."}"#, "key_limit", true),
        (#"{"error":"x","code":"API_KEY_DIEM_SPEND_LIMIT_EXCEEDED"}"#, "key_limit", true),
        (offer, "top_up_offer", false), ("{}", "unknown", false), ("", "unknown", false), ("<html>", "unknown", false),
    ])
    func `shapes C, D and E, and none`(text: String, word: String, isForOperator: Bool) {
        #expect(shape(text).word == word)
        #expect(shape(text).isForOperator == isForOperator)
    }

    @Test func `the payment header of a 402 is kept beside its body`() async {
        let header = Data(Self.offer.utf8).base64EncodedString()
        let client = VeniceClient(
            .json(#"{"error":"Insufficient"}"#, status: 402, headers: ["PAYMENT-REQUIRED": header]))
        let error = await failure { () throws(VeniceError) in try await client.rateLimits() }
        #expect(error?.evidence.headers?.paymentRequired?.rails.count == 2)
    }
}
