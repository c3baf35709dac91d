import Crypto
public import Foundation
public import VideoModels

/// Seals secrets for the database with AES-256-GCM. A dump without the key gives nothing away.
///
/// It holds a ring of keys: the first seals, each opens. A sealed value begins with `g1` and the first four bytes of its key's
/// mark, so that it says itself which key it wants; values of before there were rings begin with their nonce.
public struct SecretBox: Sendable {
    private let keys: [Key]

    /// The most keys in a ring.
    public static let mostKeys = 16

    /// `key` must hold 32 bytes.
    public init?(key: Data) { self.init(keys: [key]) }

    /// One to sixteen different keys of 32 bytes, the one that seals first.
    public init?(keys: [Data]) {
        guard (1...Self.mostKeys).contains(keys.count), keys.allSatisfy({ $0.count == 32 }),
            Set(keys).count == keys.count
        else { return nil }
        self.keys = keys.map(Key.init)
    }

    private struct Key: Sendable {
        private let bytes: Data
        /// Tells one key from another and gives nothing of it away.
        let mark: [UInt8]

        init(_ bytes: Data) {
            self.bytes = bytes
            mark = Array(
                HMAC<SHA256>.authenticationCode(
                    for: Data("gondola sealing key".utf8), using: SymmetricKey(data: bytes)))
        }

        var symmetric: SymmetricKey { SymmetricKey(data: bytes) }
        var id: ArraySlice<UInt8> { mark.prefix(4) }
    }

    /// Of the key that seals.
    var mark: [UInt8] { keys[0].mark }
    /// Of all that open, in hexadecimal.
    var marks: [String] { keys.map { Self.hex($0.mark) } }
    /// What the values begin with that the first key has sealed.
    var head: [UInt8] { Self.magic + keys[0].id }

    /// The ids of the keys, the one that seals first: eight hexadecimal digits each.
    public var keyIDs: [String] { keys.map { Self.hex($0.id) } }

    private static let magic = Array("g1".utf8)
    private static let headLength = 6

    /// Keys of 32 bytes for another purpose (HKDF, RFC 5869), one for each of the ring and in its order. They give nothing
    /// away of the ring's.
    public func derivedKeys(for purpose: String) -> [Redacted<[UInt8]>] {
        keys.map { key in
            let derived = HKDF<SHA256>.deriveKey(
                inputKeyMaterial: key.symmetric, info: Data(purpose.utf8), outputByteCount: 32)
            return Redacted(derived.withUnsafeBytes { Array($0) })
        }
    }

    /// What belongs with the secret, such as its job, is bound in: a sealed value copied to another row does not open.
    func seal(_ secret: Redacted<String>, for context: String) throws -> [UInt8] {
        let box = try AES.GCM.seal(
            Data(secret.reveal().utf8), using: keys[0].symmetric, authenticating: Data(context.utf8))
        guard let combined = box.combined else { throw PostgresError.unexpectedRow("a secret could not be sealed") }
        return head + combined
    }

    func open(_ sealed: [UInt8], for context: String) throws(PostgresError) -> Redacted<String> {
        if let id = Self.keyID(of: sealed), let key = keys.first(where: { Self.hex($0.id) == id }),
            let secret = Self.open(sealed.dropFirst(Self.headLength), key, context)
        {
            return secret
        }
        // From before there were rings, whose nonce may begin with anything.
        for key in keys {
            if let secret = Self.open(sealed[...], key, context) { return secret }
        }
        let named = Self.keyID(of: sealed).map { " It names the key \($0)." } ?? ""
        throw .unexpectedRow("a sealed secret does not open; is this the key it was sealed with?\(named)")
    }

    private static func open(_ sealed: ArraySlice<UInt8>, _ key: Key, _ context: String) -> Redacted<String>? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed),
            let data = try? AES.GCM.open(box, using: key.symmetric, authenticating: Data(context.utf8))
        else { return nil }
        return Redacted(String(decoding: data, as: UTF8.self))
    }

    /// The id of the key that a sealed value names; nil for one from before there were rings.
    static func keyID(of sealed: some Collection<UInt8>) -> String? {
        guard sealed.count > headLength, sealed.starts(with: magic) else { return nil }
        return hex(sealed.dropFirst(magic.count).prefix(4))
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
