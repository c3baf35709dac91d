import Foundation
import Testing
import VideoModels

@testable import VeniceTransport

@Suite struct WalletKeyTests {
    @Test func `addresses and public keys are those of an independent implementation`() throws {
        for vector in try WalletVectors.load().keys {
            let key = try #require(WalletKey(Redacted(vector.key)))
            #expect(key.address == vector.address)
            #expect("04" + key.publicKey.hex == vector.publicKey)
        }
    }

    @Test func `signatures are those of an independent implementation, byte for byte`() throws {
        let keys = try WalletVectors.load().keys
        #expect(keys.count >= 10 && keys.allSatisfy { $0.signatures.count >= 5 })
        for vector in keys {
            let key = try #require(WalletKey(Redacted(vector.key)))
            for known in vector.signatures { #expect(key.sign(known.message) == known.signature) }
        }
    }

    @Test func `every signature has a low s and 27 or 28 at its end`() throws {
        let half = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"
        let key = try #require(WalletKey(Redacted(String(repeating: "46", count: 32))))
        for number in 0..<200 {
            let signature = key.sign("message \(number)")
            #expect(signature.count == 132 && signature.hasPrefix("0x"))
            #expect(signature.dropFirst(66).prefix(64) <= half)
            #expect(["1b", "1c"].contains(signature.suffix(2)))
        }
    }

    @Test func `the hash is Keccak-256, across the borders of its blocks`() throws {
        let published = [
            ("", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
            ("abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
            (
                "The quick brown fox jumps over the lazy dog",
                "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15"
            ),
        ]
        for (text, digest) in published { #expect(Keccak256.hash(text.utf8).hex == digest) }
        let vectors = try WalletVectors.load().keccak256
        #expect(Set(vectors.map { $0.hex.count / 2 }).isSuperset(of: [135, 136, 137, 271, 272, 273]))
        for vector in vectors { #expect(Keccak256.hash(bytes(hex: vector.hex)).hex == vector.digest) }
    }

    /// The examples that EIP-55 itself gives.
    @Test(arguments: [
        "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ])
    func `letters of an address carry its checksum`(address: String) {
        #expect(EthereumAddress.checksummed(digits: address.dropFirst(2).lowercased()) == address)
    }

    @Test(arguments: [
        "", "0x", "1", String(repeating: "0", count: 64), String(repeating: "1", count: 63),
        String(repeating: "1", count: 65), String(repeating: "g", count: 64), "0x" + String(repeating: "1", count: 62),
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", String(repeating: "f", count: 64),
        String(repeating: "1", count: 32) + " " + String(repeating: "1", count: 31),
        String(repeating: "é", count: 32), "0x0x" + String(repeating: "1", count: 62),
    ])
    func `what is no key is refused`(text: String) {
        #expect(WalletKey(Redacted(text)) == nil)
    }

    @Test func `a key is read with or without 0x, in either case, with white space around it`() throws {
        let digits = "46464646464646464646464646464646464646464646464646464646464646aB"
        let plain = try #require(WalletKey(Redacted(digits)))
        for text in ["0x" + digits, "0X" + digits, digits.uppercased(), digits.lowercased(), " \(digits)\r\n"] {
            #expect(WalletKey(Redacted(text)) == plain)
        }
    }

    @Test func `nothing that is printed holds the key`() throws {
        let digits = String(repeating: "46", count: 32)
        let key = try #require(WalletKey(Redacted(digits)))
        let account = VeniceAccount(id: "main", credential: .wallet(key))
        var dumped = ""
        dump(account, to: &dumped)
        for text in ["\(account)", String(reflecting: account), dumped, "\(account.credential)"] {
            #expect(!text.contains("4646"))
            #expect(text.contains(key.address))
        }
    }
}
