import Foundation
import VideoModels

@testable import VeniceSimulator
@testable import VeniceTransport

/// A wallet that signs what a test wants, right or wrong.
struct TestWallet: Sendable {
    let key: WalletKey
    var address: String { key.address }
    /// As the simulator names it.
    var lower: String { key.address.lowercased() }

    init(_ byte: String = "46") { key = WalletKey(Redacted(String(repeating: byte, count: 32)))! }

    /// A message that is good at `now`.
    func message(_ nonce: String = UUID().uuidString.replacing("-", with: ""), at now: Date) -> SignInMessage {
        SignInMessage(address: address, nonce: nonce, at: now)
    }

    /// The payload that goes with a text.
    func payload(_ text: String, chain: JSONValue = "eip155:8453") -> [String: JSONValue] {
        [
            "address": .string(address), "message": .string(text), "signature": .string(key.sign(text)),
            "chainId": chain,
        ]
    }

    static func header(_ payload: [String: JSONValue]) -> [String: String] {
        ["SIGN-IN-WITH-X": JSONValue.object(payload).bytes.base64EncodedString()]
    }

    /// Headers that are good once.
    func signIn(at now: Date) -> [String: String] { Self.header(payload(message(at: now).text)) }
}

extension Bench {
    func signed(
        _ name: String, _ body: JSONValue, _ wallet: TestWallet = TestWallet(), _ headers: [String: String]? = nil
    ) async throws -> PlainClient.Reply {
        let headers = headers ?? wallet.signIn(at: clock.now)
        let all = headers.merging(["Content-Type": "application/json"]) { $1 }
        return try await client.call("POST", "/api/v1/video/\(name)", headers: all, body: body.bytes)
    }

    func queue(_ body: JSONValue, by wallet: TestWallet) async throws -> Queued {
        let reply = try await signed("queue", body, wallet)
        guard reply.status == 200, let id = reply.json["queue_id"]?.string, let model = reply.json["model"]?.string
        else { throw PlainClient.Broken(what: "queue: \(reply.status) \(String(decoding: reply.body, as: UTF8.self))") }
        return Queued(model: model, id: id, link: reply.json["download_url"]?.string)
    }

    func retrieve(_ job: Queued, by wallet: TestWallet) async throws -> PlainClient.Reply {
        try await signed("retrieve", ["model": .string(job.model), "queue_id": .string(job.id)], wallet)
    }

    /// One of the wallet's own routes.
    func ask(
        _ path: String, _ wallet: TestWallet = TestWallet(), of other: String? = nil, query: String = "",
        headers: [String: String]? = nil
    ) async throws -> PlainClient.Reply {
        try await client.call(
            "GET", "/api/v1/x402/\(path)/\(other ?? wallet.address)\(query)",
            headers: headers ?? wallet.signIn(at: clock.now))
    }
}

/// What an independent implementation signed; the same file that the client's tests read.
struct ForeignSignatures: Decodable {
    var keys: [Key]
    var payments: [Payment]
    var keccak256: [Hash]

    struct Key: Decodable {
        var address: String
        var signatures: [Signature]
    }

    struct Signature: Decodable {
        var message: String
        var signature: String
    }

    struct Payment: Decodable {
        var from, to, value, validAfter, validBefore, nonce, signature: String
    }

    struct Hash: Decodable {
        var hex: String
        var digest: String
    }

    static func load() throws -> ForeignSignatures {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../VeniceTransportTests/Fixtures/wallet-vectors.json")
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
    }
}
