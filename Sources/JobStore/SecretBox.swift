import Crypto
public import Foundation
public import VideoModels

/// Seals secrets for the database with AES-256-GCM. A dump without the key gives nothing away.
public struct SecretBox: Sendable {
    private let bytes: Data
    private var key: SymmetricKey { SymmetricKey(data: bytes) }

    /// `key` must hold 32 bytes.
    public init?(key: Data) {
        guard key.count == 32 else { return nil }
        bytes = key
    }

    /// Tells one key from another and gives nothing of it away.
    var mark: [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Data("gondola sealing key".utf8), using: key))
    }

    /// A key of 32 bytes for another purpose (HKDF, RFC 5869), which gives nothing away of this one.
    public func derivedKey(for purpose: String) -> Redacted<[UInt8]> {
        let derived = HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Data(purpose.utf8), outputByteCount: 32)
        return Redacted(derived.withUnsafeBytes { Array($0) })
    }

    /// What belongs with the secret, such as its job, is bound in: a sealed value copied to another row does not open.
    func seal(_ secret: Redacted<String>, for context: String) throws -> [UInt8] {
        let box = try AES.GCM.seal(
            Data(secret.reveal().utf8), using: key, authenticating: Data(context.utf8))
        guard let combined = box.combined else { throw PostgresError.unexpectedRow("a secret could not be sealed") }
        return Array(combined)
    }

    func open(_ sealed: [UInt8], for context: String) throws(PostgresError) -> Redacted<String> {
        do {
            let box = try AES.GCM.SealedBox(combined: sealed)
            let data = try AES.GCM.open(box, using: key, authenticating: Data(context.utf8))
            return Redacted(String(decoding: data, as: UTF8.self))
        } catch {
            throw .unexpectedRow("a sealed secret does not open; is this the key it was sealed with?")
        }
    }
}
