import CSecp256k1

/// The curve of Ethereum's keys, through libsecp256k1.
enum Secp256k1 {
    /// Made once and randomised against side channels; afterwards it is only read, which libsecp256k1 allows from any
    /// number of threads.
    private static let context = Context()

    private struct Context: @unchecked Sendable {
        let handle: OpaquePointer

        init() {
            guard let handle = gondola_secp256k1_context() else { preconditionFailure("no memory for a context") }
            self.handle = handle
            var seed = [UInt8].random(count: 32)
            _ = secp256k1_context_randomize(handle, &seed)
        }
    }

    /// Whether 32 bytes are a private key: a number from 1 to the group's order less one.
    static func isPrivateKey(_ key: UnsafeRawBufferPointer) -> Bool {
        key.count == 32 && secp256k1_ec_seckey_verify(context.handle, key.bytes) == 1
    }

    /// The point that belongs to a valid private key: 64 bytes, x and y.
    static func publicKey(of key: UnsafeRawBufferPointer) -> [UInt8] {
        var point = secp256k1_pubkey()
        var serialized = [UInt8](repeating: 0, count: 65)
        guard secp256k1_ec_pubkey_create(context.handle, &point, key.bytes) == 1,
            gondola_secp256k1_serialize(context.handle, &serialized, &point) == 1
        else { preconditionFailure("a checked key has no public key") }
        return Array(serialized.dropFirst())
    }

    /// r, s (the low one) and the recovery number of a digest of 32 bytes. Deterministic (RFC 6979).
    static func sign(_ digest: [UInt8], with key: UnsafeRawBufferPointer) -> (rs: [UInt8], recovery: UInt8) {
        var signature = secp256k1_ecdsa_recoverable_signature()
        var compact = [UInt8](repeating: 0, count: 64)
        var recovery: Int32 = 0
        guard digest.count == 32,
            secp256k1_ecdsa_sign_recoverable(context.handle, &signature, digest, key.bytes, nil, nil) == 1,
            secp256k1_ecdsa_recoverable_signature_serialize_compact(context.handle, &compact, &recovery, &signature)
                == 1
        else { preconditionFailure("a checked key cannot sign") }
        return (compact, UInt8(recovery))
    }
}

extension UnsafeRawBufferPointer {
    /// A key's bytes always have an address.
    fileprivate var bytes: UnsafePointer<UInt8> { baseAddress!.assumingMemoryBound(to: UInt8.self) }
}

extension [UInt8] {
    /// From the system's secure generator.
    static func random(count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Lower case.
    var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
