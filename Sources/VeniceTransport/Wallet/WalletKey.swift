import Foundation
public import VideoModels

/// The private key of an EVM wallet, and what it can do: name its address and sign. It never shows itself, and its bytes
/// are overwritten when the last copy of this value is gone.
public struct WalletKey: Sendable {
    /// With the checksum of EIP-55: `0x` and 40 hex digits, some of them upper case.
    public let address: String
    private let secret: SecretBytes

    /// What a text that is no key is told.
    public static let expected =
        "a private key: 64 hex digits, with or without 0x, from 1 to below the order of secp256k1"

    /// Reads 64 hex digits, with or without `0x`; white space around them does not count. Nil if they are no key.
    public init?(_ text: Redacted<String>) {
        guard let secret = SecretBytes(hex: text.reveal()),
            secret.withBytes({ Secp256k1.isPrivateKey($0) })
        else { return nil }
        self.secret = secret
        address = EthereumAddress.checksummed(publicKey: secret.withBytes { Secp256k1.publicKey(of: $0) })
    }

    /// The uncompressed public key: 64 bytes, x and y.
    var publicKey: [UInt8] { secret.withBytes { Secp256k1.publicKey(of: $0) } }

    /// Signs a text as wallets do for a person (EIP-191, version 0x45): `0x` and 65 bytes in hex, r, s and v (27 or 28).
    func sign(_ text: String) -> String {
        let message = Array(text.utf8)
        let digest = Keccak256.hash(Array("\u{19}Ethereum Signed Message:\n\(message.count)".utf8) + message)
        let (rs, recovery) = secret.withBytes { Secp256k1.sign(digest, with: $0) }
        return "0x" + (rs + [27 + recovery]).hex
    }
}

extension WalletKey: Hashable {
    /// One address has one key.
    public static func == (left: Self, right: Self) -> Bool { left.address == right.address }
    public func hash(into hasher: inout Hasher) { hasher.combine(address) }
}

extension WalletKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "wallet \(address)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["address": address]) }
}

/// 32 bytes at one place in memory that are overwritten before it is given back.
private final class SecretBytes: @unchecked Sendable {
    /// Written by `init` and `deinit` alone.
    private let buffer: UnsafeMutableRawBufferPointer

    init?(hex text: String) {
        let digits = text.trimmingCharacters(in: .whitespacesAndNewlines).utf8
        let isPrefixed = digits.starts(with: "0x".utf8) || digits.starts(with: "0X".utf8)
        buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 8)
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        guard digits.count == (isPrefixed ? 66 : 64) else { return nil }
        for (position, digit) in digits.suffix(64).enumerated() {
            guard let value = digit.hexValue else { return nil }
            buffer[position / 2] = buffer[position / 2] << 4 | value
        }
    }

    deinit {
        // Unlike a loop of ours, this is never optimised away.
        explicit_bzero(buffer.baseAddress!, buffer.count)
        buffer.deallocate()
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        defer { withExtendedLifetime(self) {} }
        return body(UnsafeRawBufferPointer(buffer))
    }
}

enum EthereumAddress {
    /// The last 20 bytes of the public key's hash, in the letters of EIP-55.
    static func checksummed(publicKey: [UInt8]) -> String {
        checksummed(digits: Array(Keccak256.hash(publicKey).suffix(20)).hex)
    }

    /// EIP-55: a letter is upper case where the hash of the digits has a high nibble at its place.
    static func checksummed(digits: String) -> String {
        let hash = Keccak256.hash(digits.utf8).hex.utf8
        return "0x" + zip(digits, hash).map { $1 >= UInt8(ascii: "8") ? $0.uppercased() : String($0) }.joined()
    }
}

extension UInt8 {
    fileprivate var hexValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
