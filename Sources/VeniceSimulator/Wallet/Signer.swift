import CSecp256k1

/// Finds out who signed.
enum Signer {
    /// Only read after it was made, which libsecp256k1 allows from any thread.
    private struct Context: @unchecked Sendable {
        let handle = gondola_secp256k1_context()
    }

    private static let context = Context()

    /// Who signed `text` as wallets sign for a person (EIP-191).
    static func address(of text: String, _ signature: [UInt8]) -> String? {
        let bytes = Array(text.utf8)
        let prefix = Array("\u{19}Ethereum Signed Message:\n\(bytes.count)".utf8)
        return address(digest: Keccak.hash256(prefix + bytes), signature)
    }

    /// The address, in lower case, whose key made a signature of 65 bytes; nil where there is none. The higher of the two
    /// values of s is refused, as it is on the chain.
    static func address(digest: [UInt8], _ signature: [UInt8]) -> String? {
        guard let handle = context.handle, digest.count == 32, signature.count == 65, let v = signature.last else {
            return nil
        }
        let recovery = Int32(v) - (v >= 27 ? 27 : 0)
        let compact = Array(signature.prefix(64))
        guard (0...1).contains(recovery), isLow(compact, handle) else { return nil }
        var parsed = secp256k1_ecdsa_recoverable_signature()
        var key = secp256k1_pubkey()
        var point = [UInt8](repeating: 0, count: 65)
        guard
            secp256k1_ecdsa_recoverable_signature_parse_compact(handle, &parsed, compact, recovery) == 1,
            secp256k1_ecdsa_recover(handle, &key, &parsed, digest) == 1,
            gondola_secp256k1_serialize(handle, &point, &key) == 1
        else { return nil }
        return "0x" + Hex.text(Keccak.hash256(Array(point.dropFirst())).suffix(20))
    }

    private static func isLow(_ compact: [UInt8], _ handle: OpaquePointer) -> Bool {
        var signature = secp256k1_ecdsa_signature()
        return secp256k1_ecdsa_signature_parse_compact(handle, &signature, compact) == 1
            && secp256k1_ecdsa_signature_normalize(handle, nil, &signature) == 0
    }
}

enum Hex {
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        bytes.reduce(into: "") { text, byte in text += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    }

    /// `0x` and an even number of digits.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8.dropFirst(2))
        guard text.hasPrefix("0x"), digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for at in stride(from: 0, to: digits.count, by: 2) {
            let pair = digits[at..<at + 2]
            guard pair.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let byte = UInt8(String(decoding: pair, as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    static func isAddress(_ text: String) -> Bool { bytes(text)?.count == 20 }
}
