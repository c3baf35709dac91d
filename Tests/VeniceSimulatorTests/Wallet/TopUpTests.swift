import Foundation
import Testing

@testable import VeniceSimulator

struct TopUpTests {
    /// The payload of x402 around a payment that an independent implementation signed.
    private func payload(
        _ payment: ForeignSignatures.Payment, accepted: [String: JSONValue] = [:],
        authorization: [String: JSONValue] = [:],
        version: JSONValue = 2
    ) -> [String: JSONValue] {
        let signed: [String: JSONValue] = [
            "from": .string(payment.from), "to": .string(payment.to), "value": .string(payment.value),
            "validAfter": .string(payment.validAfter), "validBefore": .string(payment.validBefore),
            "nonce": .string(payment.nonce),
        ]
        let rail: [String: JSONValue] = [
            "scheme": "exact", "network": .string(TopUpPayment.network), "asset": .string(TopUpPayment.token),
            "amount": .string(payment.value), "payTo": .string(TopUpPayment.recipient), "maxTimeoutSeconds": 300,
        ]
        return [
            "x402Version": version, "accepted": .object(rail.merging(accepted) { $1 }),
            "payload": [
                "signature": .string(payment.signature), "authorization": .object(signed.merging(authorization) { $1 }),
            ],
        ]
    }

    private func post(
        _ bench: Bench, _ payload: [String: JSONValue]?, header: String = "PAYMENT-SIGNATURE"
    ) async throws -> PlainClient.Reply {
        let text = payload.map { JSONValue.object($0).bytes.base64EncodedString() }
        return try await bench.client.call(
            "POST", "/api/v1/x402/top-up", headers: text.map { [header: $0] } ?? [:])
    }

    @Test func `without a payment the rails are offered, one entry each`() async throws {
        try await Bench.with { bench in
            let reply = try await post(bench, nil)
            #expect(reply.status == 402 && reply.json["x402Version"] == 2)
            #expect(reply.json.object?.keys.sorted() == ["accepts", "x402Version"])
            let rails = try #require(reply.json["accepts"]?.array)
            #expect(rails.count == 2 && rails.allSatisfy { $0["scheme"] == "exact" && $0["amount"] == "5000000" })
            #expect(rails[1]["extra"]?["feePayer"]?.string != nil)
            #expect(try await bench.kinds().isEmpty)
        }
    }

    @Test func `payments that an independent implementation signed are credited, each once`() async throws {
        try await Bench.with { bench in
            let payments = try ForeignSignatures.load().payments
            for (payment, header) in zip(payments, ["PAYMENT-SIGNATURE", "X-402-Payment", "X-PAYMENT"]) {
                for _ in 0..<2 {
                    let reply = try await post(bench, payload(payment), header: header)
                    #expect(reply.status == 200 && reply.json["success"] == true)
                    #expect(reply.json["data"]?["amountCredited"] == .number(Double(payment.value)! / 1_000_000))
                    let proof = try #require(Data(base64Encoded: reply.headers["payment-response"] ?? ""))
                    #expect(JSONValue.parse(proof)?["payer"] == .string(payment.from.lowercased()))
                }
            }
            let wallet = try #require(try await bench.simulator.ledger().wallets.first)
            #expect(wallet.transactions.map(\.usd.count) == [500, 1234, 1_000_000])
            #expect(wallet.balance == Cents(1_001_734))
        }
    }

    @Test func `a wallet can spend what it was topped up with`() async throws {
        try await Bench.with { bench in
            let wallet = TestWallet()
            let poor = try await bench.signed("queue", Sample.linked, wallet)
            #expect(poor.status == 402)
            let own = try ForeignSignatures.load().payments.first { $0.from == wallet.address }
            #expect(try await post(bench, payload(try #require(own))).status == 200)
            #expect(try await bench.signed("queue", Sample.linked, wallet).status == 200)
        }
    }

    @Test func `what is wrong with a payment is told by its code, and nothing is credited`() async throws {
        let good = try #require(try ForeignSignatures.load().payments.first)
        let cases: [(String, [String: JSONValue])] = [
            ("INVALID_PAYMENT_FORMAT", [:]), ("INVALID_PAYMENT_FORMAT", payload(good, version: 1)),
            ("INVALID_PAYMENT_FORMAT", payload(good, authorization: ["value": 5_000_000])),
            ("UNSUPPORTED_NETWORK", payload(good, accepted: ["network": "eip155:1"])),
            ("UNSUPPORTED_SCHEME", payload(good, accepted: ["scheme": "upto"])),
            ("UNSUPPORTED_TOKEN", payload(good, accepted: ["asset": .string(good.from)])),
            ("INVALID_PAYMENT_RECIPIENT", payload(good, accepted: ["payTo": .string(good.from)])),
            ("INVALID_PAYMENT_RECIPIENT", payload(good, authorization: ["to": .string(good.from)])),
            ("INVALID_PAYMENT_PAYER", payload(good, authorization: ["from": "me"])),
            ("INVALID_AMOUNT", payload(good, authorization: ["value": "-5"])),
            ("INVALID_AMOUNT", payload(good, authorization: ["value": "6000000"])),
            ("AMOUNT_TOO_LOW", payload(good, accepted: ["amount": "4999999"], authorization: ["value": "4999999"])),
            (
                "AMOUNT_TOO_HIGH",
                payload(good, accepted: ["amount": "10000000001"], authorization: ["value": "10000000001"])
            ),
            (
                "PAYMENT_VERIFICATION_FAILED",
                payload(good, accepted: ["amount": "6000000"], authorization: ["value": "6000000"])
            ),
            ("PAYMENT_VERIFICATION_FAILED", payload(good, authorization: ["validBefore": "1800000000"])),
            ("PAYMENT_VERIFICATION_FAILED", payload(good, authorization: ["validAfter": "1800000001"])),
            ("PAYMENT_VERIFICATION_FAILED", payload(good, authorization: ["nonce": "0x00"])),
        ]
        for (code, payload) in cases {
            let header = JSONValue.object(payload).bytes.base64EncodedString()
            let refusal = #expect(throws: TopUpPayment.Refusal.self) {
                try TopUpPayment(header: header, at: Date(timeIntervalSince1970: 1_800_000_000))
            }
            #expect(refusal?.rawValue == code)
        }
        try await Bench.with { bench in
            let reply = try await post(bench, cases[3].1)
            #expect(reply.status == 400 && reply.json["error"] == "UNSUPPORTED_NETWORK")
            #expect(reply.json["message"]?.string != nil)
            #expect(try await bench.simulator.ledger().wallets.isEmpty)
        }
    }

    @Test func `a payment on any other route is refused and noted`() async throws {
        try await Bench.with { bench in
            let reply = try await bench.client.call(
                "GET", "/api/v1/models?type=video", headers: ["PAYMENT-SIGNATURE": "e30="])
            #expect(reply.status == 400 && reply.json["code"] == "PAYMENT_HEADER_NOT_ACCEPTED")
            #expect(try await bench.kinds() == [.paymentUnasked])
        }
    }

    @Test func `an address may top up ten times a minute`() async throws {
        try await Bench.with { bench in
            for _ in 0..<10 { #expect(try await post(bench, nil).status == 402) }
            let eleventh = try await post(bench, nil)
            #expect(eleventh.status == 429)
            bench.clock.advance(seconds: 60)
            #expect(try await post(bench, nil).status == 402)
        }
    }
}
