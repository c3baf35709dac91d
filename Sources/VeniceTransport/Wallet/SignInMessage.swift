public import Foundation

/// What a wallet signs to say who asks (EIP-4361, PROTOCOL §1.2). One is good for one request.
public struct SignInMessage: Hashable, Sendable {
    /// Who is signed in to. The service accepts its own names only, whatever address it is reached under.
    public var domain = "api.venice.ai"
    /// With its checksum.
    public var address: String
    public var statement = "Sign in to Venice AI"
    public var uri = "https://api.venice.ai"
    /// Base, the only EVM chain that the service takes.
    public var chainID = 8453
    /// At least eight letters and digits, never used before by this wallet.
    public var nonce: String
    public var issuedAt: Date
    public var expiresAt: Date

    /// Below the five minutes that the service allows, and below every lifetime that any source names.
    public static let lifetime: TimeInterval = 240

    /// - Parameter now: the service's time.
    public init(address: String, nonce: String, at now: Date) {
        self.address = address
        self.nonce = nonce
        issuedAt = now
        expiresAt = now.addingTimeInterval(Self.lifetime)
    }

    /// 16 hex digits from the system's secure generator.
    public static func freshNonce() -> String { [UInt8].random(count: 8).hex }

    /// The exact text to sign.
    public var text: String {
        """
        \(domain) wants you to sign in with your Ethereum account:
        \(address)

        \(statement)

        URI: \(uri)
        Version: 1
        Chain ID: \(chainID)
        Nonce: \(nonce)
        Issued At: \(issuedAt.formatted(Self.time))
        Expiration Time: \(expiresAt.formatted(Self.time))
        """
    }

    private static let time = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    /// The value of `SIGN-IN-WITH-X`: base64 of a JSON object. Whoever holds it can ask once in the wallet's name.
    func header(signedBy key: WalletKey) -> String {
        let text = text
        let fields = [
            ("address", address), ("message", text), ("signature", key.sign(text)), ("chainId", "eip155:\(chainID)"),
        ]
        let members = fields.map { "\(JSON.quoted($0)):\(JSON.quoted($1))" }
        return Data("{\(members.joined(separator: ","))}".utf8).base64EncodedString()
    }
}
