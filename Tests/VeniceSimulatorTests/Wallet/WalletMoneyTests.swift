import Foundation
import Testing

@testable import VeniceSimulator

struct WalletMoneyTests {
    private let wallet = TestWallet()

    @Test func `a wallet under the floor is told what it has and what to do`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(9))) { bench in
            let reply = try await bench.signed("queue", Sample.linked, wallet)
            #expect(reply.status == 402)
            #expect(reply.json["code"] == "PAYMENT_REQUIRED" && reply.json["reason"] == "insufficient_balance")
            #expect(reply.json["currentBalanceUsd"] == 0.09 && reply.json["minimumBalanceUsd"] == 0.1)
            #expect(reply.json["topUpInstructions"]?["receiverWallet"]?.string != nil)
            #expect(reply.json["siwxChallenge"]?["info"] != nil && reply.json["x402Version"] == nil)
            let header = try #require(Data(base64Encoded: reply.headers["payment-required"] ?? ""))
            #expect(JSONValue.parse(header)?["accepts"]?.array?.count == 2)
            #expect(try await bench.simulator.ledger().charges.isEmpty)
        }
    }

    @Test func `a wallet above the floor that cannot pay this price gets the plain words`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(11))) { bench in
            _ = try await bench.queue(Sample.linked, by: wallet)
            let reply = try await bench.signed("queue", Sample.linked, wallet)
            #expect(reply.status == 402 && reply.json["code"] == nil)
            #expect(reply.json["error"]?.string?.hasPrefix("Insufficient USD") == true)
        }
    }

    @Test func `a wallet is charged when the provider accepts, and cannot spend the same money twice before`()
        async throws
    {
        try await Bench.with(.set(\.walletBalance, Cents(15))) { bench in
            _ = try await bench.queue(Sample.linked, by: wallet)
            #expect(try await bench.simulator.ledger().charges.isEmpty)
            #expect(try await bench.simulator.ledger().wallets.first?.balance == Cents(15))
            let price = try await bench.price(of: Sample.linked)
            #expect(price > Cents(0) && price < Cents(15))
            // What is promised already is not there for another job.
            let room = 15 / price.count
            for _ in 1..<room { _ = try await bench.queue(Sample.linked, by: wallet) }
            #expect(try await bench.signed("queue", Sample.linked, wallet).status == 402)
            bench.clock.advance(seconds: 2)
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.charges.count == room)
            #expect(ledger.wallets.first?.balance == Cents(15 - room * price.count))
            #expect(
                ledger.wallets.first?.transactions.map(\.usd.count) == [15]
                    + [Int](repeating: -price.count, count: room))
        }
    }

    @Test func `a wallet that has run dry cannot poll what it has paid, until it is topped up`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(15))) { bench in
            let job = try await bench.queue(Sample.linked, by: wallet)
            bench.clock.advance(seconds: 2)
            let poll = try await bench.retrieve(job, by: wallet)
            #expect(poll.status == 402 && poll.json["code"] == "PAYMENT_REQUIRED")
            #expect(try await bench.ask("balance", wallet).json["data"]?["canConsume"] == false)
        }
    }

    @Test func `a job that fails gives the wallet its money back`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(1000))) { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue), .failJob(with: .inference))])
            let job = try await bench.queue(Sample.linked, by: wallet)
            await bench.finishRendering()
            #expect(try await bench.retrieve(job, by: wallet).status == 500)
            let entry = try #require(try await bench.simulator.ledger().wallets.first)
            #expect(entry.transactions.map(\.type) == ["TOP_UP", "CHARGE", "REFUND"])
            #expect(entry.balance == Cents(1000) && entry.address == wallet.lower)
            #expect(entry.transactions.dropFirst().allSatisfy { $0.requestID == job.id })
        }
    }

    @Test func `a job belongs to the wallet that queued it`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(1000))) { bench in
            let job = try await bench.queue(Sample.quick, by: wallet)
            #expect(try await bench.retrieve(job, by: TestWallet("47")).status == 400)
            #expect(try await bench.retrieve(job).status == 400)
            await bench.finishRendering()
            let video = try await bench.retrieve(job, by: wallet)
            #expect(video.status == 200 && video.headers["content-type"] == "video/mp4")
        }
    }

    @Test func `balance and transactions are shown to their wallet alone`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(1000))) { bench in
            for path in ["balance", "transactions"] {
                #expect(try await bench.ask(path, wallet, of: "0x12").status == 400)
                #expect(try await bench.ask(path, wallet, of: TestWallet("47").address).status == 403)
                let nobody = try await bench.ask(path, wallet, headers: [:])
                #expect(nobody.status == 402 && nobody.json["x402Version"] == 2)
                let key = try await bench.ask(path, wallet, headers: ["Authorization": "Bearer \(Sample.key)"])
                #expect(key.status == 402)
                let wrong = try await bench.ask(path, wallet, headers: ["SIGN-IN-WITH-X": "%%%"])
                #expect(wrong.status == 401 && wrong.json["code"] == nil)
                #expect(try await bench.ask(path, wallet, of: wallet.lower).status == 200)
            }
            let balance = try await bench.ask("balance", wallet)
            #expect(balance.json["data"]?["balanceUsd"] == 10 && balance.json["data"]?["canConsume"] == true)
        }
    }

    @Test func `transactions come newest first, in pages`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(1000))) { bench in
            for _ in 0..<3 { _ = try await bench.queue(Sample.linked, by: wallet) }
            bench.clock.advance(seconds: 5)
            let first = try await bench.ask("transactions", wallet, query: "?limit=3")
            let rows = try #require(first.json["data"]?["transactions"]?.array)
            #expect(rows.map { $0["type"] } == ["CHARGE", "CHARGE", "CHARGE"])
            #expect(rows.allSatisfy { $0["amount"]?.number ?? 0 < 0 && $0["requestId"]?.string != nil })
            #expect(first.json["data"]?["pagination"]?["hasMore"] == true)
            let second = try await bench.ask("transactions", wallet, query: "?limit=3&offset=3")
            #expect(second.json["data"]?["transactions"]?.array?.map { $0["type"] } == ["TOP_UP"])
            #expect(second.json["data"]?["transactions"]?.array?.first?["requestId"] == .null)
            #expect(second.json["data"]?["pagination"]?["hasMore"] == false)
            for query in ["?limit=0", "?limit=101", "?offset=-1", "?limit=x"] {
                #expect(try await bench.ask("transactions", wallet, query: query).status == 400, "\(query)")
            }
        }
    }

    @Test func `the wallet's routes have limits of their own, without headers`() async throws {
        try await Bench.with { bench in
            for (path, limit) in [("balance", 30), ("transactions", 20)] {
                for _ in 0..<limit { #expect(try await bench.ask(path, wallet).status == 200) }
                let refused = try await bench.ask(path, wallet)
                #expect(refused.status == 429 && refused.headers["retry-after"] == nil)
                #expect(try await bench.ask(path, TestWallet("47")).status == 200)
            }
            bench.clock.advance(seconds: 60)
            #expect(try await bench.ask("balance", wallet).status == 200)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a sixth request at once is refused, and other wallets are not`() async throws
    {
        try await Bench.with(.set(\.walletBalance, Cents(1000))) { bench in
            try bench.simulator.inject([Fault(.init(endpoint: .queue, count: 5), .answerLate(milliseconds: 50_000))])
            // Nobody waits for these: they end with the simulator.
            for _ in 0..<5 { Task { try await bench.signed("queue", Sample.linked, wallet) } }
            while try await bench.simulator.ledger().calls(.queue) < 5 { await Task.yield() }
            let sixth = try await bench.signed("queue", Sample.linked, wallet)
            #expect(sixth.status == 429 && sixth.json["code"] == "X402_CONCURRENCY_LIMIT")
            #expect(try await bench.signed("queue", Sample.linked, TestWallet("47")).status == 200)
        }
    }

    @Test func `a request that ends makes room for another`() {
        var state = SimulatorState(Configuration(mediaDirectory: FileManager.default.temporaryDirectory))
        let places = (0..<6).map { _ in state.takeSlot("wallet", at: .distantPast) }
        #expect(places == [true, true, true, true, true, false])
        state.releaseSlot("wallet")
        let next = [state.takeSlot("wallet", at: .distantPast), state.takeSlot("wallet", at: .distantPast)]
        #expect(next == [true, false])
    }
}

extension Bench {
    fileprivate func price(of body: JSONValue) async throws -> Cents {
        let pricing =
            body.object?.filter { ["model", "duration", "resolution", "aspect_ratio"].contains($0.key) } ?? [:]
        let reply = try await client.call(
            "POST", "/api/v1/video/quote", headers: ["Content-Type": "application/json"],
            body: JSONValue.object(pricing).bytes)
        return Cents(Int(((reply.json["quote"]?.number ?? -1) * 100).rounded()))
    }
}
