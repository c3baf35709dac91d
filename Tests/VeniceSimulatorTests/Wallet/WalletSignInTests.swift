import Foundation
import Testing

@testable import VeniceSimulator
@testable import VeniceTransport

struct WalletSignInTests {
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)
    private let wallet = TestWallet()

    @Test func `hashes and signers are those of an independent implementation`() throws {
        let foreign = try ForeignSignatures.load()
        for hash in foreign.keccak256 {
            #expect(Hex.text(Keccak.hash256(try #require(Hex.bytes("0x" + hash.hex)))) == hash.digest)
        }
        for key in foreign.keys {
            for known in key.signatures {
                let bytes = try #require(Hex.bytes(known.signature))
                #expect(Signer.address(of: known.message, bytes) == key.address.lowercased())
                #expect(Signer.address(of: known.message + " ", bytes) != key.address.lowercased())
            }
        }
    }

    @Test func `a header that an independent implementation signed opens the wallet's books`() async throws {
        try await Bench.with { bench in
            for key in try ForeignSignatures.load().keys {
                let signed = key.signatures[2]
                let headers = TestWallet.header([
                    "address": .string(key.address), "message": .string(signed.message),
                    "signature": .string(signed.signature), "chainId": 8453,
                ])
                let reply = try await bench.ask("balance", of: key.address, headers: headers)
                #expect(reply.status == 200 && reply.json["data"]?["balanceUsd"] == 0)
            }
            #expect(try await bench.kinds().isEmpty)
        }
    }

    @Test func `a signature with the high s, or with another ending, is nobody's`() throws {
        let bytes = try #require(Hex.bytes(wallet.key.sign("hello")))
        #expect(Signer.address(of: "hello", bytes) == wallet.lower)
        let order = try #require(
            Hex.bytes("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"))
        var high = bytes
        var borrow = 0
        for at in (0..<32).reversed() {
            let difference = Int(order[at]) - Int(bytes[32 + at]) - borrow
            borrow = difference < 0 ? 1 : 0
            high[32 + at] = UInt8(difference & 0xff)
        }
        high[64] = bytes[64] == 27 ? 28 : 27
        #expect(Signer.address(of: "hello", high) == nil)
        for ending in [UInt8(2), 26, 29, 255] {
            #expect(Signer.address(of: "hello", bytes.dropLast() + [ending]) == nil)
        }
        #expect(Signer.address(of: "hello", Array(bytes.dropLast())) == nil)
    }

    /// A change to a good message or payload, and the code that it deserves.
    struct Fault: Sendable, CustomTestStringConvertible {
        var code: String
        var testDescription: String
        var make: @Sendable (TestWallet) -> [String: String]

        /// The message changed before it is signed.
        static func message(_ code: String, _ what: String, _ change: @escaping @Sendable (inout SignInMessage) -> Void)
            -> Fault
        {
            Fault(code: code, testDescription: what) { wallet in
                var message = wallet.message(at: now)
                change(&message)
                return TestWallet.header(wallet.payload(message.text))
            }
        }

        /// The text changed before it is signed.
        static func text(_ code: String, _ old: String, _ new: String) -> Fault {
            Fault(code: code, testDescription: "\(old) → \(new)") { wallet in
                TestWallet.header(wallet.payload(wallet.message(at: now).text.replacing(old, with: new)))
            }
        }

        /// The payload changed after signing.
        static func payload(
            _ code: String, _ what: String, _ change: @escaping @Sendable (inout [String: JSONValue]) -> Void
        ) -> Fault {
            Fault(code: code, testDescription: what) { wallet in
                var payload = wallet.payload(wallet.message(at: now).text)
                change(&payload)
                return TestWallet.header(payload)
            }
        }
    }

    static let faults: [Fault] = [
        Fault(code: "INVALID_PAYLOAD", testDescription: "no base64") { _ in ["SIGN-IN-WITH-X": "%%%"] },
        Fault(code: "INVALID_PAYLOAD", testDescription: "no object") { _ in ["SIGN-IN-WITH-X": "W10="] },
        .payload("INVALID_PAYLOAD", "no signature") { $0["signature"] = nil },
        .payload("INVALID_PAYLOAD", "no address") { $0["address"] = nil },
        .payload("INVALID_PAYLOAD", "neither message nor fields") { $0["message"] = nil },
        .payload("INVALID_CHAIN_ID", "no chain") { $0["chainId"] = nil },
        .payload("INVALID_CHAIN_ID", "a chain of another kind") { $0["chainId"] = "base" },
        .payload("UNSUPPORTED_CHAIN", "Ethereum itself") { $0["chainId"] = 1 },
        .payload("UNSUPPORTED_CHAIN", "Solana") { $0["chainId"] = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" },
        .payload("INVALID_WALLET", "a short address") { $0["address"] = "0x1234" },
        .payload("ADDRESS_MISMATCH", "another address") { $0["address"] = .string(TestWallet("47").address) },
        .payload("INVALID_SIGNATURE", "no hex") { $0["signature"] = "0xzz" },
        .payload("INVALID_SIGNATURE", "another's signature") { payload in
            payload["signature"] = .string(TestWallet("47").key.sign(payload["message"]?.string ?? ""))
        },
        .payload("INVALID_SIGNATURE", "a text that was not signed") { payload in
            payload["message"] = payload["message"]?.string.map { .string($0.replacing("Sign in", with: "Sign  in")) }
        },
        .payload("TIMESTAMP_MISMATCH", "a timestamp of another time") { $0["timestamp"] = 1_800_000_031_000 },
        .payload("TIMESTAMP_MISMATCH", "a timestamp in words") { $0["timestamp"] = "now" },
        .text("PARSE_ERROR", "wants you", "asks you"), .text("PARSE_ERROR", "URI: ", "Link: "),
        .text("PARSE_ERROR", "Issued At: 2027", "Issued At: soon"),
        .text("PARSE_ERROR", "Version: 1\nChain ID: 8453", "Chain ID: 8453\nVersion: 1"),
        .text("INVALID_MESSAGE", "Version: 1", "Version: 2"), .text("INVALID_MESSAGE", "Chain ID: 8453\n", ""),
        .text("INVALID_MESSAGE", "Issued At: 2027-01-15T08:00:00.000Z\n", ""),
        .message("CHAIN_MISMATCH", "another chain in the text") { $0.chainID = 1 },
        .message("MISSING_NONCE", "a short nonce") { $0.nonce = "1234567" },
        .message("MISSING_NONCE", "a nonce with other signs") { $0.nonce = "12345678-abc" },
        .message("DOMAIN_MISMATCH", "another service") { $0.domain = "outerface.venice.ai" },
        .message("DOMAIN_MISMATCH", "another ending") { $0.domain = "api.venice.ai.example" },
        .message("EXPIRED", "too old") {
            $0.issuedAt = now - 301
            $0.expiresAt = now + 100
        },
        .message("EXPIRED", "past its own end") {
            $0.issuedAt = now - 60
            $0.expiresAt = now
        },
        .message("FUTURE_TIMESTAMP", "from the future") { $0.issuedAt = now + 31 },
        .text(
            "NOT_BEFORE", "Expiration Time: 2027-01-15T08:04:00.000Z",
            "Expiration Time: 2027-01-15T08:04:00.000Z\nNot Before: 2027-01-15T08:00:01Z"),
    ]

    @Test(arguments: faults)
    func `a sign-in that is not exactly right is refused by its code`(fault: Fault) async throws {
        try await Bench.with(.set(\.walletBalance, Cents(1000))) { bench in
            let reply = try await bench.signed("queue", Sample.linked, wallet, fault.make(wallet))
            #expect(reply.status == 401)
            #expect(reply.json["code"] == .string("X402_SIGN_IN_\(fault.code)"))
            #expect(reply.json["error"]?.string != nil)
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.violations.map(\.kind) == [.unauthenticated] && ledger.jobs.isEmpty)
        }
    }

    @Test func `the table of faults has every code but the one of a used nonce`() {
        let codes = Set(Self.faults.map(\.code))
        #expect(codes == Set(SignInCheck.Refusal.allCases.map(\.rawValue)).subtracting(["NONCE_REUSED"]))
        #expect(Set(SignInCheck.Refusal.allCases.map(\.code)) == Set(SignInRefusal.allCases.map(\.code)))
    }

    /// What is unusual and still right.
    @Test func `every form that the service takes is taken`() throws {
        func judged(_ payload: [String: JSONValue]) throws -> String {
            let header = try #require(TestWallet.header(payload)["SIGN-IN-WITH-X"])
            return try SignInCheck.judge(header, at: Self.now).address
        }
        let text = wallet.message(at: Self.now).text
        for chain in [8453, "8453", "eip155:8453"] as [JSONValue] {
            #expect(try judged(wallet.payload(text, chain: chain)) == wallet.lower)
        }
        var lower = wallet.payload(text)
        lower["address"] = .string(wallet.lower)
        lower["timestamp"] = 1_800_000_029_000
        #expect(try judged(lower) == wallet.lower)
        let variants = [
            ("api.venice.ai", "venice.ai"), ("Sign in to Venice AI\n", ""), ("https://api.venice.ai\n", "anything\n"),
            ("\nExpiration Time: 2027-01-15T08:04:00.000Z", ""), ("08:00:00.000Z", "08:00:30Z"),
            ("08:00:00.000Z", "07:55:00Z"),
            ("08:04:00.000Z", "08:04:00.000Z\nRequest ID: 7\nResources:\n- https://a\n- https://b"),
        ]
        for (old, new) in variants {
            let changed = text.replacing(old, with: new, maxReplacements: 1)
            #expect(changed != text)
            #expect(try judged(wallet.payload(changed)) == wallet.lower, "\(new)")
        }
    }

    @Test func `a payload without the message is rebuilt from its fields`() throws {
        let text = wallet.message("0123456789abcdef", at: Self.now).text
        var payload = wallet.payload(text, chain: 8453)
        payload["message"] = nil
        payload["domain"] = "api.venice.ai"
        payload["uri"] = "https://api.venice.ai"
        payload["version"] = "1"
        payload["nonce"] = "0123456789abcdef"
        payload["statement"] = "Sign in to Venice AI"
        payload["issuedAt"] = "2027-01-15T08:00:00.000Z"
        payload["expirationTime"] = "2027-01-15T08:04:00.000Z"
        let header = try #require(TestWallet.header(payload)["SIGN-IN-WITH-X"])
        #expect(try SignInCheck.judge(header, at: Self.now).nonce == "0123456789abcdef")
        payload["statement"] = "Another"
        let other = try #require(TestWallet.header(payload)["SIGN-IN-WITH-X"])
        #expect(throws: SignInCheck.Refusal.invalidSignature) { try SignInCheck.judge(other, at: Self.now) }
    }

    @Test func `a nonce is used up with its signature, even when the call fails`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(1000))) { bench in
            let headers = wallet.signIn(at: bench.clock.now)
            #expect(try await bench.signed("queue", ["model": "none"], wallet, headers).status != 401)
            let again = try await bench.signed("queue", Sample.linked, wallet, headers)
            #expect(again.status == 401 && again.json["code"] == "X402_SIGN_IN_NONCE_REUSED")
            #expect(try await bench.kinds().contains(.nonceReused))
            // Another wallet may use the same nonce.
            let (one, two) = (TestWallet("47"), TestWallet("48"))
            for other in [one, two] {
                let message = other.message("0123456789abcdef", at: bench.clock.now)
                let reply = try await bench.signed(
                    "queue", Sample.linked, other, TestWallet.header(other.payload(message.text)))
                #expect(reply.status == 200)
            }
        }
    }

    @Test
    func `a nonce whose signature was wrong is not used up, and a used one is remembered longer than it is fresh`() {
        var book = WalletBook(timeScale: 0.01)
        let uses = [("a", 0), ("a", 330), ("a", 331)].map { book.consume($0.0, at: Self.now + $0.1) }
        #expect(uses == [true, false, true])
        let others = (0..<5000).map { book.consume("n\($0)", at: Self.now + 331) }
        #expect(others.allSatisfy { $0 })
        let again = book.consume("n0", at: Self.now + 331)
        #expect(!again)
        #expect(SignInCheck.nonceMemory >= SignInCheck.longestAge + SignInCheck.mostAhead)
    }

    @Test func `a signature wins over a key, whichever header it comes in, and both at once are noted`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(1000))) { bench in
            var headers = wallet.signIn(at: bench.clock.now)
            headers["X-Sign-In-With-X"] = headers.removeValue(forKey: "SIGN-IN-WITH-X")
            headers["Authorization"] = "Bearer \(Sample.key)"
            let reply = try await bench.signed("queue", Sample.linked, wallet, headers)
            #expect(reply.status == 200)
            bench.clock.advance(seconds: 10)
            let ledger = try await bench.simulator.ledger()
            #expect(ledger.wallets.first?.transactions.map(\.type) == ["TOP_UP", "CHARGE"])
            #expect(ledger.violations.map(\.kind) == [.bothCredentials])
        }
    }

    @Test func `where signatures are not read they are noted, and open nothing`() async throws {
        try await Bench.with { bench in
            let limits = "/api/v1/api_keys/rate_limits"
            let alone = try await bench.client.call("GET", limits, headers: wallet.signIn(at: bench.clock.now))
            #expect(alone.status == 401 && alone.json["code"] == nil)
            var both = wallet.signIn(at: bench.clock.now)
            both["Authorization"] = "Bearer \(Sample.key)"
            #expect(try await bench.client.call("GET", limits, headers: both).status == 200)
            let kinds = try await bench.kinds()
            #expect(kinds.count { $0 == .signatureUnasked } == 2 && kinds.contains(.bothCredentials))
        }
    }

    @Test func `two signatures on one request, and one at a private link, are noted`() async throws {
        try await Bench.with(.set(\.walletBalance, Cents(1000))) { bench in
            var headers = wallet.signIn(at: bench.clock.now)
            headers["X-Sign-In-With-X"] = headers["SIGN-IN-WITH-X"]
            let reply = try await bench.signed("queue", Sample.linked, wallet, headers)
            let link = try #require(reply.json["download_url"]?.string)
            let path = try #require(URL(string: link)?.path)
            _ = try await bench.client.call("GET", path, headers: wallet.signIn(at: bench.clock.now))
            #expect(try await bench.kinds() == [.signedTwice, .credentialAtLink])
        }
    }

    @Test func `failed sign-ins are counted by address, and a block holds for every wallet there but not for keys`()
        async throws
    {
        try await Bench.with(.set(\.walletBalance, Cents(1000)), .set(\.failureLimit, 3)) { bench in
            for _ in 0..<4 {
                #expect(try await bench.signed("queue", Sample.linked, wallet, ["SIGN-IN-WITH-X": "%%%"]).status == 401)
            }
            let other = try await bench.signed("queue", Sample.linked, TestWallet("47"))
            #expect(other.status == 429)
            #expect(other.json["error"]?.string?.hasPrefix("Too many failed attempts") == true)
            #expect(try await bench.post("queue", Sample.linked).status == 200)
            bench.clock.advance(seconds: 31)
            #expect(try await bench.signed("queue", Sample.linked, TestWallet("47")).status == 200)
        }
    }

    @Test func `the Date of every answer is the simulator's own time`() async throws {
        try await Bench.with { bench in
            bench.clock.advance(seconds: 61.5)
            let reply = try await bench.ask("balance", wallet)
            #expect(reply.headers["date"] == "Fri, 15 Jan 2027 08:01:01 GMT")
        }
    }
}
