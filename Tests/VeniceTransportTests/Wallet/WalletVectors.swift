import Foundation
import Testing

/// What an independent implementation made; `origin` in the file says which.
struct WalletVectors: Decodable {
    var keys: [Key]
    var keccak256: [Hash]

    struct Key: Decodable {
        var key: String
        var address: String
        var publicKey: String
        var signatures: [Signature]
    }

    struct Signature: Decodable {
        var message: String
        var signature: String
    }

    struct Hash: Decodable {
        var hex: String
        var digest: String
    }

    static func load() throws -> WalletVectors {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/wallet-vectors", withExtension: "json"))
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
    }
}

func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count, by: 2).map { at in
        UInt8(String(decoding: digits[at..<at + 2], as: UTF8.self), radix: 16)!
    }
}
